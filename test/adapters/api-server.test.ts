import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { type ApiServer, openApiServer, type Request } from '../../src/adapters/api-server.ts';
import type { PortErrorCode } from '../../src/model/port-error.ts';

type Answer = { readonly status: number; readonly body?: unknown; readonly text?: string; readonly headers?: Readonly<Record<string, string>> };
type Asked = { readonly method: string; readonly url: string; readonly headers: IncomingMessage['headers']; readonly body: string };

const signal = new AbortController().signal;
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A server that answers as the test says, and the client under test that speaks to it. */
async function serve(
  answer: (asked: Asked, response: ServerResponse) => Answer | undefined | Promise<Answer | undefined>,
  user: object = { token: 'ours' },
  connections?: number,
) {
  const asked: Asked[] = [];
  let sockets = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = (await request.setEncoding('utf8').toArray()).join('');
    const one: Asked = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
    asked.push(one);
    const said = await answer(one, response);
    if (said === undefined) return;
    response.writeHead(said.status, { 'content-type': 'application/json', ...said.headers }).end(said.text ?? JSON.stringify(said.body ?? {}));
  };
  const http = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  }).on('connection', () => {
    sockets += 1;
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const address = http.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const server = openApiServer(kubeconfig(url, user), {
    port: 'destination',
    name: 'Cluster shop/staging',
    trusted: true,
    ...(connections === undefined ? {} : { connections }),
  });
  const close = async () => {
    await server[Symbol.asyncDispose]();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  };
  cleanups.push(close);
  return { server, asked, url, sockets: () => sockets, close };
}

const kubeconfig = (url: string, user: object): string =>
  JSON.stringify({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: url } }],
    users: [{ name: 'u', user }],
  });

const get = (server: ApiServer, request: Partial<Request> = {}) =>
  server.send({ method: 'GET', path: '/api/v1/namespaces/shop/configmaps/a', signal, ...request });
const failed = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.unreachable('it did not fail'),
    (error: unknown) => error,
  );
const status = (code: number, message: string, more: object = {}): Answer => ({ status: code, body: { kind: 'Status', message, ...more } });

it('sends what it is given: query, impersonation without groups, all digits of integers', async () => {
  const { server, asked } = await serve(() => ({
    status: 201,
    body: { kind: 'ConfigMap' },
    headers: { warning: '299 - "unknown field \\"x\\"", 299 - "old"' },
  }));
  const answer = await server.send({
    method: 'PATCH',
    path: '/api/v1/namespaces/shop/configmaps/a',
    query: { fieldManager: 'sluice', force: true, dryRun: undefined },
    contentType: 'application/apply-patch+yaml',
    body: { data: 9_007_199_254_740_993n },
    as: { as: 'service-account', namespace: 'shop', name: 'deployer' },
    signal,
  });
  expect(answer).toMatchObject({ status: 201, body: { kind: 'ConfigMap' }, warnings: ['unknown field "x"', 'old'] });
  expect(asked[0]).toMatchObject({ url: '/api/v1/namespaces/shop/configmaps/a?fieldManager=sluice&force=true', body: '{"data":9007199254740993}' });
  expect(asked[0]?.headers).toMatchObject({
    authorization: 'Bearer ours',
    'content-type': 'application/apply-patch+yaml',
    'impersonate-user': 'system:serviceaccount:shop:deployer',
  });
  expect(asked[0]?.headers).not.toHaveProperty('impersonate-group');
});

it.each<[number, PortErrorCode, string]>([
  [400, 'INVALID', 'what it said'],
  [401, 'UNAUTHORIZED', 'renew those in its kubeconfig'],
  [403, 'FORBIDDEN', 'what it said'],
  [404, 'NOT_FOUND', 'what it said'],
  [409, 'CONFLICT', 'what it said'],
  [422, 'INVALID', 'what it said'],
  [500, 'UNREACHABLE', 'what it said'],
  [503, 'UNREACHABLE', 'what it said'],
])('calls an answer %d %s', async (code, expected, text) => {
  const { server } = await serve(() => status(code, 'what it said', { reason: 'Word', details: { kind: 'configmaps', name: 'a' } }));
  const error = await failed(get(server));
  expect(error).toMatchObject({ port: 'destination', code: expected, details: { reason: 'Word', kind: 'configmaps', name: 'a' } });
  expect(String(error)).toContain('Cluster shop/staging: ');
  expect(String(error)).toContain(text);
});

it.each([
  ['failed to create typed patch object (shop/a; /v1, Kind=ConfigMap): .dota: field not declared in schema', ['.dota']],
  ['failed to convert new object (shop/a; /v1, Kind=ConfigMap) to proper version: illegal base64 data at input byte 7', undefined],
])('calls a 500 INVALID that the same manifest would get for ever: %s', async (message, fields) => {
  const { server } = await serve(() => status(500, message));
  expect(await failed(get(server))).toMatchObject({ code: 'INVALID', retryable: false, details: fields === undefined ? {} : { fields } });
});

