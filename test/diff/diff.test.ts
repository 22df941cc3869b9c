import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeOf, compare, type Live } from '../../src/diff/diff.ts';
import { appliedAnnotation, fieldSetHash, partOfLabel } from '../../src/diff/ownership.ts';
import { applied, desired, entryOf, manifest, onlyDesired, ourEntry, owner } from '../builders-objects.ts';

const wanted = onlyDesired();
const asItWas = { everything: false, applied: true };
const compareOne = (live: Live | undefined, options = asItWas, object = wanted) => compare([object], live === undefined ? [] : [live], owner, options);
const fewerFields = ourEntry({ 'f:metadata': { 'f:labels': { 'f:applyset.kubernetes.io/part-of': {} } } });

describe('metadata', () => {
  it('proves an object whose annotation names the digest and the field set', () => {
    expect(compareOne(applied(wanted))).toEqual({ proven: [{ desired: wanted, live: applied(wanted) }], unproven: [], orphans: [] });
  });

  it('proves nothing when a full dry-run is due', () => {
    expect(compareOne(applied(wanted), { everything: true, applied: true }).proven).toEqual([]);
  });

  it('proves an object while controllers write its status and their own fields', () => {
    const others = [
      entryOf('kube-controller-manager', { 'f:status': { 'f:replicas': {} } }, { subresource: 'status' }),
      entryOf('cert-manager', { 'f:data': { 'f:ca': {} } }),
    ];
    expect(compareOne(applied(wanted, { others })).proven).toHaveLength(1);
  });

  it('proves an object that is being deleted: writing it again and again would not keep it', () => {
    expect(compareOne(applied(wanted, { deletionTimestamp: '2026-01-01T00:00:00Z' })).proven).toHaveLength(1);
  });

  const drifted: readonly (readonly [string, Live])[] = [
    ['the digest is the same but a field was taken from us', applied(wanted, { managedFields: [fewerFields] })],
    ['somebody added a field by hand', applied(wanted, { others: [entryOf('kubectl-edit', { 'f:data': { 'f:extra': {} } })] })],
    ['our entry is of another version of the API', applied(wanted, { managedFields: [ourEntry(undefined, 'v1beta1')] })],
  ];
  it.each(drifted)('shows drift when %s', (_, live) => {
    const { proven, unproven } = compareOne(live);
    expect(proven).toEqual([]);
    expect(unproven).toEqual([{ desired: wanted, live, cause: 'drift' }]);
  });

  it('shows a new revision when the digest is another one', () => {
    const newer = onlyDesired({ more: { data: { color: 'green' } } });
    expect(compareOne(applied(wanted), asItWas, newer).unproven).toMatchObject([{ desired: newer, cause: 'revision' }]);
  });

  it.each([
    ['was removed by somebody when this render was applied in full before', true, 'drift'],
    ['has still to be made when it was not', false, 'revision'],
  ])('shows that a missing object %s', (_, appliedBefore, cause) => {
    expect(compareOne(undefined, { everything: false, applied: appliedBefore }).unproven).toEqual([{ desired: wanted, cause }]);
  });

  it('takes an object of the same name that is no member for missing', () => {
    const foreign = applied(wanted, { managedFields: [entryOf('helm', { 'f:data': {} })] });
    expect(compareOne(foreign).unproven).toEqual([{ desired: wanted, cause: 'drift' }]);
  });
});

describe('what is no longer rendered', () => {
  const gone = applied(onlyDesired({ name: 'old' }));

  it('is an orphan when it is a member', () => {
    expect(compareOne(gone).orphans).toEqual([gone]);
  });

  it.each<[string, Live]>([
    [
      'an EndpointSlice with a copied label',
      {
        ...gone,
        metadata: {
          ...gone.metadata,
          managedFields: [entryOf('endpointslice-controller', {})],
          ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 'web', uid: 'u', controller: true }],
        },
      },
    ],
    ['an object that is going already', { ...gone, metadata: { ...gone.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }],
  ])('is never %s', (_, live) => {
    expect(compareOne(live).orphans).toEqual([]);
  });
});

