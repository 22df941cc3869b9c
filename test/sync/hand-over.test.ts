import { beforeEach, describe, expect, it } from 'vitest';
import { ownerOf } from '../../src/diff/ownership.ts';
import { application, cluster, repository } from '../builders.ts';
import { openWorld, type World } from '../world.ts';

const data = (size = '1Gi') => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'data' }, data: { size } });
const settings = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' } });
const others = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'others' } });
const id = { group: '', kind: 'ConfigMap', namespace: 'web', name: 'data' };

let world: World;
const live = () => world.destination.get(id);
const belongsTo = () => live()?.metadata.annotations?.['sluice.dev/owner'];
const status = (name: string) => world.application(name).status;
const removals = () => world.destination.requests.filter(({ verb }) => verb === 'remove');
const declare = (name: string, { path = `apps/${name}`, suspend = false }: { readonly path?: string; readonly suspend?: boolean } = {}) =>
  world.hub.put(application({ name, spec: { source: { path }, destination: { namespace: 'web' }, suspend } }));

beforeEach(async () => {
  world = openWorld();
  world.hub.put(repository());
  world.hub.put(cluster());
  declare('old');
  declare('new');
  await world.push({ 'apps/old/data.yaml': data(), 'apps/old/settings.yaml': settings, 'apps/new/others.yaml': others });
  await world.sync('old');
  expect(status('old')?.sync).toMatchObject({ state: 'Synced' });
});

describe('an object that moves from one Application to another in one commit', () => {
  const move = () => world.repository.commit({ 'apps/old/data.yaml': undefined, 'apps/new/data.yaml': data('2Gi') });

  it.each([
    ['the one that gives it up', ['old', 'new', 'old']],
    ['the one that takes it over', ['new', 'old']],
  ])('is handed over and never removed when %s looks first', async (_, order) => {
    const before = live()?.metadata.uid;
    move();
    await world.look('refresh', { namespace: 'shop', name: 'config' });
    for (const [turn, name] of order.entries()) {
      await world.look('sync', { namespace: 'shop', name });
      if (turn === 0 && name === 'old')
        expect(status('old')?.objects?.withheld).toEqual([expect.stringContaining('Application shop/new renders it now and takes it over')]);
    }
    await world.settle();
    await world.sync('old', 'new');

    expect(live()).toMatchObject({ metadata: { uid: before }, data: { size: '2Gi' } });
    expect(belongsTo()).toBe('shop/new');
    expect(removals()).toEqual([]);
    expect(status('old')).toMatchObject({ sync: { state: 'Synced' }, objects: { rendered: 1, members: 1, withheld: [] } });
    expect(status('new')).toMatchObject({ sync: { state: 'Synced' }, objects: { rendered: 2, members: 2 } });
  });

  it('is off the mind of the one that gave it up within seconds, although nobody nudges it', async () => {
    await world.push({ 'apps/old/data.yaml': undefined, 'apps/new/data.yaml': data('2Gi') });
    expect(status('old')?.objects).toMatchObject({ members: 2, withheld: [expect.stringContaining('takes it over')] });
    expect(belongsTo()).toBe('shop/new');
    await world.pass(10_000);
    expect(status('old')?.objects).toMatchObject({ members: 1, withheld: [] });
  });

  it('stays where it is while the one that takes it over cannot be applied', async () => {
    world.destination.refuse({ group: '', kind: 'ConfigMap', namespace: 'web', name: 'others' }, { code: 'INVALID', message: 'no' });
    world.repository.commit({ 'apps/new/others.yaml': others.replace('"others"}', '"others","labels":{"a":"b"}}') });
    move();
    await world.look('refresh', { namespace: 'shop', name: 'config' });
    await world.settle();
    expect(status('new')?.sync?.state).toBe('Failed');
    expect(belongsTo()).toBe('shop/old');
    expect(removals()).toEqual([]);
  });

  it('is pruned when nobody wants it any more', async () => {
    await world.push({ 'apps/old/data.yaml': undefined });
    expect(live()).toBeUndefined();
  });
});

describe('an object of another Application', () => {
  it('is refused for as long as that one renders it, both being named', async () => {
    await world.push({ 'apps/new/data.yaml': data('2Gi') });
    expect(status('new')?.sync).toMatchObject({
      state: 'Failed',
      message: expect.stringMatching(/belongs to Application shop\/old, and Application shop\/new renders it too/),
    });
    expect(live()?.data).toEqual({ size: '1Gi' });
  });

  it('is taken over once that one is gone: an Application that was renamed goes on with what it had', async () => {
    const before = live()?.metadata.uid;
    world.hub.remove('Application', { namespace: 'shop', name: 'old' });
    declare('renamed', { path: 'apps/old' });
    await world.sync('renamed');
    await world.sync('renamed');
    expect(belongsTo()).toBe('shop/renamed');
    expect(live()?.metadata.uid).toBe(before);
    expect(status('renamed')).toMatchObject({ sync: { state: 'Synced' }, objects: { members: 2 } });
  });

  it('of another installation is never taken over, whether or not this hub has an Application of that name', async () => {
    world.destination.edit(id, 'sluice', (object) => ({
      ...object,
      metadata: {
        ...object.metadata,
        labels: { ...object.metadata.labels, 'sluice.dev/application': ownerOf('other', { namespace: 'shop', name: 'old' }, 'web').hash },
      },
    }));
    world.hub.remove('Application', { namespace: 'shop', name: 'old' });
    await world.push({ 'apps/new/data.yaml': data('2Gi') });
    expect(status('new')?.sync).toMatchObject({ state: 'Failed', message: expect.stringContaining('belongs to Application shop/old') });
  });

  it('stays with a suspended one, whatever its branch says', async () => {
    declare('old', { suspend: true });
    await world.push({ 'apps/old/data.yaml': undefined, 'apps/new/data.yaml': data('2Gi') });
    expect(status('new')?.sync?.state).toBe('Failed');
    expect(belongsTo()).toBe('shop/old');
  });
});
