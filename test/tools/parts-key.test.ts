import { expect, it } from 'vitest';
import { type Ingredients, partsKey } from '../../tools/parts-key.ts';

const ingredients: Ingredients = {
  texts: ['module sluice.dev/tools/kubernetes', 'k8s.io/api v0.36.3 h1:x'],
  flags: ['-trimpath'],
  packages: ['./etcd'],
  goVersion: 'go1.26.8',
  platform: 'linux/x64',
};

it('is the same for the same ingredients, so that a second clone does not compile again', () => {
  expect(partsKey(structuredClone(ingredients))).toBe(partsKey(ingredients));
});

it.each<[string, Partial<Ingredients>]>([
  ['a module of another version', { texts: ['module sluice.dev/tools/kubernetes', 'k8s.io/api v0.36.4 h1:y'] }],
  ['another flag', { flags: ['-trimpath', '-race'] }],
  ['another program', { packages: ['./etcd', 'helm.sh/helm/v4/cmd/helm'] }],
  ['another Go', { goVersion: 'go1.27.0' }],
  ['another machine', { platform: 'linux/arm64' }],
  ['the same text cut elsewhere', { texts: ['module sluice.dev/tools/kubernetesk8s.io/api v0.36.3 h1:x', ''] }],
])('changes with %s', (_, change) => {
  expect(partsKey({ ...ingredients, ...change })).not.toBe(partsKey(ingredients));
});
