import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openApiServer } from '../../src/adapters/api-server.ts';
import { destinationsOf } from '../../src/adapters/destination.ts';
import { applyEntry, fieldSetHash } from '../../src/diff/ownership.ts';
import type { LiveObject, Manifest, ResourceId } from '../../src/model/manifest.ts';
import type { PortErrorCode } from '../../src/model/port-error.ts';
import type { Destination, Identity, ObjectMetadata, ServedKind } from '../../src/sync/destination.ts';
import { fakeDestination } from '../fakes/fake-destination.ts';
import { realParts } from '../real-parts.ts';

type Bench = AsyncDisposable & {
  readonly namespace: string;
  /** As a service account that may edit in the namespace, by its group. */
  readonly destination: Destination;
  /** As Sluice itself. */
  readonly sluice: Destination;
  /** As a service account that may edit in every namespace, also in one that does not exist. */
  readonly everywhere: Destination;
  /** Changes `data` of a ConfigMap as another field manager. */
  setData(name: string, manager: string, data: Readonly<Record<string, string>>): Promise<void>;
  /** A ConfigMap that the API server refuses, and the field that it names. */
  invalid(name: string): { readonly manifest: Manifest; readonly field: string };
  /** A destination that may not touch this ConfigMap. */
  forbidden(name: string): Promise<Destination>;
  define(definition: Manifest): Promise<void>;
};

const signal = new AbortController().signal;
const cluster = { namespace: 'shop', name: 'staging' };
const configMaps: ServedKind = { group: '', kind: 'ConfigMap', resource: 'configmaps', namespaced: true, versions: ['v1'] };
const secrets: ServedKind = { group: '', kind: 'Secret', resource: 'secrets', namespaced: true, versions: ['v1'] };

