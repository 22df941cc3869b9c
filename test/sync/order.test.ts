import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byKind, compareIds, kindRank, orderSync } from '../../src/sync/order.ts';
import { desired, manifest } from '../builders-objects.ts';

const wave = (at: number) => ({ 'sluice.dev/sync-wave': String(at) });
const definition = (at: number) =>
  manifest({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    name: 'widgets.example.org',
    annotations: wave(at),
    more: { spec: { group: 'example.org', names: { kind: 'Widget' } } },
  });
const textOf = (ordered: ReturnType<typeof orderSync>) =>
  ordered.map(({ wave: at, objects }) => `${at}: ${objects.map(({ id }) => `${id.kind} ${id.name}`).join(', ')}`);

describe('the order of a sync', () => {
  it('rises by wave, each in the order of kinds, unknown kinds last', () => {
    const ordered = orderSync(
      desired(
        manifest({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }),
        manifest({ kind: 'ConfigMap', name: 'late', annotations: wave(2) }),
        manifest({ apiVersion: 'example.org/v1', kind: 'Widget', name: 'w' }),
        manifest({ kind: 'Service', name: 'web' }),
        manifest({ kind: 'Secret', name: 'early', annotations: wave(-1) }),
      ),
    );
    expect(textOf(ordered)).toEqual(['-1: Secret early', '0: Service web, Deployment web, Widget w', '2: ConfigMap late']);
  });

  it('pulls a Namespace forward to the first object in it', () => {
    const ordered = orderSync(
      desired(
        manifest({ kind: 'Namespace', name: 'other', annotations: wave(5) }),
        manifest({ namespace: 'other', annotations: wave(-3) }),
        manifest({ kind: 'Namespace', name: 'idle', annotations: wave(1) }),
      ),
    );
    expect(textOf(ordered)).toEqual(['-3: Namespace other, ConfigMap settings', '1: Namespace idle']);
  });

  it('pulls a CustomResourceDefinition forward to its first instance, and its namespace too', () => {
    const instance = manifest({ apiVersion: 'example.org/v1', kind: 'Widget', name: 'w', namespace: 'other', annotations: wave(-2) });
    expect(textOf(orderSync(desired(definition(4), manifest({ kind: 'Namespace', name: 'other' }), instance)))).toEqual([
      '-2: Namespace other, CustomResourceDefinition widgets.example.org, Widget w',
    ]);
  });

  it('never pushes either of them back', () => {
    expect(textOf(orderSync(desired(definition(-4), manifest({ apiVersion: 'example.org/v1', kind: 'Widget', name: 'w' }))))).toEqual([
      '-4: CustomResourceDefinition widgets.example.org',
      '0: Widget w',
    ]);
  });

  it('is the same whatever the order of the objects, and holds each of them once', () => {
    const object = fc.record({
      kind: fc.constantFrom('Namespace', 'ConfigMap', 'Secret', 'Widget'),
      name: fc.constantFrom('a', 'b', 'other'),
      namespace: fc.constantFrom('web', 'other'),
      annotations: fc.integer({ min: -2, max: 2 }).map(wave),
    });
    const objects = fc.uniqueArray(object, {
      selector: ({ kind, name, namespace }) => (kind === 'Namespace' ? `${kind}/${name}` : `${kind}/${namespace}/${name}`),
      maxLength: 10,
    });
    const shuffled = objects.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
    fc.assert(
      fc.property(shuffled, ([all, other]) => {
        const ordered = orderSync(desired(...all.map(manifest)));
        expect(orderSync(desired(...other.map(manifest)))).toEqual(ordered);
        expect(ordered.flatMap(({ objects: its }) => its)).toHaveLength(all.length);
        expect(ordered.map((each) => each.wave)).toEqual(ordered.map((each) => each.wave).toSorted((a, b) => a - b));
        // Nothing comes before the namespace it is in.
        const flat = ordered.flatMap(({ objects: its }) => its);
        for (const [index, each] of flat.entries()) {
          const home = flat.findIndex(({ id }) => id.kind === 'Namespace' && id.name === each.id.namespace);
          expect(home).toBeLessThan(index + (home === -1 ? 1 : 0));
        }
      }),
    );
  });
});

it('compares ids so that only equal ones are equal', () => {
  const id = fc.record({
    group: fc.constantFrom('', 'apps', 'x.org'),
    kind: fc.constantFrom('Pod', 'Widget', 'Gadget'),
    namespace: fc.constantFrom('a', 'b'),
    name: fc.constantFrom('x', 'y'),
  });
  fc.assert(
    fc.property(id, id, (a, b) => {
      expect(Math.sign(compareIds(a, b)) + Math.sign(compareIds(b, a))).toBe(0);
      expect(compareIds(a, b) === 0).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
  );
});

it('groups neighbours of one kind', () => {
  const ids = [
    { id: { group: '', kind: 'Secret', name: 'a' } },
    { id: { group: '', kind: 'Secret', name: 'b' } },
    { id: { group: 'x.org', kind: 'Secret', name: 'a' } },
  ];
  expect(byKind(ids).map((group) => group.length)).toEqual([2, 1]);
  expect(byKind([])).toEqual([]);
  expect(kindRank('Namespace')).toBeLessThan(kindRank('Deployment'));
});
