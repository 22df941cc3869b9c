import { beforeEach, describe, expect, it } from 'vitest';
import { PortError } from '../../src/model/port-error.ts';
import { syncOnce } from '../../src/sync/sync.ts';
import { application, cluster, repository } from '../builders.ts';
import { openWorld, type World } from '../world.ts';

const configMap = (name: string, data: Record<string, string> = { a: '1' }, annotations: Record<string, string> = {}): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, annotations }, data });

const id = (kind: string, name: string, group = '') => ({ group, kind, namespace: 'web', name });

describe('the sync story', () => {
  let world: World;
  const app = () => world.application('web');
  const condition = (type: string) => app().status?.conditions.find((each) => each.type === type);

  beforeEach(() => {
    world = openWorld();
    world.hub.put(repository());
    world.hub.put(cluster());
    world.hub.put(application());
  });

  it('applies a commit and says so', async () => {
    const commit = await world.push({ 'apps/web/a.yaml': configMap('a'), 'apps/web/b.yaml': configMap('b') });

    expect(world.destination.get(id('ConfigMap', 'a'))?.data).toEqual({ a: '1' });
    expect(app().status).toMatchObject({
      revision: commit,
      commit,
      phase: 'done',
      sync: { state: 'Synced' },
      health: { health: 'Healthy' },
      objects: { members: 2, outOfSync: 0 },
    });
    expect(condition('Ready')).toMatchObject({ status: 'True' });
    expect(app().status?.claim).toBeUndefined();
  });

  it('asks for nothing but metadata when nothing changed', async () => {
    await world.push({ 'apps/web/a.yaml': configMap('a') });
    world.destination.requests.length = 0;
    await world.sync('web');

    expect(world.destination.requests.map(({ verb }) => verb).toSorted()).toEqual(['list', 'readParent']);
  });

  it('changes nothing at all when one manifest of many is refused, and names its file', async () => {
    await world.push({ 'apps/web/a.yaml': configMap('a') });
    world.destination.refuse(id('ConfigMap', 'bad'), { code: 'INVALID', message: '.data.a: expected string' }, ['dryRun']);
    await world.push({ 'apps/web/a.yaml': configMap('a', { a: '2' }), 'apps/web/bad.yaml': configMap('bad') });

    expect(world.destination.get(id('ConfigMap', 'a'))?.data).toEqual({ a: '1' });
    expect(condition('Stalled')).toMatchObject({ status: 'True', message: expect.stringMatching(/apps\/web\/bad\.yaml.*ConfigMap web\/bad.*expected string/) });
    expect(app().status).toMatchObject({ phase: 'diff', sync: { state: 'Failed' } });
  });

  it('prunes what is no longer rendered, after the rest is healthy', async () => {
    await world.push({ 'apps/web/a.yaml': configMap('a'), 'apps/web/b.yaml': configMap('b') });
    await world.push({ 'apps/web/b.yaml': undefined });

    expect(world.destination.get(id('ConfigMap', 'b'))).toBeUndefined();
    expect(app().status).toMatchObject({ phase: 'done', objects: { members: 1 } });
  });

  it('puts back what somebody changed, added or deleted by hand', async () => {
    await world.push({ 'apps/web/a.yaml': configMap('a') });
    world.destination.edit(id('ConfigMap', 'a'), 'kubectl-edit', (object) => ({ ...object, data: { a: 'other', b: 'added' } }));
    await world.sync('web');
    expect(world.destination.get(id('ConfigMap', 'a'))?.data).toEqual({ a: '1' });

    world.destination.drop(id('ConfigMap', 'a'));
    await world.sync('web');
    expect(world.destination.get(id('ConfigMap', 'a'))?.data).toEqual({ a: '1' });
  });

  it('leaves alone what another controller adds', async () => {
    await world.push({ 'apps/web/a.yaml': configMap('a') });
    world.destination.edit(id('ConfigMap', 'a'), 'some-operator', (object) => ({ ...object, data: { a: '1', injected: 'x' } }));
    await world.sync('web');

    expect(world.destination.get(id('ConfigMap', 'a'))?.data).toEqual({ a: '1', injected: 'x' });
    expect(app().status?.sync?.state).toBe('Synced');
  });

  it('waits for a wave to be healthy before the next begins', async () => {
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: { replicas: 1, selector: { matchLabels: { app: 'web' } } },
    };
    await world.push({ 'apps/web/a.yaml': JSON.stringify(deployment), 'apps/web/b.yaml': configMap('late', {}, { 'argocd.argoproj.io/sync-wave': '1' }) });
    expect(world.destination.get(id('ConfigMap', 'late'))).toBeUndefined();
    expect(app().status).toMatchObject({ phase: 'health', sync: { state: 'Syncing', wave: 0 }, health: { health: 'Progressing' } });

    world.destination.setStatus(id('Deployment', 'web', 'apps'), {
      observedGeneration: 1,
      replicas: 1,
      updatedReplicas: 1,
      availableReplicas: 1,
      readyReplicas: 1,
    });
    await world.sync('web');
    expect(world.destination.get(id('ConfigMap', 'late'))).toBeDefined();
    expect(app().status).toMatchObject({ phase: 'done', health: { health: 'Healthy' } });
  });

  it('refuses what another Application owns, naming both', async () => {
    await world.push({ 'apps/web/a.yaml': configMap('a') });
    world.hub.put(application({ name: 'rival', spec: { source: { path: 'apps/web' }, destination: { namespace: 'web' } } }));
    await world.sync('rival');

    expect(world.application('rival').status?.sync?.message).toMatch(/belongs to Application shop\/web, and Application shop\/rival renders it too/);
    expect(world.destination.get(id('ConfigMap', 'a'))?.metadata.annotations?.['sluice.dev/owner']).toBe('shop/web');
  });

  it('defers objects whose namespace or definition is part of the same sync', async () => {
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'widgets.example.org' },
      spec: {
        group: 'example.org',
        scope: 'Namespaced',
        names: { kind: 'Widget', plural: 'widgets' },
        versions: [{ name: 'v1', served: true, storage: true }],
      },
    };
    const files = {
      'apps/web/namespace.yaml': JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'extra' } }),
      'apps/web/inside.yaml': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'inside', namespace: 'extra' } }),
      'apps/web/crd.yaml': JSON.stringify(definition),
      'apps/web/widget.yaml': JSON.stringify({ apiVersion: 'example.org/v1', kind: 'Widget', metadata: { name: 'w' } }),
    };
    await world.push(files);
    await world.sync('web');

    expect(world.destination.get({ group: '', kind: 'ConfigMap', namespace: 'extra', name: 'inside' })).toBeDefined();
    expect(world.destination.get(id('Widget', 'w', 'example.org'))).toBeDefined();
    expect(app().status).toMatchObject({ health: { health: 'Healthy', message: '' }, phase: 'done', sync: { state: 'Synced' } });
  });

  it('is stalled while its Repository asks for credentials that a person has to give, and goes on when they have', async () => {
    world.repository.fail(new PortError('source', 'UNAUTHORIZED', 'the Git host asks for credentials (401)', { cause: undefined }));
    await world.push({ 'apps/web/a.yaml': configMap('a') });
    const blocked = { status: 'True', reason: 'RepositoryUnreadable', message: expect.stringMatching(/Repository shop\/config cannot be read: .*\(401\)/) };
    expect(condition('Stalled')).toMatchObject(blocked);

    world.repository.fail(undefined);
    await world.pass(15_000);
    expect(app().status?.sync?.state).toBe('Synced');
    expect(condition('Stalled')).toMatchObject({ status: 'False' });
  });

  it('is stalled with the place and the advice when no rule allows it', async () => {
    world.hub.put(cluster({ spec: { rules: [] } }));
    await world.push({ 'apps/web/a.yaml': configMap('a') });

    expect(condition('Stalled')?.message).toMatch(
      /spec\.destination: no rule of Cluster staging lets Applications of namespace shop deploy to namespace web as service account deployer/,
    );
    expect(world.destination.requests).toEqual([]);
  });
});

describe('a sync that is cut short', () => {
  it('leaves no claim behind, so that the next one need not wait for its lease', async () => {
    const world = openWorld();
    world.hub.put(repository());
    world.hub.put(cluster());
    world.hub.put(application());
    await world.push({ 'apps/web/a.yaml': configMap('a') });
    world.repository.commit({ 'apps/web/a.yaml': configMap('a', { a: '2' }) });
    await world.look('refresh', { namespace: 'shop', name: 'config' });

    const stop = new AbortController();
    const claims = () => world.hub.writes.filter(({ kind, status }) => kind === 'Application' && (status as { claim?: unknown }).claim !== undefined).length;
    const before = claims();
    const open = world.ports.destinations.open;
    const ports = {
      ...world.ports,
      destinations: {
        async open(...args: Parameters<typeof open>) {
          const destination = await open(...args);
          return {
            ...destination,
            async apply(): Promise<never> {
              stop.abort(new Error('stopping'));
              throw stop.signal.reason;
            },
          };
        },
      },
    };
    await expect(syncOnce(world.application('web'), ports, stop.signal)).rejects.toThrow('stopping');
    expect(claims()).toBe(before + 1);
    expect(world.application('web').status?.claim).toBeUndefined();
  });
});
