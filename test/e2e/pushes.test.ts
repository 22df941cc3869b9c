import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commitMark, expectExactly, expectOneCommitPerAdmission, openShop, resources, type Shop, seen, stageOf, until, untilVerified } from './shop.ts';

const ten = (first: number): readonly string[] => Array.from({ length: 10 }, (_, index) => String(first + index));

describe('ten pushes as fast as the host takes them', () => {
  let shop: Shop;
  const pushed: string[] = [];

  beforeAll(async () => {
    shop = await openShop();
    await seen(shop, 'first commit');
  });
  afterAll(() => shop?.[Symbol.asyncDispose]());

  it('leave the last one running in staging and in production', { timeout: 120_000 }, async () => {
    for (const mark of ten(1)) {
      pushed.push(await commitMark(shop, mark));
      await shop.scene.clone.push();
    }
    await untilVerified(shop, pushed.at(-1) ?? '', 110_000);
  });

  it.each(['staging', 'production'] as const)(
    'leave none of the others half-applied in %s: every member is of the last commit, and no other is there',
    (stage) => expectExactly(shop, stage),
  );

  it('make Releases that say skipped in every stage that they were passed over in, and a verdict in those that they entered', async () => {
    const passedOver = (await resources(shop, 'releases')).filter(({ spec }) => spec.revision !== pushed.at(-1));
    const told = passedOver.flatMap(({ metadata, status }) =>
      (status?.stages ?? []).map(({ name, state, admittedAt }) => ({
        release: metadata.name,
        stage: name,
        state: admittedAt === undefined ? state : `entered, ${state}`,
      })),
    );
    expect(told).toHaveLength(2 * passedOver.length);
    for (const each of told) expect(each).toMatchObject({ state: expect.stringMatching(/^(skipped|entered, (verified|failed|skipped))$/) });
  });

  it('are all told: each commit is a Release or is included in the next one', async () => {
    const releases = (await resources(shop, 'releases')).toSorted((a, b) => a.spec.sequence - b.spec.sequence);
    expect(releases.slice(1).flatMap(({ spec }) => [...spec.included, spec.revision])).toEqual(pushed);
  });

  it('reach production by exactly one signed commit for each admission', async () => {
    const [newest] = await expectOneCommitPerAdmission(shop);
    expect(newest?.promoted).toBe(pushed.at(-1));
  });

  it('in one push make one Release, which includes the nine before it', async () => {
    const commits: string[] = [];
    for (const mark of ten(11)) commits.push(await commitMark(shop, mark));
    await shop.scene.clone.push();
    const last = commits.at(-1) ?? '';
    const release = await until('a Release of the last commit', async () => (await resources(shop, 'releases')).find(({ spec }) => spec.revision === last));
    expect(release.spec.included).toEqual(commits.slice(0, -1));
    await untilVerified(shop, last);
    await expectExactly(shop, 'production');
    await expectOneCommitPerAdmission(shop);
    expect((await resources(shop, 'releases')).filter(({ spec }) => commits.slice(0, -1).includes(spec.revision))).toEqual([]);
  });

  it('are outdone by one every two seconds for a minute: with a soak of five, production still moves, and what is skipped says so', {
    timeout: 300_000,
  }, async () => {
    const soak = [{ op: 'replace', path: '/spec/stages/0/verify/soakSeconds', value: 5 }];
    await shop.world.hub.kubectl(['patch', 'pipelines.sluice.dev', 'shop', '-n', 'shop', '--type=json', '-p', JSON.stringify(soak)]);
    const before = (await stageOf(shop, 'production'))?.admitted?.ordinal ?? 0;
    const commits: string[] = [];
    const began = performance.now();
    while (performance.now() - began < 60_000) {
      commits.push(await commitMark(shop, `every two seconds ${commits.length}`));
      await shop.scene.clone.push();
      await pause(Math.max(0, began + commits.length * 2000 - performance.now()));
    }
    const after = (await stageOf(shop, 'production'))?.admitted?.ordinal ?? 0;
    // On an idle machine it is eight times.
    expect(after - before, 'admissions to production while the pushes came').toBeGreaterThanOrEqual(3);

    await untilVerified(shop, commits.at(-1) ?? '');
    for (const stage of ['staging', 'production'] as const) await expectExactly(shop, stage);
    const promotions = await expectOneCommitPerAdmission(shop);
    const promoted = promotions.map((promotion) => promotion.promoted);
    const told = (await resources(shop, 'releases')).filter(({ spec }) => commits.slice(0, -1).includes(spec.revision));
    const skipped = told.filter(({ spec }) => !promoted.includes(spec.revision));
    expect(skipped.length).toBeGreaterThan(0);
    for (const { status } of skipped) expect(status?.summary).toMatch(/production skipped$/);
    for (const { spec, status } of told)
      if (promoted.includes(spec.revision)) expect(status?.summary).toMatch(/^staging verified, production (verified|skipped|pending)/);
    const [one] = skipped;
    await until('the Git host says so too', async () => {
      const statuses = await shop.world.gitea.commitStatuses(shop.world.repository.name, one?.spec.revision ?? '');
      return statuses.some(({ context, description }) => context === 'sluice/shop/production' && description.startsWith('skipped')) ? true : undefined;
    });
  });
});
