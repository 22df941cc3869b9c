import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Redis as Client } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type SluiceProcess, sluiceProcess } from '../../tools/demo-sluice.ts';
import { freePort } from '../../tools/process.ts';
import { openRunFolder } from '../../tools/run-folder.ts';
import { realParts } from '../real-parts.ts';
import { applyCrds } from './crds.ts';

/** A Sluice that takes webhooks and looks at nothing, so that what it puts into the queue stays there. */
const installation = `doors-${randomBytes(4).toString('hex')}`;
const namespace = installation;
const webhookSecret = randomBytes(24).toString('hex');

let folder: Awaited<ReturnType<typeof openRunFolder>>;
let sluice: SluiceProcess;
let redis: Client;

beforeAll(async () => {
  const { parts, hub, redis: queue } = realParts();
  await applyCrds(hub);
  folder = await openRunFolder();
  redis = new Client(queue.url, { maxRetriesPerRequest: null });
  const cacheDir = join(folder.path, 'cache');
  await mkdir(cacheDir, { mode: 0o700 });
  sluice = sluiceProcess({
    port: await freePort(),
    logFile: join(folder.path, 'sluice.log'),
    environment: {
      SLUICE_ROLES: 'api',
      SLUICE_INSTALLATION: installation,
      SLUICE_HUB_KUBECONFIG: hub.sluiceKubeconfigFile,
      SLUICE_REDIS_URL: queue.url,
      SLUICE_KUSTOMIZE_BIN: parts.kustomize,
      SLUICE_HELM_BIN: parts.helm,
      SLUICE_CACHE_DIR: cacheDir,
    },
  });
  await sluice.start();
  // A new queue has everything nudged; only then are the Repositories of this file made.
  await vi.waitFor(async () => expect(await redis.get(`{sluice-${installation}}:mark`)).toMatch(/^whole:/), 20_000);
  const secret = (name: string, stringData: object) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData });
  const repository = (name: string, spec: object = {}) => ({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Repository',
    metadata: { name, namespace },
    spec: { url: 'http://127.0.0.1:1/config.git', host: 'gitea', secretRef: { name }, ...spec },
  });
  const items = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    secret('config', { token: 'x', webhookSecret }),
    secret('other', { token: 'x', webhookSecret: 'another' }),
    secret('unsecured', { token: 'x', webhookSecret: '' }),
    repository('config'),
    repository('other'),
    repository('unsecured'),
    repository('hostless', { host: undefined, secretRef: { name: 'config' } }),
  ];
  await hub.kubectl(['apply', '--server-side', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
  for (const name of ['config', 'other']) {
    const body = '{"action":"created"}';
    const signed = sign(body, name === 'config' ? webhookSecret : 'another');
    await vi.waitFor(
      async () =>
        expect(await call({ to: `${namespace}/${name}`, body, headers: { 'x-gitea-event': 'repository', ...signed } })).toMatchObject({ status: 202 }),
      20_000,
    );
  }
});
afterAll(async () => {
  redis?.disconnect();
  await sluice?.[Symbol.asyncDispose]();
  await realParts().hub.kubectl(['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found']);
  await folder?.remove();
});

const push = '{"ref":"refs/heads/main","repository":{"clone_url":"http://127.0.0.1:1/theirs.git"}}';
const sign = (body: string | Buffer, secret = webhookSecret) => ({ 'x-gitea-signature': createHmac('sha256', secret).update(body).digest('hex') });

type Call = {
  readonly to?: string;
  readonly method?: string;
  readonly body?: string | Buffer;
  readonly headers?: OutgoingHttpHeaders;
  readonly chunked?: boolean;
};

/** Over a socket, with exactly these headers. */
async function call({ to = `${namespace}/config`, method = 'POST', body = push, headers = {}, chunked = false }: Call) {
  const length = chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': Buffer.byteLength(body) };
  const asked = request(`${sluice.url}/webhooks/${to}`, {
    method,
    agent: false,
    headers: { 'content-type': 'application/json', 'x-gitea-event': 'push', ...length, ...headers },
  });
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
  asked.on('error', () => {}); // the server may close while a body that it refuses is still being sent
  asked.end(method === 'GET' ? undefined : body);
  const [response] = await answered;
  return { status: response.statusCode, text: await text(response) };
}

/** Everything that Redis holds of this installation, byte for byte. */
async function queued(): Promise<ReadonlyMap<string, string>> {
  const keys = (await redis.keys(`{sluice-${installation}}:*`)).toSorted();
  return new Map(await Promise.all(keys.map(async (key) => [key, (await redis.dumpBuffer(key))?.toString('base64') ?? ''] as const)));
}

