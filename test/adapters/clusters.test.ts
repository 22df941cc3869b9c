import { pino } from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { ApiServer } from '../../src/adapters/api-server.ts';
import { openClusters } from '../../src/adapters/clusters.ts';
import { isPortError, PortError, type PortErrorCode } from '../../src/model/port-error.ts';
import { cluster } from '../builders.ts';
import { fakeHub } from '../fakes/fake-hub.ts';

const { signal } = new AbortController();
const staging = { namespace: 'shop', name: 'staging' };
const secret = { namespace: 'shop', name: 'staging-kubeconfig' };
const hubServer = { port: 'hub', name: 'the hub', url: '', send: vi.fn(), stream: vi.fn() } as unknown as ApiServer;
const refused =
  (code: PortErrorCode, ...words: readonly string[]) =>
  (error: unknown) =>
    isPortError(error, code) && error.port === 'destination' && words.every((word) => error.message.includes(word));

function setUp() {
  const world = fakeHub(cluster());
  world.putSecret(secret, { kubeconfig: 'first' });
  const opened: { readonly text: string; readonly trusted: boolean | undefined; closed: boolean }[] = [];
  const unauthorized = new PortError('destination', 'UNAUTHORIZED', 'Cluster shop/staging: not let in', { cause: undefined });
  const clusters = openClusters({
    hub: world.hub,
    hubServer,
    isTrusted: ({ name }) => name === 'trusted',
    log: pino({ level: 'silent' }),
    open(text, { name, trusted }) {
      if (text === 'broken') throw new PortError('destination', 'INVALID', `${name}: its kubeconfig is refused`, { cause: undefined });
      const entry = { text, trusted, closed: false };
      opened.push(entry);
      return {
        port: 'destination',
        name,
        url: text,
        send: () => Promise.reject(unauthorized),
        stream: () => Promise.reject(unauthorized),
        async [Symbol.asyncDispose]() {
          entry.closed = true;
        },
      };
    },
  });
  onTestFinished(async () => clusters[Symbol.asyncDispose]());
  return { world, clusters, opened, ask: () => clusters.serverOf(staging, signal) };
}

it('keeps one connection to a Cluster, whoever asks for it', async () => {
  const { ask, opened } = setUp();
  const servers = await Promise.all([ask(), ask(), ask()]);
  expect(new Set([...servers, await ask()]).size).toBe(1);
  expect(opened).toEqual([{ text: 'first', trusted: false, closed: false }]);
});

it('connects anew when the spec changed, or the Secret of credentials that were refused', async () => {
  const { world, ask, opened } = setUp();
  const first = await ask();
  world.putSecret(secret, { kubeconfig: 'second' });
  expect(await ask()).toBe(first);
  await expect(first.send({ method: 'GET', path: '/version', signal })).rejects.toSatisfy(refused('UNAUTHORIZED'));
  const second = await ask();
  expect(second.url).toBe('second');
  world.putSecret({ namespace: 'shop', name: 'other' }, { kubeconfig: 'third' });
  world.put(cluster({ spec: { connection: { kubeconfig: { secretRef: { name: 'other' } } } } }));
  expect((await ask()).url).toBe('third');
  expect(opened.map(({ closed }) => closed)).toEqual([true, true, false]);
});

it('is the hub itself when the Cluster says so', async () => {
  const { world, clusters, ask, opened } = setUp();
  await ask();
  world.put({ ...cluster(), spec: { ...cluster().spec, connection: { type: 'hub', hub: {} } } });
  expect(await ask()).toBe(hubServer);
  expect(await clusters.serverOf(staging, signal)).toBe(hubServer);
  expect(opened.map(({ closed }) => closed)).toEqual([true]);
});

it('trusts a kubeconfig only where the configuration says so', async () => {
  const { world, clusters, opened } = setUp();
  world.put(cluster({ name: 'trusted' }));
  world.putSecret({ namespace: 'shop', name: 'trusted-kubeconfig' }, { kubeconfig: 'own' });
  await clusters.serverOf({ namespace: 'shop', name: 'trusted' }, signal);
  expect(opened).toMatchObject([{ trusted: true }]);
});

it.each<[string, Readonly<Record<string, string>> | undefined, PortErrorCode, readonly string[]]>([
  [
    'a Secret that is missing',
    undefined,
    'NOT_FOUND',
    [
      'Cluster shop/staging',
      'Secret shop/staging-kubeconfig does not exist',
      'kubectl -n shop create secret generic staging-kubeconfig --from-file=kubeconfig=',
    ],
  ],
  ['a Secret without the key', { config: 'x' }, 'INVALID', ['Secret shop/staging-kubeconfig has no key kubeconfig']],
  ['a kubeconfig that is refused', { kubeconfig: 'broken' }, 'INVALID', ['Cluster shop/staging', 'refused']],
])('names %s', async (_, values, code, words) => {
  const { world, ask } = setUp();
  world.putSecret(secret, values);
  await expect(ask()).rejects.toSatisfy(refused(code, ...words));
  await expect(ask()).rejects.toSatisfy(refused(code, ...words));
});

it('names a Cluster that does not exist', async () => {
  const { clusters } = setUp();
  await expect(clusters.serverOf({ namespace: 'shop', name: 'none' }, signal)).rejects.toSatisfy(refused('NOT_FOUND', 'Cluster shop/none does not exist'));
});

it('goes on with the credentials at hand while the hub does not answer', async () => {
  const { world, ask } = setUp();
  const first = await ask();
  await first.send({ method: 'GET', path: '/version', signal }).catch(() => {});
  world.fail(new PortError('hub', 'UNREACHABLE', 'the hub does not answer', { cause: undefined }));
  expect(await ask()).toBe(first);
});
