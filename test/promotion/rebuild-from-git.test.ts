import { beforeEach, describe, expect, it } from 'vitest';
import { notesRef } from '../../src/promotion/environment-branch.ts';
import { deployment, openShop, type Shop } from './shop-world.ts';

const production = 'refs/heads/env/shop/production';

describe('a hub that was made anew', () => {
  let lost: Shop;
  const facts = ({ release, revision, ordinal, verdict }: NonNullable<NonNullable<ReturnType<Shop['stage']>>['admitted']>) => ({
    release,
    revision,
    ordinal,
    verdict,
  });
  const runs = (shop: Shop) =>
    ['staging', 'production'].map((name) => {
      const admitted = shop.stage(name)?.admitted;
      return admitted === undefined ? undefined : facts(admitted);
    });
  const travels = async (shop: Shop, image: string): Promise<string> => {
    const commit = await shop.push({ 'apps/web/a.yaml': deployment(image) });
    await shop.becomesHealthy('staging');
    await shop.becomesHealthy('production');
    await shop.pass(10_000);
    return commit;
  };

  beforeEach(async () => {
    lost = openShop();
    await travels(lost, 'web:1');
    await travels(lost, 'web:2');
  });

  it('knows what runs where and what was verified, and moves nothing', async () => {
    const [head, notes] = [lost.heads.get(production), lost.heads.get(notesRef)];
    const shop = openShop(lost);
    await shop.starts();
    await shop.pass(60_000);

    expect(runs(shop)).toEqual(runs(lost));
    expect(runs(shop)[1]).toMatchObject({ ordinal: 2, verdict: 'verified' });
    expect(shop.stage('production')?.history.map((entry) => [entry.release, entry.ordinal, entry.verdict, entry.commit])).toEqual(
      lost.stage('production')?.history.map((entry) => [entry.release, entry.ordinal, entry.verdict, entry.commit]),
    );
    expect(shop.releases().map(({ metadata, spec }) => [metadata.name, spec.tree, spec.inputs, spec.sequence])).toEqual(
      lost.releases().map(({ metadata, spec }) => [metadata.name, spec.tree, spec.inputs, spec.sequence]),
    );
    expect([shop.heads.get(production), shop.heads.get(notesRef), shop.pushes]).toEqual([head, notes, []]);
    expect([shop.imageIn('staging'), shop.imageIn('production')]).toEqual(['web:2', 'web:2']);
  });

  it.each(['promote', 'refresh'] as const)('comes to the same whichever is looked at first: %s', async (verb) => {
    const shop = openShop(lost);
    await shop.look(verb, verb === 'refresh' ? { namespace: 'shop', name: 'config' } : { namespace: 'shop', name: 'shop' });
    await shop.settle();
    await shop.starts();
    expect(runs(shop)).toEqual(runs(lost));
    expect(shop.pushes).toEqual([]);
  });

  it('makes no Release of a tip that changes nothing, and carries the next push through on top', async () => {
    lost.repository.commit({ 'README.md': 'words' });
    const shop = openShop(lost);
    await shop.starts();
    expect(shop.releases()).toHaveLength(2);

    const commit = await travels(shop, 'web:3');
    expect(runs(shop)).toMatchObject([
      { revision: commit, ordinal: 3, verdict: 'verified' },
      { revision: commit, ordinal: 3, verdict: 'verified' },
    ]);
    expect(shop.releases().map(({ spec }) => spec.sequence)).toEqual([1, 2, expect.any(Number)]);
    expect(shop.pushes.filter(({ ref }) => ref === production)).toMatchObject([{ expectedHead: lost.stage('production')?.head }]);
  });

  it('takes up a push that came while it was away', async () => {
    const commit = lost.repository.commit({ 'apps/web/a.yaml': deployment('web:3') });
    const shop = openShop(lost);
    await shop.starts();
    expect(runs(shop)).toMatchObject([
      { revision: commit, verdict: 'pending' },
      { ordinal: 2, verdict: 'verified' },
    ]);
    expect(shop.imageIn('production')).toBe('web:2');
    await shop.becomesHealthy('staging');
    expect(shop.imageIn('production')).toBe('web:3');
  });

  it('begins the verification anew that was not finished, with the same promotion commit', async () => {
    await lost.push({ 'apps/web/a.yaml': deployment('web:3') });
    await lost.becomesHealthy('staging');
    const head = lost.heads.get(production);
    expect(runs(lost)[1]).toMatchObject({ ordinal: 3, verdict: 'pending' });

    const shop = openShop(lost);
    await shop.starts();
    expect(runs(shop)[1]).toMatchObject({ ordinal: 3, verdict: 'pending' });
    await shop.becomesHealthy('production');
    expect(runs(shop)[1]).toMatchObject({ ordinal: 3, verdict: 'verified' });
    expect([shop.heads.get(production), shop.pushes.filter(({ ref }) => ref === production)]).toEqual([head, []]);
  });

  it('promotes nothing that staging had found failed', async () => {
    const commit = await lost.push({ 'apps/web/a.yaml': deployment('web:3') });
    await lost.fails('staging');
    const shop = openShop(lost);
    await shop.starts();
    await shop.pass(60_000);
    expect(runs(shop)).toMatchObject([{ revision: commit, verdict: 'failed' }, { ordinal: 2 }]);
    expect(shop.imageIn('production')).toBe('web:2');
  });

  it('finishes a rebuild that was cut short', async () => {
    const shop = openShop(lost);
    await shop.look('refresh', { namespace: 'shop', name: 'config' });
    shop.hub.beforeWrite('Pipeline', () =>
      shop.hub.put({ ...shop.pipeline('shop'), metadata: { ...shop.pipeline('shop').metadata, annotations: { touched: 'yes' } } }),
    );
    await shop.settle();
    await shop.starts();
    expect(runs(shop)).toEqual(runs(lost));
    expect(shop.releases()).toHaveLength(2);
  });

  it('deploys nothing of a foreign commit, keeps what is below it, and goes on when it is taken back', async () => {
    const head = lost.heads.get(production);
    lost.repository.commit({ 'apps/web/a.yaml': deployment('web:evil') }, { branch: 'env/shop/production' });
    const shop = openShop(lost);
    await shop.starts();
    expect(runs(shop)[1]).toMatchObject({ ordinal: 2, verdict: 'verified' });
    expect(shop.stage('production')?.foreign?.why).toContain(`git push --force origin ${head ?? ''}`);
    expect(shop.imageIn('production')).toBe('web:2');

    shop.heads.set(production, head);
    const commit = await travels(shop, 'web:3');
    expect(runs(shop)[1]).toMatchObject({ revision: commit, ordinal: 3, verdict: 'verified' });
  });

  it('believes no branch that was set back, and reads it when it is put right', async () => {
    const head = lost.heads.get(production);
    lost.heads.set(production, lost.stage('production')?.history[0]?.commit);
    const shop = openShop(lost);
    await shop.starts();
    expect(runs(shop)[1]).toBeUndefined();
    expect(shop.stage('production')?.foreign?.why).toMatch(/admission 1.*admission 2.*set it back/);
    expect(shop.imageIn('production')).toBe('web:2');

    shop.heads.set(production, head);
    await shop.starts();
    expect(runs(shop)).toEqual(runs(lost));
  });

  it("verifies anew when the notes are not Sluice's, and does not move production for it", async () => {
    lost.heads.set(notesRef, lost.repository.tip());
    const shop = openShop(lost);
    await shop.starts();
    await shop.pass(30_000);
    expect(runs(shop)[1]).toMatchObject({ ordinal: 2, verdict: 'verified' });
    expect(shop.pushesTo(production)).toEqual([]);
  });
});
