export type Port = 'hub' | 'source' | 'renderer' | 'destination' | 'environment-branch' | 'git-host' | 'queue';

export type PortErrorCode = 'UNREACHABLE' | 'TIMEOUT' | 'CONFLICT' | 'UNAUTHORIZED' | 'FORBIDDEN' | 'NOT_FOUND' | 'INVALID';

const retryableCodes: ReadonlySet<PortErrorCode> = new Set(['UNREACHABLE', 'TIMEOUT', 'CONFLICT']);

/** What an API server says of a refusal beside its message: its reason word, the object that it speaks of, the fields at fault. */
export type RefusalDetails = { readonly reason?: string; readonly kind?: string; readonly name?: string; readonly fields?: readonly string[] };

type Options = { readonly cause: unknown; readonly retryAfterMs?: number | undefined; readonly details?: RefusalDetails | undefined };

/**
 * The outside world did not do what was asked. Thrown by adapters only, always with its cause.
 * The message names the place and the reason and never holds a secret.
 */
export class PortError extends Error {
  override readonly name = 'PortError';
  readonly port: Port;
  readonly code: PortErrorCode;
  /** How long the other side asked us to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  readonly details: RefusalDetails | undefined;

  constructor(port: Port, code: PortErrorCode, message: string, options: Options) {
    super(message, { cause: options.cause });
    this.port = port;
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details;
  }

  get retryable(): boolean {
    return retryableCodes.has(this.code);
  }
}

export const isPortError = (error: unknown, ...codes: readonly PortErrorCode[]): error is PortError =>
  error instanceof PortError && (codes.length === 0 || codes.includes(error.code));
