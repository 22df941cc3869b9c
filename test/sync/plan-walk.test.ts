import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Live } from '../../src/diff/diff.ts';
import type { HealthWord } from '../../src/health/health.ts';
import { resourceKey } from '../../src/model/manifest.ts';
import { orderSync } from '../../src/sync/order.ts';
import { type Assessed, planSync } from '../../src/sync/plan.ts';
import { applied, desired, manifest, onlyDesired } from '../builders-objects.ts';

const kinds = ['Namespace', 'ServiceAccount', 'Secret', 'ConfigMap', 'CustomResourceDefinition', 'Service', 'Deployment', 'Widget'] as const;

/** `sick`: never healthy. `rolloutTicks`: looks until it is. `there`: applied before, with or without a change now. */
const object = fc.record({
  kind: fc.constantFrom(...kinds),
  name: fc.constantFrom('a', 'b', 'c'),
  wave: fc.integer({ min: -2, max: 3 }),
  rolloutTicks: fc.nat(3),
  there: fc.constantFrom('no', 'unchanged', 'changed', 'drifted'),
  sick: fc.nat(30).map((chance) => chance === 0),
});
type Given = typeof object extends fc.Arbitrary<infer T> ? T : never;
const objects = fc.uniqueArray(object, { selector: ({ kind, name }) => `${kind}/${name}`, maxLength: 10 });
const orphanNames = fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 });

type State = { readonly given: Given; state: Given['there']; ticksLeft: number };

/** A cluster that a plan is carried out on, step by step, as syncs do: nothing is remembered between two steps but what the cluster has. */
function walk(all: readonly Given[], orphans: readonly string[], prune = true) {
  const wanted = desired(
    ...all.map(({ kind, name, wave }) => manifest({ kind, name: `${kind}-${name}`.toLowerCase(), annotations: { 'sluice.dev/sync-wave': String(wave) } })),
  );
  const states = new Map<string, State>(
    wanted.map(({ id }, index) => [resourceKey(id), { given: all[index] as Given, state: (all[index] as Given).there, ticksLeft: 0 }]),
  );
  const stateOf = (id: (typeof wanted)[number]['id']): State => states.get(resourceKey(id)) as State;
  let left: readonly Live[] = orphans.map((name) => applied(onlyDesired({ name })));
  const isHealthy = (each: State) => each.state !== 'no' && !each.given.sick && each.ticksLeft === 0;
  const waves = orderSync(wanted).map((wave) => wave.objects.map(({ id }) => stateOf(id)));
  const waveOf = (each: State) => waves.findIndex((wave) => wave.includes(each));
  const broken: string[] = [];
  let outcome = 'endless';

  for (let step = 0; step < 200; step += 1) {
    const assessed = wanted.map((each): Assessed => {
      const its = stateOf(each.id);
      const live = applied(each);
      const word: HealthWord = isHealthy(its) ? 'Healthy' : its.given.sick ? 'Degraded' : 'Progressing';
      const health = { health: word, message: '' };
      if (its.state === 'no') return { change: { type: 'create', desired: each, fieldSet: 'f', cause: 'revision' } };
      if (its.state === 'unchanged') return { change: { type: 'unchanged', desired: each, live }, health };
      return { change: { type: 'update', desired: each, live, fieldSet: 'f', cause: its.state === 'drifted' ? 'drift' : 'revision' }, health };
    });
    const { next } = planSync(assessed, left, { prune });
    if (next.step === 'done' || next.step === 'wave-failed') {
      outcome = next.step;
      break;
    }
    if (next.step === 'apply') {
      for (const change of next.groups.flat()) {
        const early = waves.slice(0, waveOf(stateOf(change.desired.id))).flat();
        const isRevision = 'cause' in change && change.cause === 'revision';
        if (isRevision && !early.every((other) => other.state === 'unchanged' && isHealthy(other)))
          broken.push(`${change.desired.id.name} was written before an earlier wave was settled`);
      }
      for (const { desired: each } of next.groups.flat())
        Object.assign(stateOf(each.id), { state: 'unchanged', ticksLeft: stateOf(each.id).given.rolloutTicks });
    }
    if (next.step === 'prune') {
      const all = [...states.values()];
      if (!all.every((each) => each.state === 'unchanged' && isHealthy(each))) broken.push('pruned before everything that is rendered was applied and healthy');
      const going = next.groups.flat();
      left = left.filter((live) => !going.includes(live));
    }
    const isStuck = [...states.values()].every((each) => each.ticksLeft === 0);
    if ((next.step === 'await-health' || next.step === 'await-wave') && isStuck) {
      outcome = next.step;
      break;
    }
    for (const each of states.values()) each.ticksLeft = Math.max(0, each.ticksLeft - 1);
  }
  return { outcome, broken, left: left.map(({ id }) => id.name), states: [...states.values()] };
}

describe('a sync carried out step by step', () => {
  it('writes each wave only when those before are settled, and prunes only when all of it is healthy (P10)', () => {
    fc.assert(
      fc.property(objects, orphanNames, (all, orphans) => {
        expect(walk(all, orphans).broken).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('comes to its end with everything applied and the rest gone, when all of it becomes healthy', () => {
    fc.assert(
      fc.property(objects, orphanNames, (all, orphans) => {
        const { outcome, left, states } = walk(
          all.map((each) => ({ ...each, sick: false })),
          orphans,
        );
        expect(outcome).toBe('done');
        expect(left).toEqual([]);
        expect(states.every(({ state }) => state === 'unchanged')).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('prunes nothing while one object is ill, nor where pruning is off', () => {
    fc.assert(
      fc.property(objects, orphanNames, fc.boolean(), (all, orphans, prune) => {
        if (prune && !all.some(({ sick }) => sick)) return;
        expect(walk(all, orphans, prune).left.toSorted()).toEqual(orphans.toSorted());
      }),
      { numRuns: 1_000 },
    );
  });
});
