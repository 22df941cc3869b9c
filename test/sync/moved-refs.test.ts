import { beforeEach, describe, expect, it } from 'vitest';
import { application, cluster, repository } from '../builders.ts';
import { openWorld, type World } from '../world.ts';

const configMap = (a: string): string => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { a } });

describe('an Application whose revision moves in other ways than forward', () => {
  let world: World;
  const live = () => world.destination.get({ group: '', kind: 'ConfigMap', namespace: 'web', name: 'a' })?.['data'];
  const condition = (type: string) => world.application('web').status?.conditions.find((each) => each.type === type);
  const refresh = async () => {
    await world.nudges.nudge('refresh', { namespace: 'shop', name: 'config' });
    await world.settle();
  };
  const follow = (targetRevision: string) => {
    world = openWorld();
    world.hub.put(repository());
    world.hub.put(cluster());
    world.hub.put(application({ spec: { source: { targetRevision } } }));
  };
  beforeEach(() => follow('main'));

  it('takes the commit that a tag was moved to, forward and back', async () => {
    follow('v1');
    const first = world.repository.commit({ 'apps/web/a.yaml': configMap('1') });
    const second = world.repository.commit({ 'apps/web/a.yaml': configMap('2') });
    for (const [commit, a] of [
      [first, '1'],
      [second, '2'],
      [first, '1'],
    ] as const) {
      world.repository.tag('v1', commit);
      await refresh();
      expect(live()).toEqual({ a });
      expect(world.application('web').status).toMatchObject({ revision: commit, sync: { state: 'Synced' } });
    }
  });

  it('takes the commit of a branch whose history was rewritten', async () => {
    await world.push({ 'apps/web/a.yaml': configMap('1') });
    const rewritten = world.repository.commit({ 'apps/web/a.yaml': configMap('2') }, { parents: [] });
    await refresh();

    expect(live()).toEqual({ a: '2' });
    expect(world.application('web').status).toMatchObject({ revision: rewritten, sync: { state: 'Synced' } });
  });

  it('is stalled when its branch was deleted, keeps what runs, and goes on when the branch is back', async () => {
    const commit = await world.push({ 'apps/web/a.yaml': configMap('1') });
    world.repository.branch('main', undefined);
    await refresh();

    expect(condition('Stalled')).toMatchObject({
      status: 'True',
      message:
        "spec.source.targetRevision: 'main' names nothing in the repository (looked for refs/heads/main and refs/tags/main); push a branch or tag of that name, or correct it; what runs stays",
    });
    expect(live()).toEqual({ a: '1' });

    world.repository.branch('main', commit);
    await refresh();
    expect(condition('Stalled')).toMatchObject({ status: 'False' });
    expect(condition('Ready')).toMatchObject({ status: 'True' });
  });
});
