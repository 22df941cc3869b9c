import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openApiServer } from '../../src/adapters/api-server.ts';
import { type WatchEvent, type WatchOptions, watchList } from '../../src/adapters/watch.ts';
import type { LiveObject } from '../../src/model/manifest.ts';
import { realParts } from '../real-parts.ts';
import { openTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const namespace = `watch-${randomBytes(4).toString('hex')}`;
const path = `/api/v1/namespaces/${namespace}/configmaps`;
const signal = new AbortController().signal;
const admin = () => realParts().staging;
const label = ['-n', namespace];

beforeAll(async () => {
  await admin().kubectl(['create', 'namespace', namespace]);
});
afterAll(async () => {
  await admin().kubectl(['delete', 'namespace', namespace, '--wait=false']);
});

type Recording = { readonly said: string[]; readonly objects: LiveObject[]; until(...words: readonly string[]): Promise<void> };

/** Everything a watch says, as words: `ADDED a`, `synced`, `lost UNREACHABLE`. */
function recorded(): Recording & Pick<WatchOptions<LiveObject>, 'onEvent' | 'onSynced' | 'onLost'> {
  const said: string[] = [];
  const objects: LiveObject[] = [];
  return {
    said,
    objects,
    onEvent({ type, object }: WatchEvent<LiveObject>) {
      said.push(`${type} ${object.metadata.name}`);
      objects.push(object);
    },
    onSynced: () => said.push('synced'),
    onLost: (error) => said.push(`lost ${error.code}`),
    until: (...words) => vi.waitFor(() => expect(said).toEqual(words), { timeout: 20_000, interval: 10 }),
  };
}

const make = (name: string, set: string) => admin().kubectl(['apply', '-f', '-'], { input: JSON.stringify(configMap(name, set)) });
const change = (name: string) => admin().kubectl(['annotate', 'configmap', name, ...label, `changed=${randomBytes(4).toString('hex')}`, '--overwrite']);
const remove = (name: string) => admin().kubectl(['delete', 'configmap', name, ...label]);
const open = (proxy?: TcpProxy) =>
  openApiServer(proxy?.kubeconfig(admin().sluiceKubeconfig) ?? admin().sluiceKubeconfig, { port: 'destination', name: 'Cluster shop/staging' });

it('reports what is there, what changes, and what goes or loses its label, as metadata only', async () => {
  await make('a', 'plain');
  await make('other', 'another');
  await using server = open();
  const heard = recorded();
  const watch = watchList(server, { path, labelSelector: 'set=plain', metadataOnly: true, ...heard });
  await heard.until('ADDED a', 'synced');
  await make('b', 'plain');
  await change('a');
  await remove('a');
  await admin().kubectl(['label', 'configmap', 'b', ...label, 'set-']);
  await heard.until('ADDED a', 'synced', 'ADDED b', 'MODIFIED a', 'DELETED a', 'DELETED b');
  expect(heard.objects.map((object) => Object.keys(object).toSorted())).toEqual(heard.objects.map(() => ['apiVersion', 'kind', 'metadata']));
  await watch.stop();
});

it('reports whole objects, with the kind that a list leaves out', async () => {
  await make('whole', 'whole');
  await using server = open();
  const heard = recorded();
  const watch = watchList(server, { path, fieldSelector: 'metadata.name=whole', metadataOnly: false, ...heard });
  await heard.until('ADDED whole', 'synced');
  expect(heard.objects[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } });
  await watch.stop();
});

it('says that it lost the server, and after that reports what happened in between', async () => {
  for (const name of ['keeps', 'changes', 'goes']) await make(name, 'cut');
  await using proxy = await openTcpProxy(admin().url);
  await using server = open(proxy);
  const heard = recorded();
  const watch = watchList(server, { path, labelSelector: 'set=cut', metadataOnly: true, times: { backoffMs: { least: 20, most: 100 } }, ...heard });
  await heard.until('ADDED changes', 'ADDED goes', 'ADDED keeps', 'synced');
  await proxy.cut();
  await heard.until('ADDED changes', 'ADDED goes', 'ADDED keeps', 'synced', 'lost UNREACHABLE');
  await change('changes');
  await remove('goes');
  await proxy.mend();
  await vi.waitFor(() => expect(heard.said.slice(5).toSorted()).toEqual(['DELETED goes', 'MODIFIED changes', 'synced']), { timeout: 20_000, interval: 10 });
  await watch.stop();
});

it('gives up a connection on which nothing is heard, and reports what happened in between', async () => {
  await make('silent', 'half-open');
  await using proxy = await openTcpProxy(admin().url);
  await using server = open(proxy);
  const heard = recorded();
  const watch = watchList(server, { path, labelSelector: 'set=half-open', metadataOnly: true, times: { inactivityMs: 3000 }, ...heard });
  await heard.until('ADDED silent', 'synced');
  await change('silent');
  await heard.until('ADDED silent', 'synced', 'MODIFIED silent');
  proxy.swallow();
  await change('silent');
  await heard.until('ADDED silent', 'synced', 'MODIFIED silent', 'lost TIMEOUT', 'synced', 'MODIFIED silent');
  await watch.stop();
});

it('waits for a kind that is not served, and reports its objects once it is', async () => {
  const definition = JSON.stringify(gauges);
  await using server = open();
  const heard = recorded();
  const watch = watchList(server, { path: '/apis/watch.example.org/v1/gauges', metadataOnly: true, times: { missingMs: 100 }, ...heard });
  await heard.until('lost NOT_FOUND');
  await admin().kubectl(['apply', '-f', '-'], { input: definition });
  await heard.until('lost NOT_FOUND', 'synced');
  await vi.waitFor(
    () => admin().kubectl(['create', '-f', '-'], { input: JSON.stringify({ apiVersion: 'watch.example.org/v1', kind: 'Gauge', metadata: { name: 'g' } }) }),
    {
      timeout: 20_000,
      interval: 100,
    },
  );
  await vi.waitFor(() => expect(heard.said).toContain('ADDED g'), { timeout: 20_000, interval: 10 });
  await admin().kubectl(['delete', 'customresourcedefinition', gauges.metadata.name]);
  await vi.waitFor(() => expect(heard.said).toEqual(expect.arrayContaining(['DELETED g'])), { timeout: 20_000, interval: 10 });
  await watch.stop();
});

it('lists more objects than fit on one page', async () => {
  await using server = open();
  const names = Array.from({ length: 1001 }, (_, i) => `page-${i}`);
  await using adminServer = openApiServer(admin().adminKubeconfig, { port: 'destination', name: 'admin' });
  await Promise.all(names.map((name) => adminServer.send({ method: 'POST', path, body: configMap(name, 'paged'), signal })));
  const heard = recorded();
  const watch = watchList(server, { path, labelSelector: 'set=paged', metadataOnly: true, ...heard });
  await vi.waitFor(() => expect(heard.said).toContain('synced'), { timeout: 20_000, interval: 10 });
  expect(new Set(heard.said).size).toBe(1002);
  await watch.stop();
});

const configMap = (name: string, set: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels: { set } }, data: { a: '1' } });

const gauges = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gauges.watch.example.org' },
  spec: {
    group: 'watch.example.org',
    scope: 'Cluster',
    names: { plural: 'gauges', singular: 'gauge', kind: 'Gauge' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};
