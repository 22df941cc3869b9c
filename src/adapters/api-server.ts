import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher } from 'undici';
import { type Json, jsonText } from '../model/json.ts';
import { describeProblems } from '../model/parsed.ts';
import { PortError } from '../model/port-error.ts';
import type { Identity } from '../sync/destination.ts';
import { type Credentials, openCredentials } from './cluster-credentials.ts';
import { clockAheadMs } from './http-probe.ts';
import { parseKubeconfig } from './kubeconfig.ts';
import { connectionError, credentialsError, refusalOf, type Server, silenceError, timeoutError } from './refusal.ts';
import { openRequestLimit } from './request-limit.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type Request = {
  readonly method: Method;
  /** Each part of it already URL-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON; integers keep all their digits. */
  readonly body?: Json;
  readonly contentType?: string;
  readonly accept?: string;
  /** Whose rights decide; Sluice's own when missing. */
  readonly as?: Identity;
  readonly signal: AbortSignal;
  /** For one attempt, from when it is sent. */
  readonly timeoutMs?: number;
  /** Asks whether the server is there, at once and on a connection that nobody else uses. After two in a row without an answer, see ApiServer. */
  readonly isProbe?: boolean;
};

/** `clockAheadMs`: how far the server's clock is ahead of ours, as far as the seconds that it tells show; undefined when it tells none. */
export type Answer = { readonly status: number; readonly body: unknown; readonly warnings: readonly string[]; readonly clockAheadMs?: number | undefined };

/**
 * One Kubernetes API server over pooled keep-alive connections. Both methods throw PortError (UNREACHABLE, TIMEOUT, UNAUTHORIZED, FORBIDDEN,
 * NOT_FOUND, CONFLICT, INVALID), or the reason of the signal. No message holds a credential or a value of a Secret.
 * A server that leaves two probes in a row without an answer is silent: what is under way breaks off, and until a probe is answered everything
 * else fails at once, so that nobody is held up by it and no dead connection outlives the silence.
 */
export type ApiServer = Server & {
  send(request: Request): Promise<Answer>;
  /** A watch: the lines of an answer that does not end soon. `timeoutMs` is for its beginning only. */
  stream(request: Request): Promise<AsyncIterable<string>>;
};

type Options = {
  readonly port: 'hub' | 'destination';
  /** For messages: `Cluster team/production`. */
  readonly name: string;
  readonly connections?: number;
  /** Whether the kubeconfig is the operator's own; a tenant's may not run programs or read files (see parseKubeconfig). */
  readonly trusted?: boolean;
  /** Hears of every answer, for metrics. */
  readonly onAnswer?: (server: string, method: Method, status: number) => void;
};

type Headers = Dispatcher.ResponseData['headers'];
type Received = { readonly status: number; readonly headers: Headers; readonly body: unknown; readonly clockAheadMs: number | undefined };
type Pool = { readonly tls: Credentials['tls']; readonly requests: Agent; readonly watches: Agent };

const defaultTimeoutMs = 60_000;
const maxAnswerBytes = 128 * 1024 * 1024;
const maxLineCharacters = 32 * 1024 * 1024;
const attemptsWhenRefused = 6;
/** One unanswered question is bad luck. */
const probesUntilSilent = 2;
const probeTimeoutMs = 5_000;
const probeAgainMs = 5_000;

