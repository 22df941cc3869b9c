import { expect, it } from 'vitest';
import type { Answer, ApiServer } from '../../src/adapters/api-server.ts';
import { openDiscovery, resourcePath, servedKinds } from '../../src/adapters/discovery.ts';

const signal = new AbortController().signal;
const resource = (plural: string, kind: string, scope = 'Namespaced', verbs = ['get', 'patch']) => ({
  resource: plural,
  responseKind: { group: '', version: '', kind },
  scope,
  verbs,
});
const list = (...items: readonly object[]) => ({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', items });
const group = (name: string, ...versions: readonly (readonly [string, readonly object[]])[]) => ({
  metadata: { name },
  versions: versions.map(([version, resources]) => ({ version, resources })),
});

const core = list({
  metadata: {},
  versions: [{ version: 'v1', resources: [resource('configmaps', 'ConfigMap'), resource('bindings', 'Binding', 'Namespaced', ['create'])] }],
});
const widgets = group('example.org', ['v2', [resource('widgets', 'Widget', 'Cluster')]], ['v1', [resource('widgets', 'Widget', 'Cluster')]]);

function serving(answers: { apis: object }): ApiServer & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    port: 'destination',
    name: 'Cluster shop/staging',
    url: 'https://127.0.0.1:6443',
    asked,
    async send({ path }): Promise<Answer> {
      asked.push(path);
      return { status: 200, body: path === '/api' ? core : answers.apis, warnings: [] };
    },
    stream: () => expect.unreachable('discovery does not watch'),
  };
}

it('reads kinds with their versions in the order of preference, and leaves out what can only be created', () => {
  expect([...servedKinds([core, list(widgets)]).values()]).toEqual([
    { group: '', kind: 'ConfigMap', resource: 'configmaps', namespaced: true, versions: ['v1'] },
    { group: 'example.org', kind: 'Widget', resource: 'widgets', namespaced: false, versions: ['v2', 'v1'] },
  ]);
});

it.each([[undefined], [null], [{ items: 7 }], [list({ metadata: null, versions: [null, { version: 'v1', resources: [null, {}] }] })]])(
  'reads no kinds from %j',
  (body) => {
    expect(servedKinds([body]).size).toBe(0);
  },
);

it.each([
  ['v1.36.0', { kubeVersion: 'v1.36.0' }],
  ['v1.29.3-eks-a1b2', { kubeVersion: 'v1.29.3-eks-a1b2' }],
  ['--set=x', {}],
  [undefined, {}],
])('tells what a server of version %s serves, asking once', async (gitVersion, expected) => {
  const server = serving({ apis: list(widgets) });
  const asking = {
    ...server,
    send: async (request: Parameters<ApiServer['send']>[0]) =>
      request.path === '/version' ? { status: 200, body: { gitVersion }, warnings: [] } : server.send(request),
  };
  const discovery = openDiscovery(asking);
  const apiVersions = ['example.org/v1', 'example.org/v1/Widget', 'example.org/v2', 'example.org/v2/Widget', 'v1', 'v1/ConfigMap'];
  expect(await discovery.capabilities(signal)).toEqual({ ...expected, apiVersions });
  await discovery.capabilities(signal);
  expect(server.asked).toEqual(['/api', '/apis']);
});

it('asks once for many callers, and not again while everything wanted is known', async () => {
  const server = serving({ apis: list(widgets) });
  const discovery = openDiscovery(server);
  const wanted = [{ group: 'example.org', kind: 'Widget' }];
  await Promise.all(Array.from({ length: 50 }, () => discovery.kinds(wanted, signal)));
  await discovery.kinds(wanted, signal);
  expect(server.asked).toEqual(['/api', '/apis']);
});

it('asks again for a kind that it does not know, once in a while', async () => {
  const answers = { apis: list() };
  const server = serving(answers);
  const discovery = openDiscovery(server);
  const wanted = [{ group: 'example.org', kind: 'Widget' }];
  await discovery.kinds([{ group: '', kind: 'ConfigMap' }], signal);
  expect((await discovery.kinds(wanted, signal)).size).toBe(0);
  expect((await discovery.kinds(wanted, signal)).size).toBe(0);
  expect(server.asked).toHaveLength(4);
  answers.apis = list(widgets);
  await expect.poll(async () => (await discovery.kinds(wanted, signal)).size, { timeout: 5000, interval: 50 }).toBe(1);
  expect(server.asked).toHaveLength(6);
});

it('says when a server is too old', async () => {
  const server = serving({ apis: { kind: 'APIGroupList' } });
  await expect(openDiscovery(server).kinds([{ group: '', kind: 'ConfigMap' }], signal)).rejects.toMatchObject({
    code: 'INVALID',
    message: expect.stringContaining('Kubernetes 1.27') as string,
  });
});

it('lets a caller go that is aborted, and answers the others', async () => {
  const discovery = openDiscovery(serving({ apis: list(widgets) }));
  const aborting = new AbortController();
  const wanted = [{ group: 'example.org', kind: 'Widget' }];
  const first = discovery.kinds(wanted, aborting.signal);
  const second = discovery.kinds(wanted, signal);
  aborting.abort(new Error('a newer commit'));
  await expect(first).rejects.toThrow('a newer commit');
  expect((await second).size).toBe(1);
});

it('writes paths with every part encoded, and no namespace for a cluster-scoped kind', () => {
  const roles = { group: 'rbac.authorization.k8s.io', kind: 'ClusterRole', resource: 'clusterroles', namespaced: false, versions: ['v1'] };
  expect(resourcePath(roles, { namespace: 'shop', name: 'system:a/b?c' })).toBe('/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aa%2Fb%3Fc');
  const maps = { group: '', kind: 'ConfigMap', resource: 'configmaps', namespaced: true, versions: ['v1'] };
  expect(resourcePath(maps, { namespace: 'shop' })).toBe('/api/v1/namespaces/shop/configmaps');
  expect(resourcePath(maps, {})).toBe('/api/v1/configmaps');
});
