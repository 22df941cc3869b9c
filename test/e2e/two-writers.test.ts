import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Application } from '../../src/resources/application.ts';
import { parallelRequests } from '../../src/sync/dry-run.ts';
import { freePort } from '../../tools/process.ts';
import { type Seen, watchFor } from './cluster-watch.ts';
import { addManyObjects, type ManyObjects } from './many-objects.ts';
import { expectEndsRight, openShop, pushMark, type Shop, seen, stageOf, syncBegins, until } from './shop.ts';
import { runSluice, type SluiceRun } from './sluice-runs.ts';

type Claim = NonNullable<NonNullable<Application['status']>['claim']>;

const application = 'shop/auth-staging';

describe('two workers and a Redis that forgets', () => {
  const workers: SluiceRun[] = [];
  let shop: Shop;
  let many: ManyObjects;

  beforeAll(async () => {
    shop = await openShop({ environment: { SLUICE_ROLES: 'api,controller' } });
    for (const name of ['first-worker', 'second-worker']) {
      workers.push(await runSluice(shop.world, { name, port: await freePort(), environment: { SLUICE_ROLES: 'worker', SLUICE_LOG_LEVEL: 'debug' } }));
    }
    await seen(shop, 'first commit');
    many = await addManyObjects(shop);
  });
  afterAll(async () => {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
    await shop?.[Symbol.asyncDispose]();
  });

  /** The Application in staging, as soon as somebody writes this commit. */
  const claimed = (commit: string): Promise<Seen<Application>> =>
    watchFor<Application>(
      shop.world.hub,
      shop.world.parts.kubectl,
      ['applications.sluice.dev', 'auth-staging', '-n', 'shop'],
      ({ status }) => status?.claim?.revision === commit,
    );

  function workersOf({ status }: Application): { readonly claim: Claim; readonly writer: SluiceRun; readonly other: SluiceRun } {
    const claim = status?.claim;
    const writer = workers.find(({ identity }) => identity === claim?.worker);
    const other = workers.find((each) => each !== writer);
    if (claim === undefined || writer === undefined || other === undefined) throw new Error(`nobody here has the claim ${JSON.stringify(claim)}`);
    return { claim, writer, other };
  }

  const syncsOf = async (worker: SluiceRun) => (await worker.logged()).filter((entry) => entry.application === application && entry.result !== undefined);

  /** The ends of its runs, those that were broken off included. */
  const runsOf = async (worker: SluiceRun) =>
    (await worker.logged()).filter((entry) => entry.application === application && (entry.result !== undefined || entry.msg === 'step aborted'));

  const claimNow = async (): Promise<Claim | undefined> =>
    (JSON.parse(await shop.world.hub.kubectl(['get', 'applications.sluice.dev', 'auth-staging', '-n', 'shop', '-o', 'json'])) as Application).status?.claim;

  it('let nobody write beside the one who has claimed the Application, although Redis no longer knows of that one', { timeout: 240_000 }, async () => {
    const pushed = await many.commit();
    await using claiming = await claimed(pushed.commit);
    await shop.scene.clone.push();
    const { claim, writer, other } = workersOf(await claiming.first);
    writer.signal('SIGSTOP');
    const before = (await syncsOf(other)).length;
    await shop.world.redis.cli('FLUSHALL');
    const looked = await until('the other worker looks at the same Application', async () => (await syncsOf(other))[before]);
    expect(looked).toMatchObject({ result: 'waiting', reason: `worker ${writer.identity} is writing` });
    expect(await claimNow()).toMatchObject({ id: claim.id, renewedAt: claim.renewedAt });
    writer.signal('SIGCONT');
    await many.isRunningEverywhere(pushed);
  });

  it('take over from one who stands still for longer than its claim lasts, and when it wakes it writes no further', { timeout: 240_000 }, async () => {
    const first = await many.commit();
    await using claiming = await claimed(first.commit);
    await shop.scene.clone.push();
    const { writer } = workersOf(await claiming.first);
    writer.signal('SIGSTOP');
    const second = await many.push();
    await many.isRunningEverywhere(second);

    const late = new Set<string>();
    await using _watch = await watchFor<{ readonly metadata: { readonly name: string }; readonly data?: { readonly push?: string } }>(
      shop.world.staging,
      shop.world.parts.kubectl,
      ['configmaps', '-n', 'shop'],
      ({ metadata, data }) => {
        if (data?.push === first.value) late.add(metadata.name);
        return false;
      },
    );
    const before = (await runsOf(writer)).length;
    writer.signal('SIGCONT');
    const ended = await until('its run ends', async () => (await runsOf(writer))[before]);
    // It finds either its claim or the lock of its job gone, whichever it hears of first.
    const lostClaim = ended.result === 'waiting' && ended.reason === 'an object changed while it was being written';
    expect(lostClaim || ended.msg === 'step aborted', JSON.stringify(ended)).toBe(true);
    // What it had begun to send when it was stopped is under way all the same, and is undone like any drift.
    expect(late.size).toBeLessThanOrEqual(parallelRequests);
    await until('nothing old is left', async () => ((await many.values('staging')).every((value) => value === second.value) ? true : undefined));
    await many.isRunningEverywhere(second);
  });

  it('end right when Redis is restarted empty in the syncs of both stages and in the soak', { timeout: 240_000 }, async () => {
    const syncs = [syncBegins(shop, 'staging'), syncBegins(shop, 'production')] as const;
    for (const sync of syncs) sync.catch(() => {}); // awaited one after the other
    const commit = await pushMark(shop);
    await syncs[0];
    await shop.world.redis.restart();
    await until('staging soaks', async () => {
      const admitted = (await stageOf(shop, 'staging'))?.admitted;
      return admitted?.revision === commit && (admitted.verdict === 'verified' || admitted.reason.startsWith('soaking')) ? true : undefined;
    });
    await shop.world.redis.restart();
    await syncs[1];
    await shop.world.redis.restart();
    await expectEndsRight(shop, commit);
  });

  it('take what is pushed while Redis is away', { timeout: 240_000 }, async () => {
    await shop.world.redis.stop();
    const commit = await pushMark(shop);
    await shop.world.redis.start();
    await expectEndsRight(shop, commit);
  });

  it('had no error of their own making', async () => {
    for (const worker of workers) expect((await worker.logged()).filter(({ code }) => code === 'BUG')).toEqual([]);
  });
});
