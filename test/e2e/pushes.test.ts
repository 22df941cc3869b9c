import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkingClone } from '../../tools/git.ts';
import { openShop, resources, seen, type Shop, until } from './shop.ts';

const services = ['auth', 'catalog', 'orders'];
const kustomization = (service: string, stage: string): string => `services/${service}/overlays/${stage}/kustomization.yaml`;

describe('ten pushes as fast as the host takes them', () => {
  let shop: Shop;
  let commits: readonly string[] = [];

  beforeAll(async () => {
    shop = await openShop();
    await seen(shop, 'first commit');
  });
  afterAll(async () => {
    await shop[Symbol.asyncDispose]();
  });

  /** Writes a marker into every service's environment, so that each commit changes every Application. */
  async function mark(value: string): Promise<string> {
    const { clone } = shop.scene;
    for (const service of services) {
      await clone.write(
        `services/${service}/overlays/marker/kustomization.yaml`,
        `apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nconfigMapGenerator:\n  - name: ${service}-marker\n    literals: [push=${value}]\n    options: { disableNameSuffixHash: true }\n`,
      );
    }
    return clone.commit(`Push ${value}`);
  }

  const markers = async (cluster: 'staging' | 'production'): Promise<readonly string[]> => {
    const list = JSON.parse(await shop.world[cluster].kubectl(['get', 'configmaps', '-n', 'shop', '-o', 'json'])) as { items: { metadata: { name: string }; data?: { push?: string } }[] };
    return list.items.flatMap(({ metadata, data }) => (metadata.name.endsWith('-marker') ? [`${metadata.name}=${data?.push ?? ''}`] : [])).toSorted();
  };
  const all = (value: string): readonly string[] => services.map((service) => `${service}-marker=${value}`);

  it('the last one is what runs in the end, in staging and in production, and nothing is half-applied', async () => {
    const { clone } = shop.scene;
    for (const service of services) {
      for (const stage of ['staging', 'production']) {
        const file = kustomization(service, stage);
        const before = await clone.git('show', `HEAD:${file}`);
        await clone.write(file, `${before}\ncomponents: [../marker]\n`);
      }
    }
    const pushed: string[] = [];
    for (let number = 1; number <= 10; number += 1) {
      pushed.push(await mark(String(number)));
      await clone.push();
    }
    commits = pushed;

    for (const cluster of ['staging', 'production'] as const) {
      await until(`every marker of ${cluster} is 10`, async () => ((await markers(cluster)).join() === all('10').join() ? true : undefined), 90_000);
    }
    await until('both stages are verified', async () => {
      const [pipeline] = await resources(shop, 'pipelines');
      return pipeline?.status?.stages.every(({ admitted }) => admitted?.revision === pushed.at(-1) && admitted?.verdict === 'verified') ? true : undefined;
    });
    expect(await markers('staging')).toEqual(all('10'));
    expect(await markers('production')).toEqual(all('10'));
  });

  it('every Release that was passed over says skipped, and the commits between are included', async () => {
    const releases = (await resources(shop, 'releases')).toSorted((a, b) => a.spec.sequence - b.spec.sequence);
    const newer = releases.slice(1);
    for (const { metadata, status } of newer.slice(0, -1)) {
      for (const stage of status?.stages ?? []) expect(`${metadata.name} ${stage.name} ${stage.state}`).toMatch(/ (skipped|verified|failed)$/);
    }
    const told = newer.flatMap(({ spec }) => [...spec.included, spec.revision]);
    expect(told).toEqual(commits);
  });

  it('production got exactly one signed commit per admission', async () => {
    await using clone = await openWorkingClone({ gitea: shop.world.gitea, repository: shop.world.repository.name, branch: 'env/shop/production' });
    const admissions = (await clone.git('log', '--first-parent', '--format=%(trailers:key=Sluice-Admission,valueonly,separator=%x2C)')).split('\n').filter((line) => line !== '');
    const [pipeline] = await resources(shop, 'pipelines');
    const ordinal = pipeline?.status?.stages.find(({ name }) => name === 'production')?.admitted?.ordinal ?? 0;
    expect(admissions).toEqual(Array.from({ length: ordinal }, (_, index) => String(ordinal - index)));
  });

  it('ten commits in one push make one Release that includes the nine before it', async () => {
    const pushed: string[] = [];
    for (let number = 11; number <= 20; number += 1) pushed.push(await mark(String(number)));
    await shop.scene.clone.push();

    const release = await until('a Release of the last commit', async () => (await resources(shop, 'releases')).find(({ spec }) => spec.revision === pushed.at(-1)));
    expect(release.spec.included).toEqual(pushed.slice(0, -1));
    await until('it is verified in production', async () => {
      const [pipeline] = await resources(shop, 'pipelines');
      const stage = pipeline?.status?.stages.find(({ name }) => name === 'production');
      return stage?.admitted?.revision === pushed.at(-1) && stage?.admitted?.verdict === 'verified' ? true : undefined;
    });
    expect(await markers('production')).toEqual(all('20'));
  });
});
