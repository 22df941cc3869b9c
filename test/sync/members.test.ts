import { beforeEach, describe, expect, it } from 'vitest';
import { groupKindsAnnotation, ownerOf } from '../../src/diff/ownership.ts';
import { at } from '../../src/model/json.ts';
import { application, cluster, repository } from '../builders.ts';
import { deployment } from '../promotion/shop-world.ts';
import { openWorld, type World } from '../world.ts';

const configMap = (name: string) => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
const service = JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: { app: 'web' } } });
const serviceId = { group: '', kind: 'Service', namespace: 'web', name: 'web' };
const deploymentId = { group: 'apps', kind: 'Deployment', namespace: 'web', name: 'web' };
const owner = ownerOf('test', { namespace: 'shop', name: 'web' }, 'web');
const parentId = { group: '', kind: 'ConfigMap', namespace: 'web', name: owner.parentName };

let world: World;
const kindsOfParent = () => world.destination.get(parentId)?.metadata.annotations?.[groupKindsAnnotation];
const status = () => world.application('web').status;
const rolledOut = () => {
  const generation = world.destination.get(deploymentId)?.metadata.generation ?? 1;
  world.destination.setStatus(deploymentId, { observedGeneration: generation, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 });
};

beforeEach(async () => {
  world = openWorld();
  world.hub.put(repository());
  world.hub.put(cluster());
  world.hub.put(application());
  await world.push({ 'apps/web/a.yaml': configMap('a'), 'apps/web/service.yaml': service });
});

describe('what the applyset parent says of members', () => {
  it('is written before the first of them, and says no kind less before the last of it is pruned, whatever supersedes whatever', async () => {
    const verbs = world.destination.requests.map(({ verb }) => verb);
    expect(verbs.indexOf('writeParent')).toBeLessThan(verbs.indexOf('apply'));
    expect(kindsOfParent()).toBe('ConfigMap,Service');

    await world.push({ 'apps/web/service.yaml': undefined, 'apps/web/web.yaml': deployment('web:1') });
    expect(status()?.health?.health).toBe('Progressing');
    await world.push({ 'apps/web/web.yaml': deployment('web:2') });
    expect(kindsOfParent()).toBe('ConfigMap,Deployment.apps,Service');
    expect(world.destination.get(serviceId)).toBeDefined();

    rolledOut();
    await world.sync('web');
    expect(world.destination.get(serviceId)).toBeUndefined();
    expect(kindsOfParent()).toBe('ConfigMap,Deployment.apps');
  });

  it('may name a kind whose definition is gone: it has no objects, and is left out when all is done', async () => {
    world.destination.edit(parentId, 'sluice', (parent) => ({
      ...parent,
      metadata: { ...parent.metadata, annotations: { ...parent.metadata.annotations, [groupKindsAnnotation]: 'ConfigMap,Gadget.gone.example.org,Service' } },
    }));
    const commit = await world.push({ 'apps/web/a.yaml': configMap('b') });
    expect(status()).toMatchObject({ commit, sync: { state: 'Synced' }, objects: { members: 2 } });
    expect(kindsOfParent()).toBe('ConfigMap,Service');
  });
});

describe('a daily full dry-run', () => {
  const dryRuns = () => world.destination.requests.filter(({ verb }) => verb === 'dryRun').length;

  it('asks about everything once a day, though metadata proves it, and not more often', async () => {
    world.destination.requests.length = 0;
    await world.pass(12 * 3_600_000);
    expect(dryRuns()).toBe(0);
    await world.pass(12.5 * 3_600_000);
    expect(dryRuns()).toBe(2);
    await world.pass(12 * 3_600_000);
    expect(dryRuns()).toBe(2);
  });
});

it('never puts its labels into pod templates, which would roll every workload that it takes over', async () => {
  await world.push({ 'apps/web/web.yaml': deployment('web:1') });
  const live = world.destination.get(deploymentId);
  expect(live?.metadata.labels).toMatchObject({ 'sluice.dev/application': owner.hash });
  expect(at(live, 'spec', 'template')).toEqual(JSON.parse(deployment('web:1')).spec.template);
});
