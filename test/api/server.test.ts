import { once } from 'node:events';
import { connect } from 'node:net';
import { Type } from '@fastify/type-provider-typebox';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { healthRoutes, type ReadinessCheck } from '../../src/api/health-routes.ts';
import { closeServer, createServer, type Server } from '../../src/api/server.ts';
import { PortError } from '../../src/model/port-error.ts';

let lines: Record<string, unknown>[] = [];
let app: Server;
beforeEach(() => {
  lines = [];
  app = createServer({ log: pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }) });
});
afterEach(() => app.close());

describe('health', () => {
  const works: ReadinessCheck = async () => {};
  const fails: ReadinessCheck = () => Promise.reject(new Error('redis://:s3cret@10.0.0.7 refused'));
  const hangs: ReadinessCheck = () => new Promise(() => {});

  it('/healthz answers while the process lives, whatever else is down', async () => {
    await app.register(healthRoutes, { checks: { redis: fails } });
    expect((await app.inject('/healthz')).json()).toEqual({ alive: true });
  });

  it.each([
    { checks: { hub: works, redis: works }, status: 200, failing: [] },
    { checks: { hub: works, redis: fails }, status: 503, failing: ['redis'] },
    { checks: { redis: fails, caches: hangs, hub: works }, status: 503, failing: ['caches', 'redis'] },
  ])('/readyz answers $status and names $failing', async ({ checks, status, failing }) => {
    await app.register(healthRoutes, { checks, deadlineMs: 20 });
    const response = await app.inject('/readyz');
    expect([response.statusCode, response.json()]).toEqual([status, { ready: failing.length === 0, failing }]);
    expect(response.body).not.toContain('s3cret');
  });
});

describe('what goes wrong', () => {
  it.each([
    { name: 'a bug', error: new TypeError('secret.token is undefined'), status: 500 },
    { name: 'a foreign error with a status of its own', error: Object.assign(new Error('secret.token'), { statusCode: 404, code: 'ENOENT' }), status: 500 },
    { name: 'a port that is away', error: new PortError('hub', 'TIMEOUT', 'https://secret.token', { cause: undefined, retryAfterMs: 1500 }), status: 503 },
    { name: 'a port that refuses', error: new PortError('source', 'FORBIDDEN', 'https://secret.token', { cause: undefined }), status: 502 },
  ])('$name is answered $status and tells nothing', async ({ error, status }) => {
    app.get('/', async () => {
      throw error;
    });
    const response = await app.inject('/');
    expect(response.statusCode).toBe(status);
    expect(response.body).not.toContain('secret.token');
    expect(response.headers['retry-after']).toBe(status === 503 ? '2' : undefined);
    expect(JSON.stringify(lines)).toContain('secret.token');
    expect(lines.every((line) => line.reqId !== undefined)).toBe(true);
  });

  it('names no address that does not exist in its log', async () => {
    const response = await app.inject('/token=abcdef');
    expect(response.statusCode).toBe(404);
    expect(JSON.stringify(lines)).not.toContain('abcdef');
  });

  it('does not take the id of a request from the client', async () => {
    app.get('/', async (request) => ({ id: request.id }));
    expect((await app.inject({ url: '/', headers: { 'request-id': 'mine', 'x-request-id': 'mine' } })).json().id).not.toBe('mine');
  });
});

describe('requests are refused, never changed', () => {
  beforeEach(() => {
    const closed = { additionalProperties: false };
    app.get(
      '/things',
      { schema: { querystring: Type.Object({ limit: Type.Integer({ default: 50, maximum: 100 }), all: Type.Optional(Type.Boolean()) }, closed) } },
      async (request) => request.query,
    );
    app.post(
      '/things',
      { schema: { body: Type.Object({ size: Type.Integer(), note: Type.String({ default: 'none' }) }, closed) } },
      async (request) => request.body,
    );
  });

  it.each([
    { query: '', answer: { limit: 50 } },
    { query: '?limit=7&all=true', answer: { limit: 7, all: true } },
  ])('a query is text and becomes what the schema says: "$query"', async ({ query, answer }) => {
    expect((await app.inject(`/things${query}`)).json()).toEqual(answer);
  });

  it.each([
    { query: '?limit=many', says: 'querystring/limit: must be integer' },
    { query: '?limit=1000', says: 'querystring/limit: must be <= 100' },
    { query: '?limt=7', says: 'querystring/limt: no such field' },
    { query: '?limit=7&limit=8', says: 'querystring/limit: must be integer' },
  ])('$query: $says', async ({ query, says }) => {
    const response = await app.inject(`/things${query}`);
    expect([response.statusCode, response.json()]).toEqual([400, { message: says }]);
  });

  it.each([
    { body: { size: 7 }, status: 200 },
    { body: { size: '7' }, status: 400 },
    { body: { size: 7, colour: 'red' }, status: 400 },
    { body: [], status: 400 },
    { body: null, status: 400 },
  ])('a body is taken as it stands: $body -> $status', async ({ body, status }) => {
    const response = await app.inject({ method: 'POST', url: '/things', headers: { 'content-type': 'application/json' }, payload: JSON.stringify(body) });
    expect(response.statusCode).toBe(status);
  });

  it.each([
    { payload: '{', type: 'application/json', status: 400 },
    { payload: '{"__proto__": {"size": 1}, "size": 7}', type: 'application/json', status: 400 },
    { payload: 'size=7', type: 'application/x-www-form-urlencoded', status: 415 },
    { payload: `"${'x'.repeat(1_048_577)}"`, type: 'application/json', status: 413 },
  ])('$type of $payload.length characters -> $status', async ({ payload, type, status }) => {
    expect((await app.inject({ method: 'POST', url: '/things', headers: { 'content-type': type }, payload })).statusCode).toBe(status);
  });
});

describe('the end', () => {
  it('waits for the requests that run and cuts those that take too long', async () => {
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    app.get('/', () => {
      ask();
      return new Promise(() => {});
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const address = app.server.address();
    const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
    socket.on('error', () => {}); // it is cut
    socket.write('GET / HTTP/1.1\r\nhost: sluice\r\n\r\n');
    await asked;
    await Promise.all([closeServer(app, 50), once(socket, 'close')]);
  });
});