/** Throws PortError INVALID when the kubeconfig is refused. Nothing is asked of the server yet. */
export function openApiServer(
  kubeconfigText: string,
  { port, name, connections = 64, trusted = false, onAnswer = () => {} }: Options,
): ApiServer & AsyncDisposable {
  const parsed = parseKubeconfig(kubeconfigText, { trusted });
  if (!parsed.ok) throw new PortError(port, 'INVALID', `${name}: its kubeconfig is refused: ${describeProblems(parsed.problems)}`, { cause: undefined });
  const server: Server = { port, name, url: parsed.value.server };
  const origin = new URL(server.url);
  const basePath = origin.pathname.replace(/\/+$/, '');
  const credentials = openCredentials(parsed.value);
  const limit = openRequestLimit(connections);
  let pool: Pool | undefined;
  const closing = new AbortController();
  let doubting: Promise<void> | undefined;
  let unanswered = 0;
  const isSilent = () => unanswered >= probesUntilSilent;

  async function letIn(): Promise<{ readonly held: Credentials; readonly pool: Pool }> {
    const held = await credentials.current().catch((error: unknown) => {
      throw credentialsError(server, error);
    });
    if (pool === undefined || !sameTls(pool.tls, held.tls)) {
      // The old connections end when what is under way on them has ended.
      void pool?.requests.close().catch(() => {});
      void pool?.watches.close().catch(() => {});
      pool = { tls: held.tls, ...openPools(held, connections) };
    }
    return { held, pool };
  }

  async function ask(request: Request, kind: 'requests' | 'watches', signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    for (let renewed = false; ; renewed = true) {
      const { held, pool: open } = await letIn();
      const answer = await open[kind].request({
        origin: origin.origin,
        path: `${basePath}${request.path}${queryText(request.query)}`,
        method: request.method,
        headers: headersOf(request, held),
        body: request.body === undefined ? null : jsonText(request.body),
        signal,
        // undici would close the connection after each DELETE that has a body: ten times slower.
        reset: false,
      });
      if (answer.statusCode !== 401 || renewed || !(await credentials.renewAfterRefusal(held).catch(() => false))) return answer;
      await answer.body.dump();
    }
  }

  async function attempt(request: Request): Promise<Received> {
    using deadline = openDeadline(request);
    const askedAtMs = Date.now();
    try {
      const answer = await ask(request, request.isProbe ? 'watches' : 'requests', deadline.signal);
      if (request.isProbe) unanswered = 0;
      const ahead = clockAheadMs(answer.headers.date, askedAtMs, Date.now());
      return { status: answer.statusCode, headers: answer.headers, body: readJson(await answer.body.text()), clockAheadMs: ahead };
    } catch (error) {
      if (request.isProbe && !request.signal.aborted) missed(deadline);
      else if (deadline.isOver()) doubting ??= doubt();
      throw failure(error, request, deadline);
    }
  }

  /** A connection that is refused is an answer as well. */
  function missed(deadline: Deadline): void {
    unanswered = deadline.isOver() ? unanswered + 1 : 0;
    if (!isSilent()) return;
    void pool?.requests.destroy().catch(() => {});
    void pool?.watches.destroy().catch(() => {});
    pool = undefined;
  }

  /** The controller probes all the time. Where it is not, a request that was left without an answer begins it. */
  async function doubt(): Promise<void> {
    const probe: Request = { method: 'GET', path: '/version', signal: closing.signal, timeoutMs: probeTimeoutMs, isProbe: true };
    do {
      await attempt(probe).catch(() => {});
      if (unanswered > 0) await sleep(probeAgainMs, undefined, { signal: closing.signal }).catch(() => {});
    } while (unanswered > 0 && !closing.signal.aborted);
    doubting = undefined;
  }

  const refusal = (request: Request, { status, headers, body }: Received): PortError =>
    refusalOf(server, { status, answer: body, path: request.path, body: request.body, retryAfterMs: retryAfterMs(headers) });

  function failure(error: unknown, { signal }: Request, deadline: Deadline): unknown {
    if (signal.aborted) return signal.reason;
    if (error instanceof PortError) return error;
    if (deadline.isOver()) return timeoutError(server, deadline.timeoutMs, error);
    return isSilent() ? silenceError(server) : connectionError(server, error);
  }

  return {
    ...server,
    async send(request) {
      for (let attempts = 1; ; attempts += 1) {
        if (isSilent() && !request.isProbe) throw silenceError(server);
        const leave = request.isProbe ? () => {} : await limit.enter(request.signal);
        const received = await attempt(request).finally(leave);
        onAnswer(name, request.method, received.status);
        if (received.status < 300) {
          limit.succeeded();
          return { status: received.status, body: received.body, warnings: warningsOf(received.headers), clockAheadMs: received.clockAheadMs };
        }
        if (received.status === 429) limit.refused(retryAfterMs(received.headers) ?? 1000);
        if (received.status !== 429 || attempts === attemptsWhenRefused) throw refusal(request, received);
        // Not all at the same moment when the time is over.
        await sleep(Math.random() * 200 * attempts, undefined, { signal: request.signal }).catch(() => {
          throw request.signal.reason;
        });
      }
    },
    async stream(request) {
      if (isSilent()) throw silenceError(server);
      const deadline = openDeadline(request);
      try {
        const answer = await ask(request, 'watches', deadline.signal);
        if (answer.statusCode >= 300)
          throw refusal(request, { status: answer.statusCode, headers: answer.headers, body: readJson(await answer.body.text()), clockAheadMs: undefined });
        deadline.lift();
        return lines(answer.body, (error) => failure(error, request, deadline), deadline);
      } catch (error) {
        deadline[Symbol.dispose]();
        throw failure(error, request, deadline);
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new Error('the connection to this server is closed'));
      await Promise.all([doubting, pool?.requests.destroy(), pool?.watches.destroy()]);
    },
  };
}

