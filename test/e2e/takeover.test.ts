import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pipeline } from '../../src/resources/pipeline.ts';
import { freePort } from '../../tools/process.ts';
import { watchFor } from './cluster-watch.ts';
import { addManyObjects, type ManyObjects } from './many-objects.ts';
import { openShop, type Shop, seen, stageOf, until } from './shop.ts';
import { runSluice, type SluiceRun } from './sluice-runs.ts';

const namespace = 'shop';

describe('whoever comes after a process that was killed', () => {
  let shop: Shop;
  let sluice: SluiceRun;
  let many: ManyObjects;

  /** Every process has the port that the webhook calls, and by that the place in the election of the one before. */
  const startAgain = async (): Promise<void> => {
    sluice = await runSluice(shop.world, { name: 'sluice-under-test', port: shop.world.sluice.port });
  };

  beforeAll(async () => {
    shop = await openShop();
    await seen(shop, 'first commit');
    await shop.world.stopSluice();
    await startAgain();

    many = await addManyObjects(shop);
  });
  afterAll(async () => {
    await sluice?.[Symbol.asyncDispose]();
    await shop?.[Symbol.asyncDispose]();
  });

  it.each(['staging', 'production'] as const)('does the other half of a sync of %s', { timeout: 240_000 }, async (cluster) => {
    await using written = await many.firstWritten(cluster, many.next());
    const pushed = await many.push();
    await written.first;
    sluice.signal('SIGKILL');
    await sluice.ended;
    expect(new Set(await many.values(cluster)), 'the kill came too late: nothing was left half-applied').toEqual(
      new Set([pushed.value, String(Number(pushed.value) - 1)]),
    );

    await startAgain();
    await many.isRunningEverywhere(pushed);
  });

  type Admitted = NonNullable<NonNullable<Pipeline['status']>['stages'][number]['admitted']>;
  it.each<[string, (admitted: Admitted) => boolean]>([
    ['the admission is decided', ({ record }) => record !== undefined],
    ['the promotion commit is noted, before the host has it', ({ record }) => record?.commit !== undefined && !record.pushed],
    ['the host has the promotion commit, before the Applications are synced', ({ record }) => record?.pushed === true],
  ])('records a promotion once, when the kill comes as %s', { timeout: 240_000 }, async (_when, reached) => {
    const before = (await stageOf(shop, 'production'))?.admitted?.revision;
    await using admitted = await watchFor<Pipeline>(shop.world.hub, shop.world.parts.kubectl, ['pipelines.sluice.dev', '-n', namespace], ({ status }) => {
      const its = status?.stages.find(({ name }) => name === 'production')?.admitted;
      return its !== undefined && its.revision !== before && reached(its);
    });
    const pushed = await many.push();
    await admitted.first;
    sluice.signal('SIGKILL');
    await sluice.ended;

    await startAgain();
    await many.isRunningEverywhere(pushed);
  });

  it('shares the work with a second worker process, and loses nothing when that is killed', { timeout: 300_000 }, async () => {
    await using worker = await runSluice(shop.world, { name: 'second-worker', port: await freePort(), environment: { SLUICE_ROLES: 'worker' } });
    const worked = async (process: SluiceRun): Promise<true | undefined> =>
      (await process.logged()).some(({ msg }) => msg === 'sync step done') ? true : undefined;
    await until(
      'both processes have synced something',
      async () => {
        await many.isRunningEverywhere(await many.push());
        return (await worked(worker)) && (await worked(sluice));
      },
      200_000,
    );

    await using written = await many.firstWritten('staging', many.next());
    const pushed = await many.push();
    await written.first;
    worker.signal('SIGKILL');
    await worker.ended;
    await many.isRunningEverywhere(pushed);
  });

  it('had no error of its own making', async () => {
    expect((await sluice.logged()).filter(({ code }) => code === 'BUG')).toEqual([]);
  });
});
