import { at } from '../model/json.ts';
import { type Port, PortError, type PortErrorCode, type RefusalDetails } from '../model/port-error.ts';
import { credentialProblem } from './exec-plugin.ts';

/** One answer that was no success. `path` without its query; `body` is what was sent. */
export type Refused = {
  readonly status: number;
  readonly answer: unknown;
  readonly path: string;
  readonly body: unknown;
  readonly retryAfterMs: number | undefined;
};

/** Whom an error speaks of. */
export type Server = { readonly port: Port; readonly name: string; readonly url: string };

const codeOfStatus: Readonly<Record<number, PortErrorCode>> = {
  400: 'INVALID',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  410: 'CONFLICT',
  422: 'INVALID',
  429: 'UNREACHABLE',
};

/**
 * A schema error of server-side apply answers 500: asked again it would say the same for ever.
 * Source: kube-apiserver 1.36; the first for unknown fields and wrong types, the second for what only decoding finds (`data` that is not base64).
 */
const invalid500 = /^failed to (create typed patch object|convert new object) \(/;

/** What an answer that was no success means. Nothing that the server says of a Secret gets through but its reason word and the names of fields. */
export function refusalOf(server: Server, refused: Refused): PortError {
  const { status, answer } = refused;
  const text = textAt(answer, 'message');
  const code = status >= 500 && invalid500.test(text) ? 'INVALID' : (codeOfStatus[status] ?? (status >= 500 ? 'UNREACHABLE' : 'INVALID'));
  const details = detailsOf(answer, text);
  const said = isAboutSecret(refused) ? secretRefusal(refused, code, details) : shorten(text) || `HTTP ${status}`;
  return new PortError(server.port, code, `${server.name}: ${said}${adviceFor(status)}`, {
    cause: new Error(`HTTP ${status}${details.reason === undefined ? '' : ` ${details.reason}`}`),
    retryAfterMs: refused.retryAfterMs,
    details,
  });
}

/** The server was not reached, or the connection broke. */
export function connectionError(server: Server, error: unknown): PortError {
  const code = causeCode(error);
  return new PortError(server.port, 'UNREACHABLE', `${server.name}: ${server.url} cannot be reached (${code})${connectionAdvice(code)}`, { cause: error });
}

export function credentialsError(server: Server, error: unknown): PortError {
  // What a library or a program says may hold a token: only the words of our own are shown.
  const reason = error instanceof Error && 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  const why =
    error instanceof Error && error.name === credentialProblem ? `: ${error.message}` : `${reason}; check the files and programs that its kubeconfig names`;
  return new PortError(server.port, 'UNAUTHORIZED', `${server.name}: its credentials cannot be obtained${why}`, {
    cause: new Error(`credentials of ${server.name} failed${reason}`),
  });
}

export function timeoutError(server: Server, timeoutMs: number, cause: unknown): PortError {
  return new PortError(server.port, 'TIMEOUT', `${server.name}: ${server.url} did not answer within ${timeoutMs / 1000} s`, { cause });
}

/** Of a request that was not sent. */
export function silenceError(server: Server): PortError {
  const message = `${server.name}: ${server.url} has stopped answering; it is asked again every few seconds, and everything goes on once it answers`;
  return new PortError(server.port, 'UNREACHABLE', message, { cause: undefined });
}

function detailsOf(answer: unknown, text: string): RefusalDetails {
  const causes: unknown = at(answer, 'details', 'causes');
  const named = Array.isArray(causes) ? causes.map((cause) => textAt(cause, 'field')).filter((field) => field !== '') : [];
  // Only the path is taken, never what follows: that quotes the value.
  const typed = /^failed to create typed patch object \([^)]*\): (\.[\w.[\]"=/-]+): /.exec(text)?.[1];
  const fields = [...new Set([...named, ...(typed === undefined ? [] : [typed])])];
  return {
    ...optional('reason', textAt(answer, 'reason')),
    ...optional('kind', textAt(answer, 'details', 'kind')),
    ...optional('name', textAt(answer, 'details', 'name')),
    ...(fields.length === 0 ? {} : { fields }),
  };
}

const optional = <K extends string>(key: K, value: string): { readonly [field in K]?: string } =>
  value === '' ? {} : ({ [key]: value } as { [field in K]: string });

/** Admission webhooks and the server itself quote what they refuse. */
function isAboutSecret({ path, answer, body }: Refused): boolean {
  const [resource] = resourceOf(path);
  return resource === 'secrets' || /^secrets?$/i.test(textAt(answer, 'details', 'kind')) || at(body, 'kind') === 'Secret';
}

function secretRefusal({ status, answer, path, body }: Refused, code: PortErrorCode, details: RefusalDetails): string {
  const [, fromPath] = resourceOf(path);
  const name = fromPath ?? textAt(body, 'metadata', 'name');
  const namespace = /\/namespaces\/([^/]+)\//.exec(path)?.[1];
  const place = `Secret ${[namespace, name].filter(Boolean).join('/')}`.trimEnd();
  const reason = details.reason ?? (code === 'INVALID' ? 'Invalid' : `HTTP ${status}`);
  const fields = details.fields === undefined ? '' : `: ${details.fields.join(', ')}`;
  const base64 = textAt(answer, 'message').includes('illegal base64 data') ? ': a value of data is not base64' : '';
  return `${place}: ${reason}${fields}${base64} (the server's own words are left out: they may quote the Secret)`;
}

/** The resource that a path speaks of, and the object's name. */
function resourceOf(path: string): readonly [resource: string | undefined, name: string | undefined] {
  const below = path.replace(/^\/(api\/[^/]+|apis\/[^/]+\/[^/]+)\//, '').replace(/^namespaces\/[^/]+\/(?=.)/, '');
  const [resource, name] = below.split('/');
  return [resource, name];
}

function adviceFor(status: number): string {
  if (status === 401) return '; it refuses the credentials: renew those in its kubeconfig';
  return '';
}

function connectionAdvice(code: string): string {
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME/.test(code)) return '; check certificate-authority-data and the server name in its kubeconfig';
  if (code === 'ENOTFOUND') return '; check the server name in its kubeconfig';
  return code === 'ECONNREFUSED' ? '; see that it runs, and check the address in its kubeconfig' : '';
}

function causeCode(error: unknown): string {
  if (!(error instanceof Error)) return 'no reason given';
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError && error.errors.length > 0) return causeCode(error.errors[0]);
  return error.cause === undefined ? error.name : causeCode(error.cause);
}

function textAt(value: unknown, ...path: readonly string[]): string {
  const text = at(value, ...path);
  return typeof text === 'string' ? text : '';
}

/** Statuses have room for a message, not for a page. */
const shorten = (text: string): string => (text.length > 2000 ? `${text.slice(0, 2000)}…` : text);
