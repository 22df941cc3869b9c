import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { borrowedLayout, borrowedRun, runLabel } from '../../tools/demo-borrowed-layout.ts';
import { shopFiles } from '../../tools/demo-resources.ts';

describe('the shop on a cluster of the user', () => {
  // YAML would read the first as a number to the power of ten, the second as a number.
  it.each(['224537e6', '12345678', 'deadbeef'])('stays text where the run is called %s', async (id) => {
    const layout = borrowedLayout(borrowedRun(id));
    const files = await shopFiles(layout);
    for (const service of ['auth', 'catalog', 'orders']) {
      const base = parse(files[`services/${service}/base/kustomization.yaml`] ?? '');
      expect(base.images).toEqual([{ name: `registry.example/shop/${service}`, newName: 'registry.k8s.io/pause', newTag: '3.9' }]);
      for (const stage of ['staging', 'production'] as const) {
        const overlay = parse(files[`services/${service}/overlays/${stage}/kustomization.yaml`] ?? '');
        expect(overlay.namespace).toBe(layout.namespaces[stage]);
        expect(overlay.labels).toEqual([{ pairs: { stage, [runLabel]: id }, includeSelectors: false }]);
      }
    }
    expect(parse(files['services/payments/chart/values.yaml'] ?? '').image).toEqual({ repository: 'registry.k8s.io/pause', tag: '3.9' });
    expect(files['services/payments/chart/templates/_labels.tpl']).toContain(`\n${runLabel}: '${id}'\n`);
  });

  it('probes nothing', async () => {
    const files = Object.entries(await shopFiles(borrowedLayout(borrowedRun('deadbeef'))));
    for (const [path, text] of files.filter(([each]) => each.endsWith('/deployment.yaml'))) expect(text, path).not.toContain('Probe');
  });
});
