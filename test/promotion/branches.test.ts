import { beforeEach, describe, expect, it } from 'vitest';
import { applicationOf, cluster, pipeline, repository } from '../builders.ts';
import { openWorld } from '../world.ts';
import { deployment, openShop, type Shop } from './shop-world.ts';

const production = 'env/shop/production';

describe('a Pipeline whose branches people change', () => {
  let shop: Shop;
  const condition = (type: string) => shop.pipeline('shop').status?.conditions.find((each) => each.type === type);
  const refresh = async () => {
    await shop.nudges.nudge('refresh', { namespace: 'shop', name: 'config' });
    await shop.settle();
  };
  const promote = async (image: string) => {
    const commit = await shop.push({ 'apps/web/a.yaml': deployment(image) });
    await shop.becomesHealthy('staging');
    await shop.becomesHealthy('production');
    return commit;
  };
  beforeEach(() => {
    shop = openShop();
  });

  it('makes a Release of a rewritten history, and says that it was rewritten until the next one', async () => {
    await promote('web:1');
    shop.repository.commit({ 'apps/web/a.yaml': deployment('web:2') }, { parents: [] });
    await refresh();

    const [, rewritten] = shop.releases();
    expect(rewritten).toMatchObject({ spec: { rewritten: true, included: [] }, status: { summary: 'staging pending, production waiting, history rewritten' } });
    expect(shop.imageIn('staging')).toBe('web:2');
    expect(condition('Ready')?.message).toContain(
      `${rewritten?.metadata.name}: branch main does not lead there from the Release before (its history was rewritten`,
    );
    await shop.becomesHealthy('staging');
    expect(shop.imageIn('production')).toBe('web:2');

    await promote('web:3');
    expect(shop.releases().at(-1)?.spec.rewritten).toBe(false);
    expect(condition('Ready')).toMatchObject({ status: 'True', message: expect.not.stringContaining('rewritten') });
  });

  it('without its source branch is stalled with what to do, while Releases made so far go on', async () => {
    const commit = await shop.push({ 'apps/web/a.yaml': deployment('web:1') });
    shop.repository.branch('main', undefined);
    await refresh();

    expect(condition('Stalled')).toMatchObject({
      status: 'True',
      reason: 'NoBranch',
      message: `spec.branch: Repository shop/config has no branch main any more. What runs stays, Releases made so far go on, and no new one is made. Restore it (\`git push origin ${commit}:refs/heads/main\`), or correct the name`,
    });
    await shop.becomesHealthy('staging');
    expect(shop.imageIn('production')).toBe('web:1');

    shop.repository.branch('main', commit);
    await refresh();
    expect(condition('Stalled')).toMatchObject({ status: 'False' });
    expect(shop.releases()).toHaveLength(1);
  });

  it('that names a branch which never was is stalled', async () => {
    await refresh();
    expect(condition('Stalled')).toMatchObject({
      status: 'True',
      reason: 'NoBranch',
      message: 'spec.branch: Repository shop/config has no branch main: push it, or correct the name',
    });
    await shop.push({ 'apps/web/a.yaml': deployment('web:1') });
    expect(condition('Stalled')).toMatchObject({ status: 'False' });
  });

  it('is not stalled before its Repository was read', async () => {
    await shop.nudges.nudge('promote', { namespace: 'shop', name: 'shop' });
    await shop.settle();
    expect(condition('Stalled')).toMatchObject({ status: 'False' });
  });

  it('promotes nothing past an environment branch that somebody deleted, says so at once, and goes on when it is back', async () => {
    await promote('web:1');
    const head = shop.stage('production')?.head;
    await refresh();
    shop.repository.branch(production, undefined);
    await refresh();

    expect(condition('Stalled')).toMatchObject({
      status: 'True',
      reason: 'ForeignCommit',
      message: `stage production: branch ${production} is gone, and with it the record of what was promoted. What runs stays, and nothing is promoted there until it is back. Restore it (\`git push origin ${head}:refs/heads/${production}\`), and protect ${production} so that only Sluice's account may change it.`,
    });
    await promote('web:2');
    expect([shop.imageIn('staging'), shop.imageIn('production')]).toEqual(['web:2', 'web:1']);
    const writes = JSON.stringify(shop.pipeline('shop').metadata.resourceVersion);
    for (let look = 0; look < 3; look += 1) await shop.look('promote', { namespace: 'shop', name: 'shop' });
    expect(JSON.stringify(shop.pipeline('shop').metadata.resourceVersion)).toBe(writes);

    shop.repository.branch(production, head);
    await refresh();
    expect(condition('Stalled')).toMatchObject({ status: 'False' });
    expect(shop.imageIn('production')).toBe('web:2');
    expect(shop.repository.head(`refs/heads/${production}`)).toBe(shop.stage('production')?.head);
  });

  it('finds an environment branch gone when it is about to push, before anybody has looked', async () => {
    await promote('web:1');
    await shop.push({ 'apps/web/a.yaml': deployment('web:2') });
    shop.beforeNextPush(() => shop.repository.branch(production, undefined));
    await shop.becomesHealthy('staging');
    expect(shop.imageIn('production')).toBe('web:1');
    expect(condition('Stalled')).toMatchObject({ status: 'True', message: expect.stringContaining(`branch ${production} is gone`) });
  });
});

it('a second Pipeline of the Repository hears nothing of a branch that it does not need', async () => {
  const world = openWorld({ namespaces: ['staging', 'production'] });
  world.hub.put(repository());
  for (const name of ['staging', 'production']) {
    world.hub.put(cluster({ name }));
    world.hub.put(applicationOf(name, { spec: { source: { path: 'apps/web' }, destination: { namespace: name } } }));
  }
  world.hub.put(pipeline());
  world.hub.put(
    pipeline({
      name: 'other',
      spec: {
        branch: 'other',
        stages: [
          {
            name: 'elsewhere',
            after: [],
            selector: { matchLabels: { stage: 'elsewhere' } },
            verify: { soakSeconds: 0, deadlineSeconds: 60, allowEmpty: true },
          },
        ],
      },
    }),
  );
  await world.push({ 'apps/web/a.yaml': deployment('web:1') });
  const stalled = (name: string) => world.pipeline(name).status?.conditions.find(({ type }) => type === 'Stalled')?.reason;
  expect([stalled('shop'), stalled('other')]).toEqual(['Promoting', 'NoBranch']);
});
