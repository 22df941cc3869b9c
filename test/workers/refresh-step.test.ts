import { expect, it } from 'vitest';
import { application, cluster, repository } from '../builders.ts';
import { openWorld } from '../world.ts';

it('a suspended Repository says so, and whoever was never synced from it waits for it', async () => {
  const world = openWorld();
  for (const resource of [repository({ spec: { suspend: true } }), cluster(), application()]) world.hub.put(resource);
  await world.push({ 'apps/web/a.yaml': '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}' });
  await world.sync('web');

  const said = world.hub.get('Repository', { namespace: 'shop', name: 'config' }).status?.conditions.find(({ type }) => type === 'Ready');
  expect(said).toMatchObject({ status: 'True', reason: 'Suspended' });
  expect(world.application('web').status?.conditions[0]).toMatchObject({
    reason: 'Waiting',
    message: 'Repository shop/config is suspended: what its host has now is not known',
  });
});
