import { expect, it } from 'vitest';
import type { ChartBuild, Renderer } from '../../src/render/renderer.ts';
import { application, cluster, repository } from '../builders.ts';
import { openWorld } from '../world.ts';

/** Prints one ConfigMap that says what a chart was told. */
function recording() {
  const builds: ChartBuild[] = [];
  const renderer: Renderer = {
    kustomize: async () => expect.unreachable('no kustomize in this test'),
    async helm(_files, chart) {
      builds.push(chart);
      return {
        ok: true,
        output: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: chart.releaseName }, data: { upgrade: String(chart.upgrade) } }),
      };
    },
    versions: { kustomize: 'v5', helm: 'v4' },
  };
  return { builds, renderer };
}

const chart = (version: string) => ({ 'apps/web/Chart.yaml': `apiVersion: v2\nname: web\nversion: ${version}\n` });

it('installs a chart once, however often it looks, and upgrades it with the next change of the chart', async () => {
  const { builds, renderer } = recording();
  const world = openWorld({ renderer });
  for (const resource of [repository(), cluster(), application()]) world.hub.put(resource);
  const applied = () => world.destination.get({ group: '', kind: 'ConfigMap', namespace: 'web', name: 'web' })?.data;

  await world.push(chart('1.0.0'));
  await world.sync('web');
  await world.push({ 'other/notes.txt': 'of no concern' });
  await world.sync('web');
  expect(applied()).toEqual({ upgrade: 'false' });

  await world.push(chart('1.0.1'));
  expect(applied()).toEqual({ upgrade: 'true' });
  await world.push(chart('1.0.0'));
  expect(applied()).toEqual({ upgrade: 'true' });
  expect(world.application('web').status).toMatchObject({ sync: { state: 'Synced' }, installed: 'replaced' });
  expect(builds[0]).toMatchObject({ releaseName: 'web', namespace: 'web', capabilities: { apiVersions: expect.arrayContaining(['v1/ConfigMap']) } });
});

it('renders with the settings of the Application', async () => {
  const { builds, renderer } = recording();
  const world = openWorld({ renderer });
  const helm = { valueFiles: ['values-a.yaml', '/values-b.yaml'], values: 'a: 1', releaseName: 'shop', skipCrds: true };
  for (const resource of [repository(), cluster(), application({ spec: { source: { helm } } })]) world.hub.put(resource);
  await world.push({ ...chart('1.0.0'), 'apps/web/values-a.yaml': 'b: 1', 'values-b.yaml': 'b: 2' });
  expect(builds[0]).toMatchObject({ ...helm, valueFiles: ['apps/web/values-a.yaml', 'values-b.yaml'] });
});

it('does not look for a chart elsewhere when its settings say that there is one', async () => {
  const world = openWorld();
  for (const resource of [repository(), cluster(), application({ spec: { source: { helm: { values: 'a: 1' } } } })]) world.hub.put(resource);
  await world.push({ 'apps/web/x.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n' });
  expect(world.application('web').status).toMatchObject({
    phase: 'render',
    sync: { state: 'Failed', message: expect.stringContaining('apps/web/Chart.yaml: does not exist at this commit') },
  });
});
