import type { Release } from '../../src/resources/release.ts';
import { applicationOf, cluster, pipeline, repository } from '../builders.ts';
import { openWorld, type World } from '../world.ts';

export const deployment = (image: string): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } },
    },
  });
const settled = { observedGeneration: 99, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1 };
const webIn = (namespace: string) => ({ group: 'apps', kind: 'Deployment', namespace, name: 'web' });

/** The Pipeline shop with staging and production, one Application in each; after a lost hub beside the Git host and the clusters that are left. */
export function openShop(lost?: World) {
  const world = openWorld({ namespaces: ['staging', 'production'], ...(lost === undefined ? {} : { survivedBy: lost }) });
  world.hub.put(repository());
  for (const name of ['staging', 'production']) {
    world.hub.put(cluster({ name }));
    world.hub.put(applicationOf(name, { spec: { source: { path: 'apps/web' }, destination: { namespace: name } } }));
  }
  world.hub.put(pipeline());

  const becomes = async (namespace: string, status: object): Promise<void> => {
    const generation = world.destination.get(webIn(namespace))?.metadata.generation ?? 1;
    world.destination.setStatus(webIn(namespace), { ...status, observedGeneration: generation });
    await world.sync(`web-${namespace}`);
  };
  return {
    ...world,
    imageIn: (namespace: string) => JSON.stringify(world.destination.get(webIn(namespace))?.spec ?? '').match(/"image":"([^"]+)"/)?.[1],
    stage: (name: string) => world.pipeline('shop').status?.stages.find((each) => each.name === name),
    releases: (): readonly Release[] => world.hub.hub.list('Release').toSorted((a, b) => a.spec.sequence - b.spec.sequence),
    pushesTo: (ref: string) => world.pushes.filter((push) => push.ref === ref),
    becomesHealthy: (namespace: string) => becomes(namespace, settled),
    fails: (namespace: string) =>
      becomes(namespace, { conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'gave up' }] }),
    /** Everything is looked at once, as when the service starts. */
    async starts(): Promise<void> {
      await world.nudges.nudge('promote', { namespace: 'shop', name: 'shop' });
      await world.nudges.nudge('refresh', { namespace: 'shop', name: 'config' });
      for (const name of ['staging', 'production']) await world.nudges.nudge('sync', { namespace: 'shop', name: `web-${name}` });
      await world.settle();
    },
  };
}

export type Shop = ReturnType<typeof openShop>;