it.each<[string, Partial<Request>, object]>([
  ['its path', { path: '/api/v1/namespaces/shop/secrets/login' }, {}],
  ['its path, cluster-wide', { path: '/api/v1/secrets' }, {}],
  ['the details of the answer', {}, { details: { kind: 'Secret', name: 'login' } }],
  ['the object that was sent', { method: 'POST', body: { kind: 'Secret', metadata: { name: 'login' } } }, {}],
])('keeps to itself what the server says of a Secret, known by %s', async (_how, request, more) => {
  const { server } = await serve(() => status(422, 'data: Invalid value: "hunter2"', { reason: 'Invalid', ...more }));
  const error = await failed(get(server, request));
  expect(error).toMatchObject({ code: 'INVALID', details: { reason: 'Invalid' } });
  expect(JSON.stringify([String(error), error, String((error as Error).cause)])).not.toContain('hunter2');
});

it('asks again after 429 when the server says so, and gives up in the end', async () => {
  let refusals = 2;
  const { server, asked } = await serve(() => (refusals-- > 0 ? { status: 429, headers: { 'retry-after': '0' } } : { status: 200 }));
  expect(await get(server)).toMatchObject({ status: 200 });
  expect(asked).toHaveLength(3);
  refusals = Number.POSITIVE_INFINITY;
  expect(await failed(get(server))).toMatchObject({ code: 'UNREACHABLE', retryAfterMs: 0 });
});

it('names the server that does not answer, and why', async () => {
  const { server, url, close } = await serve(() => undefined);
  const late = await failed(get(server, { timeoutMs: 50 }));
  expect(late).toMatchObject({ code: 'TIMEOUT', message: `Cluster shop/staging: ${url} did not answer within 0.05 s` });
  const aborting = new AbortController();
  const aborted = failed(get(server, { signal: aborting.signal }));
  aborting.abort(new Error('a newer commit'));
  expect(await aborted).toMatchObject({ message: 'a newer commit' });
  cleanups.splice(0);
  await close();
  await using again = openApiServer(kubeconfig(url, { token: 'ours' }), { port: 'hub', name: 'The hub', trusted: true });
  expect(await failed(get(again))).toMatchObject({
    port: 'hub',
    code: 'UNREACHABLE',
    message: `The hub: ${url} cannot be reached (ECONNREFUSED); see that it runs, and check the address in its kubeconfig`,
  });
});

it('takes the answer of a proxy in between for what it is', async () => {
  const { server } = await serve(() => ({ status: 502, text: '<html>Bad Gateway</html>' }));
  expect(await failed(get(server))).toMatchObject({ code: 'UNREACHABLE', message: 'Cluster shop/staging: <html>Bad Gateway</html>' });
});

it('uses its connections again, after a DELETE with a body too, and no more than it may', async () => {
  const { server, sockets } = await serve(() => ({ status: 200 }), undefined, 4);
  const remove = () => server.send({ method: 'DELETE', path: '/api/v1/namespaces/shop/configmaps/a', body: { propagationPolicy: 'Background' }, signal });
  await Promise.all(Array.from({ length: 100 }, remove));
  expect(sockets()).toBe(4);
});

it('leaves its connections to requests while any number of watches is open', async () => {
  const { server } = await serve(
    ({ url }, response) => {
      if (!url.includes('watch')) return { status: 200 };
      response.writeHead(200).write('{}\n');
      return undefined;
    },
    undefined,
    1,
  );
  await Promise.all(Array.from({ length: 10 }, () => server.stream({ method: 'GET', path: '/api/v1/pods', query: { watch: true }, signal })));
  expect(await get(server)).toMatchObject({ status: 200 });
});

