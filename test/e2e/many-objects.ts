import { expect } from 'vitest';
import type { ControlPlane } from '../../tools/control-plane.ts';
import { listed, type Seen, watchFor } from './cluster-watch.ts';
import { expectOneCommitPerAdmission, type Shop, stageOf, until } from './shop.ts';

/** So many that writing them takes long enough for something to happen in the middle. */
const many = 300;
const namespace = 'shop';
const marked = /^many-\d{3}$/;

type ConfigMap = { readonly metadata: { readonly name: string }; readonly data?: { readonly push?: string } };

export type ManyPush = { readonly commit: string; readonly value: string };
type Cluster = 'staging' | 'production';

/** Application auth with hundreds of ConfigMaps, which hold the number of the push. */
export type ManyObjects = {
  /** Gives all of them another value in one commit. */
  commit(): Promise<ManyPush>;
  /** The same, and pushes it. */
  push(): Promise<ManyPush>;
  /** The value of the next commit. */
  next(): string;
  values(cluster: Cluster): Promise<readonly string[]>;
  /** The first of them that the cluster has with this value: the sync is under way. */
  firstWritten(cluster: Cluster, value: string): Promise<Seen<ConfigMap>>;
  /** The right end: the newest commit verified in production, all of it on both clusters, and one signed commit for each admission. */
  isRunningEverywhere(pushed: ManyPush): Promise<void>;
};

/** Writes them into the clone and waits for them to run in both stages. */
export async function addManyObjects(shop: Shop): Promise<ManyObjects> {
  const { clone } = shop.scene;
  let pushes = 0;
  const objects: ManyObjects = {
    async commit() {
      pushes += 1;
      const value = String(pushes);
      const texts = Array.from({ length: many }, (_, index) =>
        JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `many-${String(index).padStart(3, '0')}` }, data: { push: value } }),
      );
      await clone.write('services/auth/overlays/many/many.yaml', texts.join('\n---\n'));
      return { commit: await clone.commit(`Push ${value}`), value };
    },
    async push() {
      const pushed = await objects.commit();
      await clone.push();
      return pushed;
    },
    next: () => String(pushes + 1),
    values: async (cluster) =>
      (await listed<ConfigMap>(controlPlane(shop, cluster), 'configmaps', namespace)).flatMap(({ metadata, data }) =>
        marked.test(metadata.name) ? [data?.push ?? ''] : [],
      ),
    firstWritten: (cluster, value) =>
      watchFor<ConfigMap>(
        controlPlane(shop, cluster),
        shop.world.parts.kubectl,
        ['configmaps', '-n', namespace],
        ({ metadata, data }) => marked.test(metadata.name) && data?.push === value,
      ),
    async isRunningEverywhere({ commit, value }) {
      await until(
        `${commit} verified in production`,
        async () => {
          const admitted = (await stageOf(shop, 'production'))?.admitted;
          return admitted?.revision === commit && admitted.verdict === 'verified' ? true : undefined;
        },
        200_000,
      );
      for (const cluster of ['staging', 'production'] as const) expect([cluster, ...new Set(await objects.values(cluster))]).toEqual([cluster, value]);
      await expectOneCommitPerAdmission(shop);
    },
  };

  for (const stage of ['staging', 'production']) {
    const file = `services/auth/overlays/${stage}/kustomization.yaml`;
    await clone.write(file, `${await clone.git('show', `HEAD:${file}`)}\ncomponents: [../many]\n`);
  }
  await clone.write(
    'services/auth/overlays/many/kustomization.yaml',
    'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [many.yaml]\n',
  );
  await objects.isRunningEverywhere(await objects.push());
  return objects;
}

const controlPlane = ({ world }: Shop, cluster: Cluster): ControlPlane => world[cluster];
