import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pipeline } from '../../src/resources/pipeline.ts';
import { openWorkingClone } from '../../tools/git.ts';
import { freePort } from '../../tools/process.ts';
import { listed, watchFor } from './cluster-watch.ts';
import { openShop, resources, type Shop, seen, until } from './shop.ts';
import { runSluice, type SluiceRun } from './sluice-runs.ts';

/** So many that writing them takes long enough for something to happen in the middle. */
const many = 300;
const namespace = 'shop';
const marked = /^many-\d{3}$/;

type ConfigMap = { readonly metadata: { readonly name: string }; readonly data?: { readonly push?: string } };

describe('whoever comes after a process that was killed', () => {
  let shop: Shop;
  let sluice: SluiceRun;
  let push = 0;

  /** Every process has the port that the webhook calls, and by that the place in the election of the one before. */
  const startAgain = async (): Promise<void> => {
    sluice = await runSluice(shop.world, { name: 'sluice-under-test', port: shop.world.sluice.port });
  };

  beforeAll(async () => {
    shop = await openShop();
    await seen(shop, 'first commit');
    await shop.world.stopSluice();
    await startAgain();

    const { clone } = shop.scene;
    for (const stage of ['staging', 'production']) {
      const file = `services/auth/overlays/${stage}/kustomization.yaml`;
      await clone.write(file, `${await clone.git('show', `HEAD:${file}`)}\ncomponents: [../many]\n`);
    }
    await clone.write(
      'services/auth/overlays/many/kustomization.yaml',
      'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [many.yaml]\n',
    );
    await isRunningEverywhere(await pushMany());
  });
  afterAll(async () => {
    await sluice?.[Symbol.asyncDispose]();
    await shop?.[Symbol.asyncDispose]();
  });

  /** Gives all of the ConfigMaps another value in one commit. */
  async function pushMany(): Promise<{ readonly commit: string; readonly value: string }> {
    push += 1;
    const value = String(push);
    const objects = Array.from({ length: many }, (_, index) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `many-${String(index).padStart(3, '0')}` }, data: { push: value } }),
    );
    await shop.scene.clone.write('services/auth/overlays/many/many.yaml', objects.join('\n---\n'));
    const commit = await shop.scene.clone.commit(`Push ${value}`);
    await shop.scene.clone.push();
    return { commit, value };
  }

  const values = async (cluster: 'staging' | 'production'): Promise<readonly string[]> =>
    (await listed<ConfigMap>(shop.world[cluster], 'configmaps', namespace)).flatMap(({ metadata, data }) =>
      marked.test(metadata.name) ? [data?.push ?? ''] : [],
    );

  const production = async () => (await resources(shop, 'pipelines'))[0]?.status?.stages.find(({ name }) => name === 'production');

  /** The right end: the newest commit verified in production, all of it on both clusters, and one signed commit for each admission. */
  async function isRunningEverywhere({ commit, value }: { readonly commit: string; readonly value: string }): Promise<void> {
    await until(
      `${commit} verified in production`,
      async () => {
        const admitted = (await production())?.admitted;
        return admitted?.revision === commit && admitted.verdict === 'verified' ? true : undefined;
      },
      200_000,
    );
    for (const cluster of ['staging', 'production'] as const) expect([cluster, ...new Set(await values(cluster))]).toEqual([cluster, value]);
    await hasOneCommitPerAdmission();
  }

  async function hasOneCommitPerAdmission(): Promise<void> {
    await using clone = await openWorkingClone({ gitea: shop.world.gitea, repository: shop.world.repository.name, branch: 'env/shop/production' });
    const log = await clone.git('log', '--first-parent', '--format=%(trailers:key=Sluice-Admission,valueonly,separator=%x2C)');
    const ordinal = (await production())?.admitted?.ordinal ?? 0;
    expect(log.split('\n').filter((line) => line !== '')).toEqual(Array.from({ length: ordinal }, (_, index) => String(ordinal - index)));
  }

  /** The first of the ConfigMaps that this commit changes on the cluster: the sync is under way. */
  const firstWritten = (cluster: 'staging' | 'production', value: string) =>
    watchFor<ConfigMap>(
      shop.world[cluster],
      shop.world.parts.kubectl,
      ['configmaps', '-n', namespace],
      ({ metadata, data }) => marked.test(metadata.name) && data?.push === value,
    );

  it.each(['staging', 'production'] as const)('does the other half of a sync of %s', { timeout: 240_000 }, async (cluster) => {
    await using written = await firstWritten(cluster, String(push + 1));
    const pushed = await pushMany();
    await written.first;
    sluice.signal('SIGKILL');
    await sluice.ended;
    expect(new Set(await values(cluster)), 'the kill came too late: nothing was left half-applied').toEqual(new Set([pushed.value, String(push - 1)]));

    await startAgain();
    await isRunningEverywhere(pushed);
  });

  type Admitted = NonNullable<NonNullable<Pipeline['status']>['stages'][number]['admitted']>;
  it.each<[string, (admitted: Admitted) => boolean]>([
    ['the admission is decided', ({ record }) => record !== undefined],
    ['the promotion commit is noted, before the host has it', ({ record }) => record?.commit !== undefined && !record.pushed],
    ['the host has the promotion commit, before the Applications are synced', ({ record }) => record?.pushed === true],
  ])('records a promotion once, when the kill comes as %s', { timeout: 240_000 }, async (_when, reached) => {
    const before = (await production())?.admitted?.revision;
    await using admitted = await watchFor<Pipeline>(shop.world.hub, shop.world.parts.kubectl, ['pipelines.sluice.dev', '-n', namespace], ({ status }) => {
      const its = status?.stages.find(({ name }) => name === 'production')?.admitted;
      return its !== undefined && its.revision !== before && reached(its);
    });
    const pushed = await pushMany();
    await admitted.first;
    sluice.signal('SIGKILL');
    await sluice.ended;

    await startAgain();
    await isRunningEverywhere(pushed);
  });

  it('shares the work with a second worker process, and loses nothing when that is killed', { timeout: 300_000 }, async () => {
    await using worker = await runSluice(shop.world, { name: 'second-worker', port: await freePort(), environment: { SLUICE_ROLES: 'worker' } });
    const worked = async (process: SluiceRun): Promise<true | undefined> =>
      (await process.logged()).some(({ msg }) => msg === 'sync step done') ? true : undefined;
    await until(
      'both processes have synced something',
      async () => {
        await isRunningEverywhere(await pushMany());
        return (await worked(worker)) && (await worked(sluice));
      },
      200_000,
    );

    await using written = await firstWritten('staging', String(push + 1));
    const pushed = await pushMany();
    await written.first;
    worker.signal('SIGKILL');
    await worker.ended;
    await isRunningEverywhere(pushed);
  });

  it('had no error of its own making', async () => {
    expect((await sluice.logged()).filter(({ code }) => code === 'BUG')).toEqual([]);
  });
});