it('puts lines together that arrive in pieces, and says when the connection breaks', async () => {
  const { server } = await serve((_asked, response) => {
    response.writeHead(200).write('{"a":1}\n{"b":"é');
    setImmediate(() => response.write('"}\n{"cut'));
    setTimeout(() => response.destroy(), 20);
    return undefined;
  });
  const lines: string[] = [];
  const reading = (async () => {
    for await (const line of await server.stream({ method: 'GET', path: '/api/v1/pods', signal })) lines.push(line);
  })();
  expect(await failed(reading)).toMatchObject({ code: 'UNREACHABLE' });
  expect(lines).toEqual(['{"a":1}', '{"b":"é"}']);
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-credentials-'));
  cleanups.push(() => rm(path, { recursive: true }));
  return path;
}

it('reads a token file again when the server refuses the token, once', async () => {
  const tokenFile = join(await folder(), 'token');
  await writeFile(tokenFile, 'old\n');
  const { server, asked } = await serve(({ headers }) => (headers.authorization === 'Bearer new' ? { status: 200 } : status(401, 'Unauthorized')), {
    tokenFile,
  });
  expect(await failed(get(server))).toMatchObject({ code: 'UNAUTHORIZED' });
  await writeFile(tokenFile, 'new\n');
  const before = asked.length;
  expect(await get(server)).toMatchObject({ status: 200 });
  expect(asked.length - before).toBe(2);
});

it('runs the program that grants credentials once for many requests, tells it about the cluster, and again when they expire or are refused', async () => {
  const path = await folder();
  const program = join(path, 'grant');
  await writeFile(program, plugin(path));
  await chmod(program, 0o700);
  await writeFile(join(path, 'expiry'), '2999-01-01T00:00:00Z');
  let wanted = 'Bearer run-1';
  const { server } = await serve(({ headers }) => (headers.authorization === wanted ? { status: 200 } : status(401, 'Unauthorized')), {
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command: program, interactiveMode: 'Never', provideClusterInfo: true },
  });
  const runs = async () => (await readFile(join(path, 'runs'), 'utf8')).trim().split('\n');
  await Promise.all(Array.from({ length: 200 }, () => get(server)));
  expect(await runs()).toHaveLength(1);
  expect(JSON.parse((await runs())[0] ?? '')).toMatchObject({ kind: 'ExecCredential', spec: { interactive: false, cluster: { server: server.url } } });

  wanted = 'Bearer run-2';
  await writeFile(join(path, 'expiry'), new Date(Date.now() + 1000).toISOString());
  await get(server);
  expect(await runs()).toHaveLength(2);

  await vi.waitFor(async () => {
    wanted = `Bearer run-${(await runs()).length + 1}`;
    await get(server);
    expect((await runs()).length).toBeGreaterThan(2);
  });
}, 20_000);

/** Notes what it was told, a line a run, and grants `run-<number>`. */
const plugin = (path: string): string => `#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" >> ${path}/runs
number=$(wc -l < ${path}/runs | tr -d ' ')
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"run-%s","expirationTimestamp":"%s"}}' "$number" "$(cat ${path}/expiry)"
`;

it('does not let an error of the program through, which may hold a token', async () => {
  const { server } = await serve(() => ({ status: 200 }), { exec: { command: '/bin/sh', args: ['-c', 'echo hunter2 >&2; exit 1'] } });
  const error = await failed(get(server));
  expect(error).toMatchObject({ code: 'UNAUTHORIZED' });
  expect(JSON.stringify([String(error), String((error as Error).cause)])).not.toContain('hunter2');
});

it('asks nothing but whether it is there of a server that left two probes without an answer, until it answers', async () => {
  let answers = false;
  const { server, asked } = await serve(() => (answers ? { status: 200, body: { kind: 'ConfigMap' } } : undefined));
  const probe = () => get(server, { path: '/version', isProbe: true, timeoutMs: 100 });
  const underWay = failed(get(server));
  const watching = failed(server.stream({ method: 'GET', path: '/api/v1/configmaps', signal }));

  expect(await failed(probe())).toMatchObject({ code: 'TIMEOUT' });
  expect(await failed(probe())).toMatchObject({ code: 'TIMEOUT' });
  for (const broken of [await underWay, await watching])
    expect(broken).toMatchObject({ code: 'UNREACHABLE', message: expect.stringContaining('has stopped answering') });
  const before = asked.length;
  expect(await failed(get(server))).toMatchObject({ code: 'UNREACHABLE', retryable: true, message: expect.stringContaining('has stopped answering') });
  expect(asked).toHaveLength(before);

  answers = true;
  await probe();
  expect((await get(server)).status).toBe(200);
});

it('begins to probe by itself once a request was left without an answer', { timeout: 30_000 }, async () => {
  let answers = false;
  const { server, asked } = await serve(() => (answers ? { status: 200 } : undefined));
  const underWay = failed(get(server));
  expect(await failed(get(server, { timeoutMs: 100 }))).toMatchObject({ code: 'TIMEOUT' });
  expect(await underWay).toMatchObject({ code: 'UNREACHABLE' });
  expect(asked.filter(({ url }) => url === '/version')).toHaveLength(2);
  answers = true;
  await vi.waitFor(async () => expect((await get(server)).status).toBe(200), { timeout: 15_000, interval: 100 });
});

it('goes on asking a server that refuses connections: that is no silence', async () => {
  const { server, close } = await serve(() => ({ status: 200 }));
  await close();
  for (let tries = 0; tries < 3; tries += 1) expect(await failed(get(server, { isProbe: true }))).toMatchObject({ code: 'UNREACHABLE' });
  expect(await failed(get(server))).toMatchObject({ message: expect.not.stringContaining('has stopped answering') });
});