describe('a dry-run', () => {
  const answer = applied(wanted).metadata;

  it('that would make the object leads to a create with the field set that it answered and the cause', () => {
    expect(changeOf(wanted, undefined, 'drift', answer)).toEqual({ type: 'create', desired: wanted, fieldSet: fieldSetHash(ourEntry()), cause: 'drift' });
  });

  it('that answers the recorded field set changes nothing', () => {
    expect(changeOf(wanted, applied(wanted), 'drift', answer)).toMatchObject({ type: 'unchanged' });
  });

  it('that answers another field set leads to an update', () => {
    expect(changeOf(wanted, applied(wanted), 'drift', { ...answer, managedFields: [fewerFields] })).toMatchObject({
      type: 'update',
      cause: 'drift',
      fieldSet: fieldSetHash(fewerFields),
    });
  });

  it('of an object with fields added by hand leads to an update that takes them over first', () => {
    const live = applied(wanted, { others: [entryOf('kubectl-edit', { 'f:data': { 'f:extra': {} } })] });
    expect(changeOf(wanted, live, 'drift', answer)).toMatchObject({
      type: 'update',
      absorb: [{ manager: 'sluice', fieldsV1: { 'f:data': { 'f:color': {}, 'f:extra': {} } } }],
    });
  });

  it('that no entry of ours answers is never taken for proof', () => {
    expect(changeOf(wanted, applied(wanted), 'revision', { ...answer, managedFields: [] })).toMatchObject({ type: 'update', fieldSet: 'unknown' });
  });
});

describe('comparing', () => {
  it('accounts for every desired object exactly once, and for every other member as an orphan', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    fc.assert(
      fc.property(fc.uniqueArray(name), fc.uniqueArray(name), (rendered, there) => {
        const objects = desired(...rendered.map((each) => manifest({ name: each })));
        const live = there.map((each) => applied(onlyDesired({ name: each })));
        const { proven, unproven, orphans } = compare(objects, live, owner, asItWas);
        expect(proven.map((pair) => pair.desired.id.name).toSorted()).toEqual(rendered.filter((each) => there.includes(each)).toSorted());
        expect(unproven.map((each) => each.desired.id.name).toSorted()).toEqual(rendered.filter((each) => !there.includes(each)).toSorted());
        expect(orphans.map(({ id }) => id.name).toSorted()).toEqual(there.filter((each) => !rendered.includes(each)).toSorted());
      }),
    );
  });

  it('never takes for an orphan what our own Apply entry does not prove to be ours', () => {
    const label = { 'f:metadata': { 'f:labels': { [`f:${partOfLabel}`]: {} } } };
    const entry = fc.record({
      manager: fc.constantFrom('sluice', 'sluice', 'kube-controller-manager', 'kubectl-client-side-apply'),
      operation: fc.constantFrom('Apply' as const, 'Apply' as const, 'Update' as const),
      fieldsV1: fc.constantFrom(label, label, { 'f:data': { 'f:color': {} } }),
      subresource: fc.constantFrom('', '', 'status'),
    });
    const other = fc.record({
      entries: fc.array(entry, { maxLength: 3 }),
      controlled: fc.boolean(),
      part: fc.constantFrom(owner.applySetId, owner.applySetId, 'other', ''),
    });
    let orphaned = 0;
    fc.assert(
      fc.property(other, ({ entries, controlled, part }) => {
        const live = applied(onlyDesired({ name: 'generated' }), {
          labels: part === '' ? {} : { [partOfLabel]: part },
          managedFields: entries.map((each) => ({ ...each, apiVersion: 'v1' })),
          ...(controlled ? { ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 'web', uid: 'u', controller: true }] } : {}),
        });
        const { orphans } = compare([], [live], owner, asItWas);
        const ours = entries.filter(({ manager, operation }) => manager === 'sluice' && operation === 'Apply');
        const proven = ours.length === 1 && ours[0]?.subresource === '' && ours[0].fieldsV1 === label;
        expect(orphans).toEqual(proven && !controlled && part === owner.applySetId ? [live] : []);
        orphaned += orphans.length;
      }),
      { numRuns: 2_000 },
    );
    expect(orphaned).toBeGreaterThan(20);
  });

  it('reads only the annotation that Sluice writes', () => {
    expect(applied(wanted).metadata.annotations?.[appliedAnnotation]).toBe(`${wanted.digest}.${fieldSetHash(ourEntry())}`);
  });
});
