import { beforeEach, describe, expect, it } from 'vitest';
import { pendingSync, syncRequestedAnnotation } from '../../src/sync/sync-request.ts';
import { nudgesFor } from '../../src/workers/nudges-for.ts';
import { application, cluster, repository } from '../builders.ts';
import { openWorld, type World } from '../world.ts';

const configMap = (name: string, annotations: Record<string, string> = {}): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, annotations }, data: { a: '1' } });
const deployment = (name: string): string =>
  JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { replicas: 1, selector: { matchLabels: { app: name } } } });
const id = (kind: string, name: string, group = '') => ({ group, kind, namespace: 'web', name });

describe('a sync that somebody asks for', () => {
  let world: World;
  const app = () => world.application('web');

  /** As `sluice sync` does it; the time is the world's own. */
  async function ask(text = world.now().toISOString()): Promise<string> {
    const before = app();
    const annotations = { ...before.metadata.annotations, [syncRequestedAnnotation]: text };
    world.hub.put({ ...before, metadata: { ...before.metadata, annotations } });
    await world.sync('web');
    return text;
  }

  beforeEach(() => {
    world = openWorld();
    world.hub.put(repository());
    world.hub.put(cluster());
    world.hub.put(application({ spec: { sync: { automated: false, selfHeal: false } } }));
  });

  it('is done although automated is off, prune included, and is answered in the status', async () => {
    await world.push({ 'apps/web/a.yaml': configMap('a'), 'apps/web/b.yaml': configMap('b') });
    expect(app().status?.sync?.state).toBe('OutOfSync');
    const first = await ask();
    expect(app().status).toMatchObject({ phase: 'done', sync: { state: 'Synced' }, syncRequested: first });

    await world.push({ 'apps/web/b.yaml': undefined });
    expect(world.destination.get(id('ConfigMap', 'b'))).toBeDefined();
    await ask('again');
    expect(world.destination.get(id('ConfigMap', 'b'))).toBeUndefined();
    expect(app().status).toMatchObject({ phase: 'done', syncRequested: 'again' });
  });

  it('counts once: the next revision is held back again', async () => {
    await world.push({ 'apps/web/a.yaml': configMap('a') });
    await ask();
    await world.push({ 'apps/web/b.yaml': configMap('b') });

    expect(world.destination.get(id('ConfigMap', 'b'))).toBeUndefined();
    expect(app().status?.sync).toMatchObject({ state: 'OutOfSync', message: expect.stringContaining('automated is off') });
  });

  it('undoes drift although selfHeal is off', async () => {
    await world.push({ 'apps/web/a.yaml': configMap('a') });
    await ask();
    world.destination.edit(id('ConfigMap', 'a'), 'kubectl-edit', (object) => ({ ...object, data: { a: 'other' } }));
    await world.sync('web');
    expect(world.destination.get(id('ConfigMap', 'a'))?.data).toEqual({ a: 'other' });
    await ask('again');
    expect(world.destination.get(id('ConfigMap', 'a'))?.data).toEqual({ a: '1' });
  });

  it('stays open through all of its waves', async () => {
    await world.push({ 'apps/web/a.yaml': deployment('web'), 'apps/web/b.yaml': configMap('late', { 'sluice.dev/sync-wave': '1' }) });
    const asked = await ask();
    expect(app().status?.syncRequested).toBeUndefined();
    expect(pendingSync(app())).toBe(asked);

    const { generation } = world.destination.get(id('Deployment', 'web', 'apps'))?.metadata ?? {};
    world.destination.setStatus(id('Deployment', 'web', 'apps'), {
      observedGeneration: generation,
      replicas: 1,
      updatedReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
    });
    await world.sync('web');
    expect(world.destination.get(id('ConfigMap', 'late'))).toBeDefined();
    expect(app().status?.syncRequested).toBe(asked);
  });

  it('is answered by a refusal, and asked again it is tried at once', async () => {
    world.destination.refuse(id('ConfigMap', 'a'), { code: 'INVALID', message: '.data.a: expected string' }, ['dryRun']);
    await world.push({ 'apps/web/a.yaml': configMap('a') });
    const asked = await ask();
    expect(app().status).toMatchObject({ sync: { state: 'Failed' }, syncRequested: asked });

    world.destination.refuse(id('ConfigMap', 'a'), undefined);
    await ask('again');
    expect(app().status).toMatchObject({ sync: { state: 'Synced' }, syncRequested: 'again' });
  });

  it('is answered when what was applied is not healthy in time, so that nothing later slips in with it', async () => {
    await world.push({ 'apps/web/a.yaml': deployment('web') });
    const asked = await ask();
    expect(app().status?.syncRequested).toBeUndefined();
    await world.pass(3_600_000);
    expect(app().status).toMatchObject({ health: { health: 'Degraded' }, syncRequested: asked });
  });

  it('is given the whole timeout, however long ago the revision was first tried', async () => {
    await world.push({ 'apps/web/a.yaml': deployment('web'), 'apps/web/b.yaml': configMap('late', { 'sluice.dev/sync-wave': '1' }) });
    await ask();
    await world.pass(700_000);
    expect(app().status?.sync).toMatchObject({ state: 'Failed', message: expect.stringContaining('not applied in full within 600 s') });
    const asked = await ask();
    expect(app().status?.sync?.startedAt).toBe(asked);
    await world.pass(60_000);
    expect(app().status?.sync?.message).not.toContain('not applied in full');
  });

  it('is left open while the Application is suspended', async () => {
    world.hub.put(application({ spec: { suspend: true } }));
    await world.push({ 'apps/web/a.yaml': configMap('a') });
    const asked = await ask();
    expect(pendingSync(app())).toBe(asked);
  });

  it('makes the controller look at once, at the repository too', async () => {
    const before = app();
    const now = { ...before, metadata: { ...before.metadata, annotations: { [syncRequestedAnnotation]: 'now' } } };
    const reference = { namespace: 'shop', name: 'web' };
    const nudges = nudgesFor({ kind: 'Application', reference, type: 'MODIFIED', before, now }, world.hub.hub);
    expect(nudges).toEqual([
      { verb: 'sync', reference },
      { verb: 'refresh', reference: { namespace: 'shop', name: 'config' } },
    ]);
    expect(nudgesFor({ kind: 'Application', reference, type: 'MODIFIED', before: now, now }, world.hub.hub)).toEqual([]);
  });
});
