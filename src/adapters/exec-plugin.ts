import { execFile } from 'node:child_process';
import { at } from '../model/json.ts';

/** What a program that hands out credentials gave: a token, a client certificate with its key, or both. */
export type ExecCredential = {
  readonly token: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** Undefined when it did not say. */
  readonly expireAtMs: number | undefined;
};

/** Messages of errors with this name hold nothing that a program printed, and may be shown. */
export const credentialProblem = 'CredentialProblem';

const timeoutMs = 60_000;
const maxPrintedBytes = 1024 * 1024;

/**
 * Runs the exec plugin of a trusted kubeconfig, with this process's environment except Sluice's own settings.
 * Input: `users[].user.exec` and the server's address. Throws an error named `CredentialProblem`; what the program printed is in none: it may hold
 * a token. A program that says nothing for a minute is killed. Source: client.authentication.k8s.io/v1.
 */
export async function runExecPlugin(settings: unknown, server: string): Promise<ExecCredential> {
  const command = at(settings, 'command');
  if (typeof command !== 'string' || command === '') throw problem('its user.exec names no command');
  const args: unknown = at(settings, 'args');
  return readCredential(await printedBy(command, Array.isArray(args) ? args.map(String) : [], environmentOf(settings, server)), command);
}

function printedBy(command: string, args: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const running = execFile(command, args, { env, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: maxPrintedBytes }, (error, printed) => {
      if (error === null) resolve(printed);
      else reject(problem(`its program ${command} ${whyFailed(error)}`));
    });
    running.stdin?.on('error', () => {}).end(); // one that asks a person gets no answer instead of waiting for it
  });
}

function whyFailed({ code, signal, killed }: { readonly code?: unknown; readonly signal?: unknown; readonly killed?: boolean }): string {
  if (typeof code === 'number') return `failed with exit code ${code}; run it by hand where Sluice runs to see why`;
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `printed more than ${maxPrintedBytes} bytes`;
  if (killed === true) return `gave nothing within ${timeoutMs / 1000} s`;
  if (typeof signal === 'string') return `was ended by ${signal}`;
  return `cannot be run (${String(code)}); install it where Sluice runs, or correct user.exec.command`;
}

function readCredential(printed: string, command: string): ExecCredential {
  const status: unknown = at(parsed(printed), 'status');
  const [token, certificate, key] = ['token', 'clientCertificateData', 'clientKeyData'].map((field) => textAt(status, field));
  const expireAtMs = Date.parse(textAt(status, 'expirationTimestamp') ?? '');
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) throw problem(`its program ${command} gave a token with characters that no token has`);
  if (token === undefined && (certificate === undefined || key === undefined)) {
    throw problem(`its program ${command} printed no ExecCredential: JSON with status.token, or status.clientCertificateData and status.clientKeyData`);
  }
  return { token, certificate, key, expireAtMs: Number.isFinite(expireAtMs) ? expireAtMs : undefined };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the parser's message quotes the text
  }
}

/** Plugins of cloud providers refuse to run without KUBERNETES_EXEC_INFO. */
function environmentOf(settings: unknown, server: string): Readonly<Record<string, string | undefined>> {
  const given: unknown = at(settings, 'env');
  const entries = (Array.isArray(given) ? (given as unknown[]) : []).map((entry) => [String(at(entry, 'name')), String(at(entry, 'value') ?? '')]);
  const info = {
    apiVersion: at(settings, 'apiVersion') ?? 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: { interactive: false, ...(at(settings, 'provideClusterInfo') === true ? { cluster: { server } } : {}) },
  };
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_'));
  return { ...Object.fromEntries(inherited), ...Object.fromEntries(entries), KUBERNETES_EXEC_INFO: JSON.stringify(info) };
}

const textAt = (fields: unknown, field: string): string | undefined => {
  const value = at(fields, field);
  return typeof value === 'string' && value !== '' ? value : undefined;
};

const problem = (message: string): Error => Object.assign(new Error(message), { name: credentialProblem });
