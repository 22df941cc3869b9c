import { describe, expect, it } from 'vitest';
import { definedKinds, desiredObjects, waveOf, withApplied } from '../../src/diff/desired.ts';
import { applicationLabel, appliedAnnotation, ownerAnnotation, partOfLabel } from '../../src/diff/ownership.ts';
import type { JsonObject } from '../../src/model/json.ts';
import type { Manifest } from '../../src/model/manifest.ts';
import { desired, manifest, onlyDesired, owner } from '../builders-objects.ts';

const refusalsOf = (...manifests: readonly Manifest[]) => {
  const parsed = desiredObjects(manifests, owner, 'web', () => 'namespaced');
  return parsed.ok ? [] : parsed.problems.map(({ at, message }) => `${at} ${message}`);
};

describe('a desired object', () => {
  it('carries the labels and the annotation of its owner, and its own', () => {
    const { manifest: made } = onlyDesired({ annotations: { note: 'mine', [appliedAnnotation]: 'copied' } });
    expect(made.metadata.labels).toEqual({ [applicationLabel]: owner.hash, [partOfLabel]: owner.applySetId });
    expect(made.metadata.annotations).toEqual({ note: 'mine', [ownerAnnotation]: 'shop/web' });
  });

  it.each([
    ['without a namespace goes to the default one', manifest(), 'web'],
    ['with a namespace keeps it', manifest({ namespace: 'other' }), 'other'],
    ['that is cluster-scoped has none, whatever it says', manifest({ kind: 'ClusterRole', namespace: 'other' }), undefined],
  ])('%s', (_, given, namespace) => {
    const [object] = desired(given);
    expect(object?.id.namespace).toBe(namespace);
    expect(object?.manifest.metadata.namespace).toBe(namespace);
  });

  it('leaves out what only the API server writes', () => {
    const exported = {
      ...manifest({ more: { status: { phase: 'Active' } } }),
      metadata: { name: 'settings', uid: 'u', resourceVersion: '7', creationTimestamp: null, managedFields: [] },
    } as unknown as Manifest;
    const [object] = desired(exported);
    expect(object?.digest).toBe(onlyDesired().digest);
  });

  it('keeps its digest when the order of fields changes and changes it with any value', () => {
    const data = (fields: JsonObject) => onlyDesired({ more: { data: fields } }).digest;
    expect(data({ a: '1', b: '2' })).toBe(data({ b: '2', a: '1' }));
    expect(data({ a: '1', b: '2' })).not.toBe(data({ a: '1', b: '3' }));
  });

  it.each([
    ['crd-install', 1],
    ['test', 0],
    ['test-success', 0],
    ['test-success, test-failure', 0],
  ])('with the Helm hook %s counts %i times', (event, count) => {
    expect(desired(manifest({ annotations: { 'helm.sh/hook': event } }))).toHaveLength(count);
  });

  it('is annotated with the proof when it is applied', () => {
    const object = onlyDesired();
    expect(withApplied(object, 'f00').metadata.annotations?.[appliedAnnotation]).toBe(`${object.digest}.f00`);
  });
});

describe('a render is refused', () => {
  it.each([
    ['for a hook', manifest({ annotations: { 'argocd.argoproj.io/hook': 'PreSync' } }), 'hooks are not supported yet'],
    [
      'for a Helm hook',
      manifest({ annotations: { 'helm.sh/hook': 'pre-install,pre-upgrade' } }),
      'has the annotation helm.sh/hook: hooks are not supported yet',
    ],
    ['for a Helm hook that is a test as well', manifest({ annotations: { 'helm.sh/hook': 'post-install, test' } }), 'hooks are not supported yet'],
    [
      'for a Helm hook that another annotation makes one',
      manifest({ annotations: { 'helm.sh/hook': 'crd-install', 'argocd.argoproj.io/hook': 'Sync' } }),
      'has the annotation argocd.argoproj.io/hook',
    ],
    ['for a wave that is no number', manifest({ annotations: { 'argocd.argoproj.io/sync-wave': 'first' } }), 'must be a whole number'],
    [
      'for an object of a controller',
      {
        ...manifest(),
        metadata: { name: 'settings', ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'u', controller: true }] },
      } as unknown as Manifest,
      'controller: true',
    ],
  ])('%s', (_, given, message) => {
    expect(refusalsOf(given)).toEqual([expect.stringContaining(message)]);
  });

  it('for an object that is rendered twice, even when one names the default namespace', () => {
    expect(refusalsOf(manifest(), manifest({ namespace: 'web' }))).toEqual(['ConfigMap web/settings is rendered twice: keep one of the two']);
  });

  it('with all problems at once', () => {
    expect(refusalsOf(manifest({ annotations: { 'sluice.dev/hook': 'x', 'sluice.dev/sync-wave': '1.5' } }), manifest())).toHaveLength(3);
  });
});

describe('a wave', () => {
  it.each([
    [{}, 0],
    [{ 'sluice.dev/sync-wave': '3' }, 3],
    [{ 'argocd.argoproj.io/sync-wave': '-5' }, -5],
    [{ 'argocd.argoproj.io/sync-wave': ' +2 ' }, 2],
    [{ 'sluice.dev/sync-wave': '1', 'argocd.argoproj.io/sync-wave': '9' }, 1],
    [{ 'sluice.dev/sync-wave': '' }, undefined],
    [{ 'sluice.dev/sync-wave': '0x10' }, undefined],
    [{ 'sluice.dev/sync-wave': '9999999' }, undefined],
  ])('of %j is %s', (annotations, wave) => {
    expect(waveOf({ metadata: { annotations } as { annotations: Readonly<Record<string, string>> } })).toBe(wave);
  });
});

it('a CustomResourceDefinition tells how its kind is scoped', () => {
  const definition = (scope: string) =>
    manifest({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      name: 'widgets.example.org',
      more: { spec: { group: 'example.org', scope, names: { kind: 'Widget' } } },
    });
  expect(definedKinds([definition('Cluster')])).toEqual(new Map([['Widget.example.org', 'cluster']]));
  expect(definedKinds([definition('Namespaced'), manifest()])).toEqual(new Map([['Widget.example.org', 'namespaced']]));
});
