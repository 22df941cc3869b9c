import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/resources/cluster.ts';
import type { Stage } from '../../tools/demo-evidence.ts';
import { listOf } from '../../tools/demo-resources.ts';
import { openTcpProxy, type TcpProxy } from '../contract/tcp-proxy.ts';
import { expectEndsRight, openShop, promotionsOf, pushMark, resources, type Shop, seen, stageOf, syncBegins, until } from './shop.ts';

/** How long production's API server is away. */
const awayMs = 20_000;

type Condition = NonNullable<Cluster['status']>['conditions'][number];

describe('while a part is away', () => {
  let shop: Shop;
  let proxy: TcpProxy;

  /** Sluice gets to production through a proxy, which does nothing until it is told to. */
  beforeAll(async () => {
    shop = await openShop();
    const { production, hub } = shop.world;
    proxy = await openTcpProxy(production.url);
    await shop.world.stopSluice();
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'production-kubeconfig', namespace: 'shop' } };
    const stringData = { kubeconfig: proxy.kubeconfig(production.kubeconfig('sluice')) };
    await hub.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input: listOf([{ ...secret, stringData }]) });
    await shop.world.startSluice();
    await seen(shop, 'first commit');
    expect(proxy.connections()).toBeGreaterThan(0);
  });
  afterAll(async () => {
    await shop?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
  });

  const isVerified = (stage: Stage, commit: string) =>
    until(
      `${commit} is verified in ${stage}`,
      async () => {
        const admitted = (await stageOf(shop, stage))?.admitted;
        return admitted?.revision === commit && admitted.verdict === 'verified' ? true : undefined;
      },
      90_000,
      async () => JSON.stringify((await stageOf(shop, stage))?.admitted),
    );

  async function readyOf(kind: 'clusters' | 'pipelines' | 'repositories', name: string): Promise<Condition | undefined> {
    const text = await shop.world.hub.kubectl(['get', `${kind}.sluice.dev`, name, '-n', 'shop', '-o', 'json']);
    return (JSON.parse(text) as Cluster).status?.conditions.find(({ type }) => type === 'Ready');
  }

  const replicas = async (): Promise<string> =>
    shop.world.production.kubectl(['get', 'deployment', 'catalog', '-n', 'shop', '-o', 'jsonpath={.spec.replicas}']);

  /** Somebody scales a Deployment of production by hand. Answers how many replicas are right. */
  async function drift(): Promise<string> {
    const right = await replicas();
    await shop.world.production.kubectl(['scale', 'deployment', 'catalog', '-n', 'shop', '--replicas=7']);
    return right;
  }
  const undone = (right: string, withinMs = 60_000) =>
    until(
      'the drift is undone',
      async () => ((await replicas()) === right ? true : undefined),
      withinMs,
      async () => (await shop.world.sluice.warnings()).join('\n'),
    );

  it("production's API server: staging goes on taking pushes, and production takes the newest when it is back", { timeout: 300_000 }, async () => {
    const goneAt = performance.now();
    await shop.world.production.stopApiServer();
    const commits = [await pushMark(shop)];
    await isVerified('staging', commits[0] ?? '');
    const told = await until('Cluster production says so', async () => {
      const ready = await readyOf('clusters', 'production');
      return ready?.status === 'False' ? ready : undefined;
    });
    expect(told).toMatchObject({ reason: 'Unreachable' });
    // The first one is on its way already: the second one supersedes it, in a production that cannot be reached.
    while (performance.now() - goneAt < awayMs) {
      commits.push(await pushMark(shop));
      await isVerified('staging', commits.at(-1) ?? '');
    }
    const tries = (await shop.world.sluice.warnings(100_000)).filter((line) => line.includes('sync failed')).length;
    const productionApplications = (await resources(shop, 'applications')).filter(({ metadata }) => metadata.labels?.stage === 'production').length;
    expect(tries, 'tries to reach it').toBeLessThan((productionApplications * (performance.now() - goneAt)) / 1000);
    await shop.world.production.startApiServer();
    await expectEndsRight(shop, commits.at(-1) ?? '');
    for (const commit of commits.slice(0, -1)) {
      const release = (await resources(shop, 'releases')).find(({ spec }) => spec.revision === commit);
      expect(release?.status?.summary).toMatch(/^staging verified, production (skipped|failed)$/);
    }
  });

  it('the Git host: what is known is synced and kept, and promotion and statuses come later', { timeout: 300_000 }, async () => {
    const begins = syncBegins(shop, 'staging');
    const commit = await pushMark(shop);
    await begins;
    await shop.world.gitea.stop();
    await isVerified('staging', commit);
    await undone(await drift());
    const told = await until('the Pipeline says so', async () => {
      const ready = await readyOf('pipelines', 'shop');
      return ready?.status === 'False' ? ready : undefined;
    });
    expect(told).toMatchObject({ reason: 'Unreachable' });
    await shop.world.gitea.start();
    await expectEndsRight(shop, commit);
    await until('both statuses are there', async () => {
      const statuses = await shop.world.gitea.commitStatuses(shop.world.repository.name, commit);
      const good = statuses.filter(({ context, state }) => context.startsWith('sluice/shop/') && state === 'success');
      return good.length === 2 ? true : undefined;
    });
  });

  it('the network to production, without a word: staging goes on, it is noticed, and once it is mended everything is put right and watched again', {
    timeout: 300_000,
  }, async () => {
    proxy.silence();
    const right = await drift();
    const commit = await pushMark(shop);
    await isVerified('staging', commit);
    const told = await until('Cluster production says so', async () => {
      const ready = await readyOf('clusters', 'production');
      return ready?.status === 'False' ? ready : undefined;
    });
    expect(told).toMatchObject({ reason: expect.stringMatching(/^(Timeout|Unreachable)$/) });
    expect(await replicas()).toBe('7');
    await proxy.mend();
    await undone(right);
    await expectEndsRight(shop, commit);
    await undone(await drift());
  });

  it('the hub: in the sync of staging and in the promotion, it goes on where it was', { timeout: 300_000 }, async () => {
    const { hub } = shop.world;
    const begins = syncBegins(shop, 'staging');
    const commit = await pushMark(shop);
    await begins;
    await hub.stopApiServer();
    await hub.startApiServer();
    await until('it is promoted', async () => ((await promotionsOf(shop))[0]?.promoted === commit ? true : undefined), 90_000);
    await hub.stopApiServer();
    await hub.startApiServer();
    await expectEndsRight(shop, commit);
    await undone(await drift());
  });

  it('had no error of its own making', async () => {
    expect((await shop.world.sluice.warnings(1000)).filter((line) => line.includes('BUG'))).toEqual([]);
  });
});