const notUtf8 = Buffer.concat([Buffer.from('{"ref":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
const large = `{"ref":"${'x'.repeat(1_048_576)}"}`;
const deep = '['.repeat(500_000);

describe('a webhook that is not what it says', () => {
  const refused: readonly (readonly [what: string, status: number, call: Call])[] = [
    ['without a signature', 401, {}],
    ['with an empty signature', 401, { headers: { 'x-gitea-signature': '' } }],
    ['with a signature of zeros', 401, { headers: { 'x-gitea-signature': '00'.repeat(32) } }],
    ['with a signature that is no hex', 401, { headers: { 'x-gitea-signature': 'zz'.repeat(32) } }],
    ['signed with another secret', 401, { headers: sign(push, 'wrong') }],
    ['signed with the secret of another Repository', 401, { headers: sign(push, 'another') }],
    ['signed over the same JSON in other bytes', 401, { headers: sign(JSON.stringify(JSON.parse(push), null, 1)) }],
    ['with the signature cut short', 401, { headers: { 'x-gitea-signature': sign(push)['x-gitea-signature'].slice(0, 63) } }],
    ['with one byte too many in the signature', 401, { headers: { 'x-gitea-signature': `${sign(push)['x-gitea-signature']}00` } }],
    ['with a right and a wrong signature', 401, { headers: { 'x-gitea-signature': [sign(push)['x-gitea-signature'], '00'.repeat(32)] } }],
    ['signed by a hash of SHA-1', 401, { headers: { 'x-hub-signature': `sha1=${createHmac('sha1', webhookSecret).update(push).digest('hex')}` } }],
    ['to a Repository that there is not', 401, { to: `${namespace}/nothing`, headers: sign(push) }],
    ['to a Repository without a webhook secret', 401, { to: `${namespace}/unsecured`, headers: sign(push, '') }],
    ['to a Repository whose host calls no webhooks', 401, { to: `${namespace}/hostless`, headers: sign(push) }],
    ['to the Repository of that name in another namespace', 401, { to: 'default/config', headers: sign(push) }],
    ['to a path', 401, { to: `${namespace}/..%2f${namespace}%2fconfig`, headers: sign(push) }],
    ['to a name with a zero byte', 401, { to: `${namespace}/config%00`, headers: sign(push) }],
    ['without an event', 400, { headers: { ...sign(push), 'x-gitea-event': '' } }],
    ['whose body is no JSON', 400, { body: '{"ref":', headers: sign('{"ref":') }],
    ['whose body is no UTF-8', 400, { body: notUtf8, headers: sign(notUtf8) }],
    ['whose body is empty', 400, { body: '', headers: sign('') }],
    ['whose body is a list', 400, { body: '[]', headers: sign('[]') }],
    ['whose body is nested without end', 400, { body: deep, headers: sign(deep) }],
    ['whose push has no ref', 400, { body: '{"ref":{}}', headers: sign('{"ref":{}}') }],
    ['that is larger than a mebibyte', 413, { body: large, headers: sign(large) }],
    ['that is larger than a mebibyte and does not say so', 413, { body: large, headers: sign(large), chunked: true }],
    ['that is no JSON by its type', 415, { headers: { ...sign(push), 'content-type': 'application/x-www-form-urlencoded' } }],
    ['that is a GET', 404, { method: 'GET', headers: sign(push) }],
  ];

  it.each(refused)('%s is answered %i, and nothing is in the queue that was not there', async (_what, status, given) => {
    const before = await queued();
    const answer = await call(given);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([status, { message: expect.stringMatching(/\w/) }]);
    expect(answer.text).not.toContain(webhookSecret);
    expect(await queued()).toEqual(before);
  });

  it('tells nobody whether there is such a Repository', async () => {
    const answers = await Promise.all([call({}), call({ to: `${namespace}/nothing` }), call({ to: `${namespace}/unsecured` }), call({ to: 'nowhere/config' })]);
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
  });

  it('by the hundred holds up no good one, which leaves one job in the queue that says nothing but a name, however often it comes', async () => {
    const forged = Promise.all(Array.from({ length: 200 }, () => call({ headers: sign(push, 'wrong') })));
    const good = await Promise.all(Array.from({ length: 5 }, () => call({ headers: sign(push) })));
    expect(good.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    expect(new Set((await forged).map(({ status }) => status))).toEqual(new Set([401]));
    const waiting = await redis.lrange(`{sluice-${installation}}:refresh:wait`, 0, -1);
    const jobs = await Promise.all(waiting.map((job) => redis.hget(`{sluice-${installation}}:refresh:${job}`, 'data')));
    expect(jobs.filter((data) => data?.includes(namespace))).toEqual([JSON.stringify({ object: `${namespace}/config` })]);
  });

  it('leaves neither a secret nor a payload in the log', async () => {
    const log = await readFile(sluice.logFile, 'utf8');
    expect(log).toContain('webhook received');
    expect(log).not.toMatch(/theirs\.git|refs\/heads\/main/);
    expect(log).not.toContain(webhookSecret);
  });
});
