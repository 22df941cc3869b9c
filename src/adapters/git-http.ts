import { type Port, PortError, type PortErrorCode } from '../model/port-error.ts';
import { referenceText } from '../model/reference.ts';
import type { RepositoryAccess } from '../source/source.ts';

/** The repository's address as a request and a log may hold it: no user, no password, no slash at the end. */
export function withoutCredentials(url: string): string {
  if (!URL.canParse(url)) return '(an address that cannot be read)';
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  parsed.hash = '';
  return parsed.href.replace(/\/+$/, '');
}

/** The Authorization header: the Repository's credentials, else those written into its address, else none. */
export function authorizationOf({ url, credentials }: RepositoryAccess): string | undefined {
  if (credentials === undefined) return authorizationInside(url);
  return 'token' in credentials ? basic(tokenUser(url), credentials.token) : basic(credentials.username, credentials.password);
}

/** Why a Git host's HTTP answer (its status) or its silence (what was thrown) is a failure. `detail` is what the host said, already free of secrets. */
export function gitPortError(port: Port, access: RepositoryAccess, statusOrError: unknown, detail = '', retryAfterMs?: number): PortError {
  const repository = `Repository ${referenceText(access.repository)} (${withoutCredentials(access.url)})`;
  const said = detail === '' ? '' : `: ${detail}`;
  if (typeof statusOrError === 'number') {
    const { code, reason } = failureOf(statusOrError, authorizationOf(access) !== undefined);
    return new PortError(port, code, `${repository}: ${reason}${said}`, { cause: new Error(`HTTP ${statusOrError}`), retryAfterMs });
  }
  const timedOut = timeoutCodes.has(codeOf(statusOrError));
  const reason = timedOut
    ? 'the Git host did not answer in time'
    : `the Git host cannot be reached (${codeOf(statusOrError)}); see that it runs and that spec.url is right`;
  return new PortError(port, timedOut ? 'TIMEOUT' : 'UNREACHABLE', `${repository}: ${reason}${said}`, { cause: statusOrError });
}

/** Seconds or a date, as RFC 9110 allows; in milliseconds from `now`. */
export function retryAfterMsOf(header: string | readonly string[] | undefined, now: Date): number | undefined {
  if (typeof header !== 'string') return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now.getTime();
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}

const timeoutCodes: ReadonlySet<string> = new Set(['TimeoutError', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);

function failureOf(status: number, withCredentials: boolean): { readonly code: PortErrorCode; readonly reason: string } {
  if (status === 401 && !withCredentials)
    return { code: 'UNAUTHORIZED', reason: 'the Git host asks for credentials (401); name a Secret that holds them in spec.secretRef' };
  if (status === 401) return { code: 'UNAUTHORIZED', reason: 'the Git host refuses the credentials (401); renew them in the Secret that spec.secretRef names' };
  if (status === 403) return { code: 'FORBIDDEN', reason: 'the credentials may not do this (403); give their account or token write access to the repository' };
  if (status === 404)
    return { code: 'NOT_FOUND', reason: 'no such repository, or the credentials may not see it (404); correct spec.url, or let their account see it' };
  if (status === 408 || status === 504) return { code: 'TIMEOUT', reason: `the Git host did not answer in time (${status})` };
  if (status === 429)
    return {
      code: 'UNREACHABLE',
      reason: 'the Git host asks for fewer requests (429); it is asked again later. When it lasts, raise spec.pollSeconds and set up a webhook',
    };
  if (status >= 500) return { code: 'UNREACHABLE', reason: `the Git host failed (${status})` };
  if (status >= 300 && status < 400) return { code: 'INVALID', reason: `the repository has moved (${status}); put its new address into spec.url` };
  return { code: 'INVALID', reason: `the Git host answered ${status}; see that spec.url is the address to clone from` };
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no reason given';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause === undefined ? error.name : codeOf(error.cause);
}

function authorizationInside(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { username, password } = new URL(url);
  return username === '' && password === '' ? undefined : basic(percentDecoded(username), percentDecoded(password));
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % that was meant as it stands
  }
}

const basic = (username: string, password: string): string => `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

// GitHub's installation tokens need this very user; GitLab, Gitea, Forgejo and Azure DevOps take any; Bitbucket Cloud has its own.
function tokenUser(url: string): string {
  return URL.canParse(url) && new URL(url).hostname === 'bitbucket.org' ? 'x-token-auth' : 'x-access-token';
}
