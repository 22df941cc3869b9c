import { beforeEach, describe, expect, it } from 'vitest';
import { PortError } from '../../src/model/port-error.ts';
import { inspect } from '../../src/sync/inspect.ts';
import { application, cluster, repository } from '../builders.ts';
import { openWorld, type World } from '../world.ts';

const configMap = (name: string, data: Record<string, string> = { a: '1' }): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
const secret = (password: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { password: Buffer.from(password).toString('base64') } });
const id = (kind: string, name: string) => ({ group: '', kind, namespace: 'web', name });

describe('looking at an Application', () => {
  let world: World;
  const look = () => inspect(world.application('web'), world.ports, new AbortController().signal);
  const stateOf = async (name: string) => (await look()).objects.find((object) => object.id.name === name);

  beforeEach(() => {
    world = openWorld();
    world.hub.put(repository());
    world.hub.put(cluster());
    world.hub.put(application({ spec: { sync: { automated: false, selfHeal: false } } }));
  });

  const synced = async (files: Record<string, string>) => {
    world.hub.put(application({ spec: { sync: { automated: true, selfHeal: false } } }));
    await world.push(files);
    world.hub.put(application({ spec: { sync: { automated: false, selfHeal: false } } }));
  };

  it('says what a sync would make, as the API server answers, and writes nothing', async () => {
    const commit = await world.push({ 'apps/web/a.yaml': configMap('a') });
    const before = world.hub.writes.length;
    expect(await look()).toMatchObject({
      revision: commit,
      problems: [],
      objects: [{ id: id('ConfigMap', 'a'), state: 'create', why: 'new in this revision' }],
    });
    expect((await stateOf('a'))?.patch).toContain('+  a: "1"');
    expect(world.destination.get(id('ConfigMap', 'a'))).toBeUndefined();
    expect(world.hub.writes.length).toBe(before);
  });

  it('shows nothing to do for what is in sync, with its health', async () => {
    await synced({ 'apps/web/a.yaml': configMap('a') });
    expect((await look()).objects).toEqual([{ id: id('ConfigMap', 'a'), state: 'in-sync', health: { health: 'Healthy', message: '' } }]);
  });

  it('shows what somebody changed by hand, and what is no longer rendered', async () => {
    await synced({ 'apps/web/a.yaml': configMap('a'), 'apps/web/b.yaml': configMap('b') });
    world.destination.edit(id('ConfigMap', 'a'), 'kubectl-edit', (object) => ({ ...object, data: { a: 'other' } }));
    await world.push({ 'apps/web/b.yaml': undefined });
    expect(await stateOf('a')).toMatchObject({ state: 'update', why: 'somebody changed it', patch: expect.stringContaining('-  a: other\n+  a: "1"') });
    expect(await stateOf('b')).toMatchObject({ state: 'remove', patch: expect.stringContaining('-kind: ConfigMap') });
  });

  it('tells of an object that it does not own no more than that it exists', async () => {
    world.destination.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'web' }, data: { private: 'of-somebody-else' } }, 'helm');
    await world.push({ 'apps/web/a.yaml': configMap('a') });
    expect(await stateOf('a')).toEqual({ id: id('ConfigMap', 'a'), state: 'not-owned', why: 'exists, not owned' });
    expect(JSON.stringify(await look())).not.toContain('of-somebody-else');
  });

  it('masks what a Secret holds', async () => {
    await synced({ 'apps/web/s.yaml': secret('old-value') });
    await world.push({ 'apps/web/s.yaml': secret('new-value') });
    const text = JSON.stringify(await look());
    expect(text).toContain('password: ++++++++ (changed)');
    for (const value of ['old-value', 'new-value']) expect(text).not.toContain(Buffer.from(value).toString('base64'));
  });

  it('says what a sync would refuse', async () => {
    await world.push({ 'apps/web/a.yaml': 'kind: ConfigMap\nmetadata:\n  name: a\n' });
    expect(await look()).toMatchObject({ objects: [], problems: [{ at: expect.stringContaining('apps/web/a.yaml'), message: expect.any(String) }] });
  });

  it('says why it could not look when the cluster is away', async () => {
    await world.push({ 'apps/web/a.yaml': configMap('a') });
    world.destination.fail(new PortError('destination', 'UNREACHABLE', 'https://staging.example does not answer', { cause: undefined }));
    expect(await look()).toEqual({ objects: [], problems: [], why: 'https://staging.example does not answer' });
  });
});
