import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change, Live } from '../../src/diff/diff.ts';
import type { Health, HealthWord } from '../../src/health/health.ts';
import { type Assessed, type NextStep, planSync } from '../../src/sync/plan.ts';
import { applied, onlyDesired } from '../builders-objects.ts';

type Given = {
  readonly name: string;
  readonly kind?: string;
  readonly wave?: number;
  readonly change?: 'unchanged' | 'create' | 'update' | 'drift' | 'removed' | 'deferred';
  readonly health?: HealthWord;
};

function assessed({ name, kind, wave = 0, change = 'unchanged', health }: Given): Assessed {
  const desired = onlyDesired({ name, ...(kind === undefined ? {} : { kind }), annotations: { 'sluice.dev/sync-wave': String(wave) } });
  const live = applied(desired);
  const changes: Readonly<Record<NonNullable<Given['change']>, Change>> = {
    unchanged: { type: 'unchanged', desired, live },
    create: { type: 'create', desired, fieldSet: 'f', cause: 'revision' },
    removed: { type: 'create', desired, fieldSet: 'f', cause: 'drift' },
    update: { type: 'update', desired, live, fieldSet: 'f', cause: 'revision' },
    drift: { type: 'update', desired, live, fieldSet: 'f', cause: 'drift' },
    deferred: { type: 'deferred', desired, why: 'its namespace is part of this sync' },
  };
  const isThere = change !== 'create' && change !== 'removed' && change !== 'deferred';
  const word = health ?? (isThere ? 'Healthy' : undefined);
  return { change: changes[change], ...(word === undefined ? {} : { health: { health: word, message: `is ${word}` } satisfies Health }) };
}

const orphan = (name: string, annotations: Readonly<Record<string, string>> = {}, kind = 'ConfigMap'): Live =>
  applied(onlyDesired({ name, kind, annotations }));
const next = (given: readonly Given[], orphans: readonly Live[] = []): NextStep => planSync(given.map(assessed), orphans, { prune: true }).next;
const namesOf = (step: NextStep): readonly string[] =>
  'groups' in step ? step.groups.flat().map((each) => ('desired' in each ? each.desired.id.name : each.id.name)) : [];

describe('the next step', () => {
  it('is the first wave that has something to write, and says how much remains', () => {
    const step = next([
      { name: 'b', wave: 1, change: 'create' },
      { name: 'a', change: 'create' },
      { name: 'c', change: 'update' },
    ]);
    expect(step).toMatchObject({ step: 'apply', wave: 0, remaining: 1 });
    expect(namesOf(step)).toEqual(['a', 'c']);
  });

  it('writes kind by kind', () => {
    const step = next([
      { name: 'web', kind: 'Deployment', change: 'create' },
      { name: 'web', kind: 'Secret', change: 'create' },
      { name: 'api', kind: 'Deployment', change: 'create' },
    ]);
    expect(step.step === 'apply' && step.groups.map((group) => group.map(({ desired }) => `${desired.id.kind} ${desired.id.name}`))).toEqual([
      ['Secret web'],
      ['Deployment api', 'Deployment web'],
    ]);
  });

  const later: Given = { name: 'later', wave: 1, change: 'create' };
  it.each<[HealthWord, NextStep['step']]>([
    ['Healthy', 'apply'],
    ['Suspended', 'apply'],
    ['Progressing', 'await-wave'],
    ['Missing', 'await-wave'],
    ['Unknown', 'await-wave'],
    ['Degraded', 'wave-failed'],
  ])('after a wave that is %s is %s', (health, step) => {
    expect(next([{ name: 'first', health }, later]).step).toBe(step);
  });

  it('names the Degraded object before one that is merely on its way', () => {
    expect(next([{ name: 'a', health: 'Progressing' }, { name: 'b', health: 'Degraded' }, later])).toMatchObject({
      step: 'wave-failed',
      message: 'ConfigMap web/b: is Degraded',
    });
  });

  it('is about health, not about a wave, once everything is written', () => {
    expect(
      next([
        { name: 'first', health: 'Degraded' },
        { name: 'later', wave: 1 },
      ]),
    ).toEqual({ step: 'await-health', message: 'ConfigMap web/first: is Degraded' });
  });

  it.each<['drift' | 'removed', HealthWord]>([
    ['drift', 'Degraded'],
    ['removed', 'Degraded'],
    ['drift', 'Progressing'],
    ['removed', 'Progressing'],
  ])('undoes %s in a later wave although an earlier one is %s', (change, health) => {
    const step = next([
      { name: 'first', health },
      { name: 'second', wave: 1, change },
      { name: 'third', wave: 2, change: 'create' },
    ]);
    expect(step).toMatchObject({ step: 'apply', remaining: 1 });
    expect(namesOf(step)).toEqual(['second']);
  });

  it('is to wait for health before anything is pruned', () => {
    expect(next([{ name: 'a', health: 'Progressing' }], [orphan('old')]).step).toBe('await-health');
  });

  it('prunes in the reverse order of kinds', () => {
    const step = next([{ name: 'a' }], [orphan('old', {}, 'Namespace'), orphan('old', {}, 'Deployment'), orphan('old', {}, 'Secret')]);
    expect(step.step === 'prune' && step.groups.map((group) => group[0]?.id.kind)).toEqual(['Deployment', 'Secret', 'Namespace']);
  });

  it('is nothing when everything is as it should be', () => {
    expect(next([{ name: 'a' }, { name: 'b', health: 'Suspended' }])).toEqual({ step: 'done' });
    expect(next([])).toEqual({ step: 'done' });
  });
});

