import { createHmac } from 'node:crypto';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../../src/api/server.ts';
import { PortError } from '../../src/model/port-error.ts';
import type { Reference } from '../../src/model/reference.ts';
import { webhookRoutes } from '../../src/webhooks/webhook-routes.ts';

const secrets: Readonly<Record<string, string>> = { 'shop/config': 's3cret', 'shop/unsecured': '' };
const push = '{"ref":"refs/heads/main","head_commit":{"message":"payload-of-the-push"}}';

let pushes: Reference[] = [];
let lines: string[] = [];
let failure: Error | undefined;
let app: Server;

beforeEach(async () => {
  pushes = [];
  lines = [];
  failure = undefined;
  app = createServer({ log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }) });
  await app.register(webhookRoutes, {
    secretOf: async ({ namespace, name }) => {
      if (/[^a-z]/.test(name)) throw new Error('this name should not have been asked for');
      const secret = secrets[`${namespace}/${name}`];
      return secret === undefined ? undefined : { host: 'gitea', secret };
    },
    onPush: async (repository) => {
      if (failure !== undefined) throw failure;
      pushes.push(repository);
    },
  });
});
afterEach(() => app.close());

type Call = { readonly to?: string; readonly secret?: string; readonly body?: string; readonly headers?: Record<string, string> };

const call = ({ to = 'shop/config', secret = 's3cret', body = push, headers = {} }: Call = {}) =>
  app.inject({
    method: 'POST',
    url: `/webhooks/${to}`,
    headers: {
      'content-type': 'application/json',
      'x-gitea-event': 'push',
      'x-gitea-signature': createHmac('sha256', secret).update(body).digest('hex'),
      ...headers,
    },
    payload: body,
  });

describe('a webhook', () => {
  it('nudges the Repository that its address names, and nothing of the payload is believed or logged', async () => {
    const response = await call();
    expect([response.statusCode, response.json()]).toEqual([202, { taken: true }]);
    expect(pushes).toEqual([{ namespace: 'shop', name: 'config' }]);
    expect(lines.join('')).not.toContain('payload-of-the-push');
    expect(lines.join('')).toContain('"repository":"shop/config"');
  });

  it('of another event is taken note of and nudges nothing', async () => {
    const response = await call({ headers: { 'x-gitea-event': 'issues' } });
    expect([response.statusCode, response.json()]).toEqual([202, { taken: false }]);
    expect(pushes).toEqual([]);
  });

  it('with a wrong signature, none, or for a Repository that is unknown or has no secret gets one and the same answer', async () => {
    const answers = await Promise.all([
      call({ secret: 'wrong' }),
      call({ headers: { 'x-gitea-signature': '' } }),
      call({ to: 'shop/unknown' }),
      call({ to: 'shop/unsecured', secret: '' }),
      call({ to: 'shop/..%2Fsecrets' }),
    ]);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([401, 401, 401, 401, 401]);
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(pushes).toEqual([]);
  });

  it.each([
    { name: 'no JSON', call: { body: '{"ref":' }, status: 400 },
    { name: 'an empty body', call: { body: '' }, status: 400 },
    { name: 'a push without a ref', call: { body: '{}' }, status: 400 },
    { name: 'a form', call: { headers: { 'content-type': 'application/x-www-form-urlencoded' } }, status: 415 },
    { name: 'more than a mebibyte', call: { body: `{"ref":"${'x'.repeat(1_048_576)}"}` }, status: 413 },
  ])('with $name is answered $status', async ({ call: given, status }) => {
    const response = await call(given);
    expect(response.statusCode).toBe(status);
    expect(response.json().message).toMatch(/\w/);
    expect(pushes).toEqual([]);
  });

  it('is sent away to come back later while the queue is down', async () => {
    failure = new PortError('queue', 'UNREACHABLE', 'Redis at 10.0.0.7:6379: not connected', { cause: undefined });
    const response = await call();
    expect(response.statusCode).toBe(503);
    expect(response.headers['retry-after']).toBe('5');
    expect(response.body).not.toContain('10.0.0.7');
  });
});
