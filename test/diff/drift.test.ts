import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { absorbAdditions, hasAdditions } from '../../src/diff/drift.ts';
import type { JsonObject } from '../../src/model/json.ts';
import type { LiveMetadata, ManagedFieldsEntry } from '../../src/model/manifest.ts';
import { entryOf, ourEntry } from '../builders-objects.ts';

const ours = ourEntry({ 'f:spec': { 'f:replicas': {}, 'f:containers': { 'k:{"name":"app"}': { '.': {}, 'f:image': {} } } } });
const withEntries = (...managedFields: readonly ManagedFieldsEntry[]): LiveMetadata => ({ name: 'web', uid: 'u', resourceVersion: '1', managedFields });

describe('a change that is undone', () => {
  const undone: readonly (readonly [string, ManagedFieldsEntry])[] = [
    ['kubectl edit that adds a field', entryOf('kubectl-edit', { 'f:spec': { 'f:paused': {} } })],
    ['kubectl scale of a field that we do not set', entryOf('kubectl', { 'f:spec': { 'f:minReplicas': {} } }, { subresource: 'scale' })],
    ['kubectl patch that adds a container', entryOf('kubectl-patch', { 'f:spec': { 'f:containers': { 'k:{"name":"spy"}': { '.': {}, 'f:image': {} } } } })],
    ['kubectl label', entryOf('kubectl-label', { 'f:metadata': { 'f:labels': { 'f:mine': {} } } })],
    [
      'a kubectl apply from before',
      entryOf('kubectl-client-side-apply', { 'f:metadata': { 'f:annotations': { 'f:kubectl.kubernetes.io/last-applied-configuration': {} } } }),
    ],
    ['what was there before managed fields were', entryOf('before-first-apply', { 'f:spec': { 'f:paused': {} } })],
    ['server-side apply of a person', entryOf('kubectl', { 'f:spec': { 'f:paused': {} } }, { operation: 'Apply' })],
  ];
  it.each(undone)('is %s', (_, entry) => {
    const metadata = withEntries(ours, entry);
    expect(hasAdditions(metadata)).toBe(true);

    const [absorbed, ...others] = absorbAdditions(metadata) ?? [];
    expect(others).toEqual([]);
    expect(absorbed).toMatchObject({ manager: 'sluice', operation: 'Apply' });
    expect(absorbed?.fieldsV1).toMatchObject(entry.fieldsV1 ?? {});
    expect(absorbed?.fieldsV1).toMatchObject(ours.fieldsV1 ?? {});
  });
});

describe('no drift', () => {
  const left: readonly (readonly [string, ManagedFieldsEntry])[] = [
    ['the autoscaler', entryOf('kube-controller-manager', { 'f:spec': { 'f:replicas': {} } }, { subresource: 'scale' })],
    ['a controller that adds annotations', entryOf('cert-manager', { 'f:metadata': { 'f:annotations': { 'f:x': {} } } })],
    ['status written by hand', entryOf('kubectl-edit', { 'f:status': { 'f:phase': {} } }, { subresource: 'status' })],
    [
      'kubectl owning what we own',
      entryOf('kubectl-edit', { 'f:spec': { '.': {}, 'f:containers': { '.': {}, 'k:{"name":"app"}': { '.': {}, 'f:image': {} } } } }),
    ],
    ['a manager that only begins like kubectl', entryOf('kubectlish', { 'f:spec': { 'f:paused': {} } })],
  ];
  it.each(left)('is %s', (_, entry) => {
    expect(hasAdditions(withEntries(ours, entry))).toBe(false);
    expect(absorbAdditions(withEntries(ours, entry))).toBeUndefined();
  });

  it('is absorbed into an entry that is not there', () => {
    expect(absorbAdditions(withEntries(entryOf('kubectl-edit', { 'f:spec': { 'f:paused': {} } })))).toBeUndefined();
  });
});

describe('absorbing', () => {
  const name = fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}', 'v:"y"');
  const fields: fc.Arbitrary<JsonObject> = fc.letrec<{ fields: JsonObject }>((tie) => ({
    fields: fc.oneof({ maxDepth: 3 }, fc.constant({}), fc.dictionary(name, tie('fields'), { maxKeys: 3 })) as fc.Arbitrary<JsonObject>,
  })).fields;
  const manager = fc.constantFrom('kubectl-edit', 'kubectl', 'kube-controller-manager', 'before-first-apply');

  it('leaves nothing to absorb, keeps the entries of others and our own field set', () => {
    fc.assert(
      fc.property(fields, fc.array(fc.tuple(manager, fields), { maxLength: 4 }), (own, entries) => {
        const metadata = withEntries(
          ...entries.slice(0, 1).map(([who, what]) => entryOf(who, what)),
          ourEntry(own),
          ...entries.slice(1).map(([who, what]) => entryOf(who, what)),
        );
        const absorbed = absorbAdditions(metadata);
        expect(absorbed === undefined).toBe(!hasAdditions(metadata));
        if (absorbed === undefined) return;
        expect(hasAdditions({ ...metadata, managedFields: absorbed })).toBe(false);
        expect(absorbed.filter((entry) => entry.manager === 'kube-controller-manager')).toEqual(
          metadata.managedFields?.filter((entry) => entry.manager === 'kube-controller-manager'),
        );
        expect(absorbed.find((entry) => entry.manager === 'sluice')?.fieldsV1).toMatchObject(own);
      }),
    );
  });
});