/** Credentials that were read again are other objects; asked for each request, so the usual case costs nothing. */
const sameTls = (a: Credentials['tls'], b: Credentials['tls']): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/** HTTP/1.1: 64 connections were faster than one of HTTP/2. Watches have connections of their own, any number, so that they leave the others free. */
function openPools({ tls }: Credentials, connections: number): Omit<Pool, 'tls'> {
  const connect = { ...tls, timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 30_000 };
  const shared = { allowH2: false, pipelining: 1, headersTimeout: 0, bodyTimeout: 0, connect };
  return {
    requests: new Agent({ ...shared, connections, keepAliveTimeout: 30_000, keepAliveMaxTimeout: 60_000, maxResponseSize: maxAnswerBytes }),
    watches: new Agent({ ...shared, keepAliveTimeout: 1000 }),
  };
}

function headersOf({ accept, body, contentType, as: identity }: Request, { authorization }: Credentials): Record<string, string> {
  return {
    accept: accept ?? 'application/json',
    'user-agent': 'sluice',
    ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
    ...(authorization === undefined ? {} : { authorization }),
    // Without Impersonate-Group the API server adds the account's own groups, and Sluice needs no right to impersonate any group.
    ...(identity?.as === 'service-account' ? { 'impersonate-user': `system:serviceaccount:${identity.namespace}:${identity.name}` } : {}),
  };
}

function queryText(query: Request['query']): string {
  const given = Object.entries(query ?? {}).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]));
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

type Deadline = Disposable & { readonly signal: AbortSignal; readonly timeoutMs: number; isOver(): boolean /** The time counts no longer. */; lift(): void };

function openDeadline({ signal, timeoutMs = defaultTimeoutMs }: Request): Deadline {
  const controller = new AbortController();
  let over = false;
  const timer = setTimeout(() => {
    over = true;
    controller.abort(new Error('the time is over'));
  }, timeoutMs);
  const passOn = () => controller.abort(signal.reason);
  if (signal.aborted) passOn();
  else signal.addEventListener('abort', passOn, { once: true });
  return {
    signal: controller.signal,
    timeoutMs,
    isOver: () => over,
    lift: () => clearTimeout(timer),
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener('abort', passOn);
    },
  };
}

async function* lines(body: Dispatcher.ResponseData['body'], failure: (error: unknown) => unknown, deadline: Deadline): AsyncGenerator<string> {
  try {
    body.setEncoding('utf8');
    let rest = '';
    for await (const chunk of body) {
      const parts = (rest + (chunk as string)).split('\n');
      rest = parts.pop() ?? '';
      if (rest.length > maxLineCharacters) throw new Error('a line of a watch is longer than any object');
      yield* parts.filter((line) => line !== '');
    }
  } catch (error) {
    throw failure(error);
  } finally {
    deadline[Symbol.dispose]();
    body.on('error', () => {}).destroy();
  }
}

/** Answers that are no JSON come from proxies in between; their text says why. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.trim().slice(0, 300) };
  }
}

function warningsOf({ warning }: Headers): readonly string[] {
  return [warning ?? []]
    .flat()
    .flatMap((value) => [...value.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text]) => (text ?? '').replaceAll(/\\(.)/g, '$1')));
}

function retryAfterMs({ 'retry-after': header }: Headers): number | undefined {
  return typeof header === 'string' && /^\d{1,4}$/.test(header) ? Number(header) * 1000 : undefined;
}