function openFake(): Bench {
  const fake = fakeDestination({ namespaces: ['contract'] });
  const id = (name: string): ResourceId => ({ group: '', kind: 'ConfigMap', namespace: 'contract', name });
  return {
    namespace: 'contract',
    destination: fake.destination,
    sluice: fake.destination,
    everywhere: fake.destination,
    async setData(name, manager, data) {
      fake.edit(id(name), manager, (object) => ({ ...object, data: { ...(object.data as object), ...data } }));
    },
    invalid(name) {
      fake.refuse(id(name), { code: 'INVALID', message: '.dota: field not declared in schema', details: { fields: ['.dota'] } });
      return { manifest: configMap('contract', name, {}), field: '.dota' };
    },
    async forbidden(name) {
      fake.refuse(id(name), { code: 'FORBIDDEN', message: 'may not', details: { reason: 'Forbidden' } }, ['read', 'dryRun', 'apply', 'remove']);
      return fake.destination;
    },
    async define(definition) {
      fake.put(definition);
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function openReal(): Promise<Bench> {
  const { staging } = realParts();
  const namespace = `contract-${randomBytes(4).toString('hex')}`;
  const server = openApiServer(staging.sluiceKubeconfig, { port: 'destination', name: 'Cluster shop/staging' });
  const admin = openApiServer(staging.adminKubeconfig, { port: 'destination', name: 'admin' });
  const destinations = destinationsOf({ serverOf: async () => server });
  const open = (identity: Identity) => destinations.open(cluster, identity, signal);
  await staging.kubectl(['create', 'namespace', namespace]);
  await staging.kubectl(['create', 'serviceaccount', 'deployer', '-n', namespace]);
  await staging.kubectl(['create', 'rolebinding', 'deployer', '-n', namespace, '--clusterrole=edit', `--group=system:serviceaccounts:${namespace}`]);
  await staging.kubectl(['create', 'clusterrolebinding', namespace, '--clusterrole=edit', `--serviceaccount=${namespace}:everywhere`]);
  const destination = await open({ as: 'service-account', namespace, name: 'deployer' });
  // The authorizer learns of the binding a moment later.
  await vi.waitFor(() => destination.dryRun(configMaps, configMap(namespace, 'may-i', {}), signal), { timeout: 10_000, interval: 20 });

  return {
    namespace,
    destination,
    sluice: await open({ as: 'sluice' }),
    everywhere: await open({ as: 'service-account', namespace, name: 'everywhere' }),
    async setData(name, manager, data) {
      const path = `/api/v1/namespaces/${namespace}/configmaps/${name}`;
      await admin.send({ method: 'PATCH', path, query: { fieldManager: manager }, contentType: 'application/merge-patch+json', body: { data }, signal });
    },
    invalid: (name) => ({ manifest: { ...configMap(namespace, name, {}), dota: {} }, field: '.dota' }),
    forbidden: () => open({ as: 'service-account', namespace: 'default', name: 'default' }),
    async define(definition) {
      await staging.kubectl(['apply', '--server-side', '-f', '-'], { input: JSON.stringify(definition) });
    },
    async [Symbol.asyncDispose]() {
      await staging.kubectl(['delete', 'namespace', namespace, `${namespace}-more`, '--wait=false', '--ignore-not-found']);
      await staging.kubectl(['delete', 'clusterrolebinding', namespace]);
      await staging.kubectl(['delete', 'customresourcedefinition', widgets.metadata.name, '--wait=false', '--ignore-not-found']);
      await server[Symbol.asyncDispose]();
      await admin[Symbol.asyncDispose]();
    },
  };
}

describe.each([
  { name: 'fake', open: async () => openFake() },
  { name: 'real API server', open: openReal },
])('Destination contract: $name', ({ open }) => {
  let bench: Bench;
  let destination: Destination;
  beforeAll(async () => {
    bench = await open();
    ({ destination } = bench);
  });
  afterAll(() => bench[Symbol.asyncDispose]());

  const made = (name: string, data: Readonly<Record<string, string>> = { a: '1' }, labels: Readonly<Record<string, string>> = {}) =>
    configMap(bench.namespace, name, data, labels);
  const idFor = (name: string): ResourceId => ({ group: '', kind: 'ConfigMap', namespace: bench.namespace, name });
  const read = async (name: string): Promise<LiveObject> =>
    (await destination.read(configMaps, idFor(name), signal)) ?? expect.unreachable(`${name} is not there`);
  const seen = async (name: string): Promise<ObjectMetadata> => ({ id: idFor(name), metadata: (await read(name)).metadata });

  it('says of a dry-run whether the object exists, and stores nothing', async () => {
    expect((await destination.dryRun(configMaps, made('dry'), signal)).created).toBe(true);
    expect(await destination.read(configMaps, idFor('dry'), signal)).toBeUndefined();
    await destination.apply(configMaps, made('dry'), signal);
    expect((await destination.dryRun(configMaps, made('dry', { a: '2' }), signal)).created).toBe(false);
    expect((await read('dry')).data).toEqual({ a: '1' });
  });

  it('says of an apply whether it created the object', async () => {
    expect((await destination.apply(configMaps, made('created'), signal)).created).toBe(true);
    expect((await destination.apply(configMaps, made('created', { a: '2' }), signal)).created).toBe(false);
    expect((await read('created')).data).toEqual({ a: '2' });
  });

  it('leaves the version of an object alone that is applied unchanged', async () => {
    const first = await destination.apply(configMaps, made('same'), signal);
    const second = await destination.apply(configMaps, made('same'), signal);
    expect(second.object.metadata.resourceVersion).toBe(first.object.metadata.resourceVersion);
  });

  it('shows the same field set in the dry-run, the apply and the list', async () => {
    const manifest = made('fields', { a: '1' }, { shows: 'fields' });
    const { object: dry } = await destination.dryRun(configMaps, manifest, signal);
    const { object: stored } = await destination.apply(configMaps, manifest, signal);
    const [listed] = await destination.list(configMaps, bench.namespace, 'shows=fields', signal);
    const hashes = [dry.metadata, stored.metadata, listed?.metadata ?? {}].map((metadata) =>
      fieldSetHash(applyEntry(metadata) ?? expect.unreachable('no entry of ours')),
    );
    expect(new Set(hashes).size).toBe(1);
    expect(applyEntry(stored.metadata)?.fieldsV1).toEqual({ 'f:data': { 'f:a': {} }, 'f:metadata': { 'f:labels': { 'f:shows': {} } } });
  });

  it('loses a field to whoever changes it, and takes it back by force', async () => {
    await destination.apply(configMaps, made('fought', { a: '1', b: '1' }), signal);
    await bench.setData('fought', 'kubectl-edit', { a: '9' });
    expect(applyEntry((await read('fought')).metadata)?.fieldsV1).toEqual({ 'f:data': { 'f:b': {} } });
    await destination.apply(configMaps, made('fought', { a: '1', b: '1' }), signal);
    const after = await read('fought');
    expect(after.data).toEqual({ a: '1', b: '1' });
    expect(applyEntry(after.metadata)?.fieldsV1).toEqual({ 'f:data': { 'f:a': {}, 'f:b': {} } });
  });

  it('removes a field that is no longer applied, and keeps what another manager added', async () => {
    await destination.apply(configMaps, made('shrinks', { a: '1', b: '1' }), signal);
    await bench.setData('shrinks', 'another-controller', { c: '1' });
    await destination.apply(configMaps, made('shrinks', { a: '1' }), signal);
    expect((await read('shrinks')).data).toEqual({ a: '1', c: '1' });
  });

  it('takes a field over with written managedFields, so that the next apply removes it', async () => {
    await destination.apply(configMaps, made('absorbed', { a: '1' }), signal);
    await bench.setData('absorbed', 'kubectl-edit', { extra: '1' });
    const live = await seen('absorbed');
    const absorbed = [{ manager: 'sluice', operation: 'Apply' as const, apiVersion: 'v1', fieldsV1: { 'f:data': { 'f:a': {}, 'f:extra': {} } } }];
    await destination.writeManagedFields(configMaps, live, absorbed, signal);
    await expect(destination.writeManagedFields(configMaps, live, absorbed, signal)).rejects.toMatchObject({ code: 'CONFLICT' });
    await destination.apply(configMaps, made('absorbed', { a: '1' }), signal);
    expect((await read('absorbed')).data).toEqual({ a: '1' });
  });

  it('lists metadata by label and namespace, without contents', async () => {
    await destination.apply(configMaps, made('listed-1', { a: '1' }, { set: 'listed' }), signal);
    await destination.apply(configMaps, made('listed-2', { a: '1' }, { set: 'another' }), signal);
    const listed = await destination.list(configMaps, bench.namespace, 'set=listed', signal);
    expect(listed.map(({ id }) => id)).toEqual([idFor('listed-1')]);
    expect(Object.keys(listed[0] ?? {})).toEqual(['id', 'metadata']);
    expect(await destination.list(configMaps, undefined, 'set=listed', signal)).toHaveLength(1);
    expect(await destination.list(configMaps, 'default', 'set=listed', signal)).toEqual([]);
  });

  it('removes exactly the object that was seen', async () => {
    await destination.apply(configMaps, made('removed'), signal);
    const before = await seen('removed');
    await destination.apply(configMaps, made('removed', { a: '2' }), signal);
    await expect(destination.remove(configMaps, before, signal)).rejects.toMatchObject({ code: 'CONFLICT' });
    const now = await seen('removed');
    await expect(destination.remove(configMaps, { ...now, metadata: { ...now.metadata, uid: 'another' } }, signal)).rejects.toMatchObject({ code: 'CONFLICT' });
    await destination.remove(configMaps, now, signal);
    expect(await destination.read(configMaps, idFor('removed'), signal)).toBeUndefined();
    await destination.remove(configMaps, now, signal);
  });

  it('names the namespace that is missing', async () => {
    const lost = configMap('nowhere', 'lost', { a: '1' });
    const error = { code: 'NOT_FOUND', details: { kind: 'namespaces', name: 'nowhere' } };
    await expect(bench.everywhere.dryRun(configMaps, lost, signal)).rejects.toMatchObject(error);
    await expect(bench.everywhere.apply(configMaps, lost, signal)).rejects.toMatchObject(error);
  });

  it('names the field that the API server refuses, and does not call it worth a retry', async () => {
    const { manifest, field } = bench.invalid('bad');
    await expect(destination.dryRun(configMaps, manifest, signal)).rejects.toMatchObject({ code: 'INVALID', retryable: false, details: { fields: [field] } });
  });

  it('acts with the rights of the identity that it was opened with', async () => {
    const stranger = await bench.forbidden('not-yours');
    const code: PortErrorCode = 'FORBIDDEN';
    await expect(stranger.apply(configMaps, made('not-yours'), signal)).rejects.toMatchObject({ code });
    await expect(stranger.read(configMaps, idFor('not-yours'), signal)).rejects.toMatchObject({ code });
  });

  it('knows which kinds are served, and asks again for one that a CustomResourceDefinition has just made', async () => {
    const wanted = [
      { group: '', kind: 'ConfigMap' },
      { group: 'apps', kind: 'Deployment' },
      { group: 'contract.example.org', kind: 'Widget' },
    ];
    expect([...(await destination.kinds(wanted, signal)).values()]).toEqual([
      configMaps,
      { group: 'apps', kind: 'Deployment', resource: 'deployments', namespaced: true, versions: ['v1'] },
    ]);
    await bench.define(widgets);
    const kind = await vi.waitUntil(async () => (await destination.kinds(wanted, signal)).get('Widget.contract.example.org'), {
      timeout: 20_000,
      interval: 100,
    });
    expect(kind).toEqual({ group: 'contract.example.org', kind: 'Widget', resource: 'widgets', namespaced: false, versions: ['v1'] });
    expect(await bench.sluice.list(kind, undefined, '', signal)).toEqual([]);
  });

  it('writes the applyset parent as itself: created once, replaced only at the version that was read', async () => {
    const parent = made('parent', {}, { 'applyset.kubernetes.io/id': 'x' });
    expect(await destination.readParent(bench.namespace, 'parent', signal)).toBeUndefined();
    const created = await destination.writeParent(parent, signal);
    await expect(destination.writeParent(parent, signal)).rejects.toMatchObject({ code: 'CONFLICT', details: { reason: 'AlreadyExists' } });
    const at = (resourceVersion: string): Manifest => ({ ...parent, metadata: { ...parent.metadata, resourceVersion, annotations: { a: '1' } } });
    await destination.writeParent(at(created.metadata.resourceVersion), signal);
    await expect(destination.writeParent(at(created.metadata.resourceVersion), signal)).rejects.toMatchObject({ code: 'CONFLICT' });
    const live = await destination.readParent(bench.namespace, 'parent', signal);
    expect(live?.metadata.annotations).toEqual({ a: '1' });
    const parentSeen: ObjectMetadata = { id: idFor('parent'), metadata: live?.metadata ?? expect.unreachable('no parent') };
    await destination.removeParent(parentSeen, signal);
    await destination.removeParent(parentSeen, signal);
    expect(await destination.readParent(bench.namespace, 'parent', signal)).toBeUndefined();
  });

  it('creates a namespace, and does not mind one that exists', async () => {
    const name = `${bench.namespace}-more`;
    await destination.createNamespace(name, { team: 'shop' }, signal);
    await destination.createNamespace(name, { team: 'shop' }, signal);
    const [listed] = await destination.list(
      { group: '', kind: 'Namespace', resource: 'namespaces', namespaced: false, versions: ['v1'] },
      undefined,
      'team=shop',
      signal,
    );
    expect(listed?.id).toEqual({ group: '', kind: 'Namespace', name });
  });

  it('answers with the reason of a signal that is aborted', async () => {
    await expect(destination.list(configMaps, bench.namespace, '', AbortSignal.abort(new Error('a newer commit')))).rejects.toThrow('a newer commit');
  });
});

describe('Destination on the real API server', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openReal();
  });
  afterAll(() => bench[Symbol.asyncDispose]());

  it('lists more objects than fit on one page', async () => {
    const manifests = Array.from({ length: 1001 }, (_, i) => configMap(bench.namespace, `page-${i}`, {}, { paged: 'yes' }));
    await Promise.all(manifests.map((manifest) => bench.destination.apply(configMaps, manifest, signal)));
    const listed = await bench.destination.list(configMaps, bench.namespace, 'paged=yes', signal);
    expect(new Set(listed.map(({ id }) => id.name)).size).toBe(1001);
  });

  it('stores integers beyond 2^53 with all their digits', async () => {
    const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'digits', namespace: bench.namespace }, data: { n: 9_007_199_254_740_993n } };
    // A number where a string must be: the refusal shows which digits have arrived.
    await expect(bench.destination.dryRun(configMaps, manifest, signal)).rejects.toThrow('9007199254740993');
  });

  it.each([
    ['a value of the wrong type', { data: { password: ['hunter2'] } }, ['.data.password']],
    ['a value that is not base64', { data: { password: 'hunter2!' } }, undefined],
    ['an unknown field', { stringDta: { password: 'hunter2' } }, ['.stringDta']],
    ['a missing key', { type: 'kubernetes.io/tls', stringData: { password: 'hunter2' } }, ['data[tls.crt]', 'data[tls.key]']],
  ])('never quotes a Secret that is refused for %s', async (_why, contents, fields) => {
    const manifest = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'login', namespace: bench.namespace }, ...contents };
    const error: unknown = await bench.destination.dryRun(secrets, manifest, signal).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'INVALID', details: fields === undefined ? {} : { fields } });
    expect(String(error)).toContain(`Secret ${bench.namespace}/login`);
    expect(JSON.stringify([error, String(error), String((error as Error).cause)])).not.toMatch(/hunter2/);
  });

  it('tells facts of the pods that a selector chooses', async () => {
    const { staging } = realParts();
    await staging.kubectl(['run', 'web', '-n', bench.namespace, '--image=registry.example.org/web:1', '--labels=app=web', '--env=PASSWORD=hunter2']);
    const pods = await bench.destination.pods(bench.namespace, 'app in (web)', signal);
    expect(pods.map(({ name }) => name)).toEqual(['web']);
    expect(JSON.stringify(pods)).not.toContain('hunter2');
    expect(await bench.destination.pods(bench.namespace, 'app=api', signal)).toEqual([]);
  });
});

function configMap(namespace: string, name: string, data: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>> = {}): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, ...(Object.keys(labels).length === 0 ? {} : { labels }) },
    ...(Object.keys(data).length === 0 ? {} : { data }),
  };
}

const widgets: Manifest = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.contract.example.org' },
  spec: {
    group: 'contract.example.org',
    scope: 'Cluster',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};