describe('an orphan', () => {
  it.each([
    ['sluice.dev/prune', 'never'],
    ['argocd.argoproj.io/sync-options', 'Validate=false, Prune=false'],
    ['kustomize.toolkit.fluxcd.io/prune', 'disabled'],
    ['helm.sh/resource-policy', 'keep'],
  ])('stays when it is marked %s: %s', (annotation, value) => {
    const kept = orphan('old', { [annotation]: value });
    expect(planSync([], [kept], { prune: true })).toEqual({ next: { step: 'done' }, withheld: [{ live: kept, reason: 'marked to be kept' }] });
  });

  it('is not kept by an option that only looks alike', () => {
    expect(planSync([], [orphan('old', { 'argocd.argoproj.io/sync-options': 'XPrune=false,Prune=falsehood' })], { prune: true }).withheld).toEqual([]);
  });

  it('stays when prune is off', () => {
    expect(planSync([], [orphan('old')], { prune: false })).toMatchObject({ next: { step: 'done' }, withheld: [{ reason: 'prune is off' }] });
  });
});

describe('any plan', () => {
  const given = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    kind: fc.constantFrom('ConfigMap', 'Deployment', 'Secret'),
    wave: fc.integer({ min: 0, max: 3 }),
    change: fc.constantFrom<NonNullable<Given['change']>>('unchanged', 'unchanged', 'create', 'update', 'drift', 'removed', 'deferred'),
    health: fc.constantFrom<HealthWord>('Healthy', 'Healthy', 'Suspended', 'Progressing', 'Degraded', 'Missing', 'Unknown'),
  });
  const all = fc
    .uniqueArray(given, { selector: ({ kind, name }) => `${kind}/${name}`, maxLength: 8 })
    .map((each) => each.map(({ health, ...rest }): Given => (rest.change === 'create' || rest.change === 'removed' ? rest : { ...rest, health })));
  const orphans = fc
    .uniqueArray(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 })
    .map((names) => names.map((name) => orphan(name, name === 'z' ? { 'sluice.dev/prune': 'never' } : {})));
  const isWrite = ({ change = 'unchanged' }: Given) => change !== 'unchanged';
  const isDrift = ({ change }: Given) => change === 'drift' || change === 'removed';
  const isSettled = ({ health }: Given) => health === undefined || health === 'Healthy' || health === 'Suspended';

  it('is the same whatever the order of what it is made from', () => {
    const twice = fc
      .tuple(all, orphans)
      .chain(([a, b]) =>
        fc.tuple(fc.constant([a, b] as const), fc.shuffledSubarray(a, { minLength: a.length }), fc.shuffledSubarray(b, { minLength: b.length })),
      );
    fc.assert(
      fc.property(twice, fc.boolean(), ([[objects, gone], otherObjects, otherGone], prune) => {
        expect(planSync(otherObjects.map(assessed), otherGone, { prune })).toEqual(planSync(objects.map(assessed), gone, { prune }));
      }),
    );
  });

  it('prunes only when nothing is left to write and everything is settled, and never what is to be kept', () => {
    fc.assert(
      fc.property(all, orphans, (objects, gone) => {
        const step = next(objects, gone);
        if (step.step === 'done') expect(gone.filter(({ id }) => id.name !== 'z')).toEqual([]);
        if (step.step !== 'prune' && step.step !== 'done') return;
        expect(objects.filter(isWrite)).toEqual([]);
        expect(objects.every(isSettled)).toBe(true);
        expect(namesOf(step)).not.toContain('z');
      }),
    );
  });

  it('writes drift at once, and anything else only when every earlier wave is written and settled', () => {
    fc.assert(
      fc.property(all, (objects) => {
        const step = next(objects);
        if (objects.some(isDrift)) expect(step.step).toBe('apply');
        if (step.step !== 'apply') return;
        const written = step.groups.flat().map(({ desired }) => `${desired.id.kind}/${desired.id.name}`);
        const isWritten = ({ kind, name }: Given) => written.includes(`${kind}/${name}`);
        for (const each of objects.filter(isDrift)) expect(isWritten(each)).toBe(true);
        for (const each of objects.filter((one) => isWritten(one) && !isDrift(one))) {
          const earlier = objects.filter((other) => (other.wave ?? 0) < (each.wave ?? 0));
          expect(earlier.every((other) => isSettled(other) && !isWrite(other))).toBe(true);
        }
        expect(step.remaining).toBe(objects.filter(isWrite).length - written.length);
      }),
    );
  });

  it('leaves nothing unwritten without saying which wave is waited for', () => {
    fc.assert(
      fc.property(all, (objects) => {
        expect(next(objects).step).toMatch(objects.some(isWrite) ? /^(apply|await-wave|wave-failed)$/ : /^(await-health|done)$/);
      }),
    );
  });
});
