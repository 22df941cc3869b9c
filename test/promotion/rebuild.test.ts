import { describe, expect, it } from 'vitest';
import { type KnownRelease, type NotedVerdict, type RecordedAdmission, rebuildStage, releasesToMake, type StageEvidence } from '../../src/promotion/rebuild.ts';
import { commitOf } from '../builders.ts';
import { iso, stageSpec, start } from '../builders-promotion.ts';

const staging = stageSpec('staging');
const production = stageSpec('production', { after: ['staging'], deadlineSeconds: 60 });
const nameOf = (sequence: number): string => `shop-${sequence}-${commitOf(sequence).slice(0, 8)}`;
const known = (...sequences: readonly number[]): readonly KnownRelease[] =>
  sequences.map((sequence) => ({ name: nameOf(sequence), revision: commitOf(sequence), sequence }));

/** The promotion of Release `sequence` as admission `ordinal`: commit c1, c2 … */
const recorded = (ordinal: number, sequence: number): RecordedAdmission => ({
  commit: commitOf(`c${ordinal}`),
  previous: ordinal === 1 ? undefined : commitOf(`c${ordinal - 1}`),
  release: nameOf(sequence),
  revision: commitOf(sequence),
  ordinal,
  gates: [{ gate: 'staging', result: 'verified' }],
  at: iso(start + ordinal * 1000),
});
const noted = (ordinal: number, sequence: number, verdict: NotedVerdict['verdict'] = 'verified'): NotedVerdict => ({
  revision: commitOf(sequence),
  release: nameOf(sequence),
  ordinal,
  verdict,
  at: iso(start + ordinal * 1000 + 500),
  digest: undefined,
  reason: 'healthy',
});
const evidence = (given: Partial<StageEvidence>): StageEvidence => ({ spec: production, recorded: [], foreign: undefined, notes: [], ...given });
const rebuilt = (given: Partial<StageEvidence>, releases = known(1, 2, 3)) => rebuildStage(evidence(given), releases, start);

describe('a stage with a branch', () => {
  it('runs what the head of its branch records, with the verdict that was noted', () => {
    expect(rebuilt({ recorded: [recorded(1, 2)], notes: [noted(1, 2)] })).toEqual({
      name: 'production',
      head: commitOf('c1'),
      admitted: {
        release: nameOf(2),
        revision: commitOf(2),
        sequence: 2,
        ordinal: 1,
        admittedAt: iso(start + 1000),
        deadlineAt: iso(start + 60_000),
        verdict: 'verified',
        verdictAt: iso(start + 1500),
        noted: 'verified',
        reason: 'healthy',
        record: { gates: [{ gate: 'staging', result: 'verified' }], commit: commitOf('c1'), pushed: true },
      },
      history: [],
    });
  });

  it.each([
    ['without a note, the soak begins anew', [], { verdict: 'pending', deadlineAt: iso(start + 60_000) }],
    ['a failure stays one', [noted(2, 2, 'failed')], { verdict: 'failed', noted: 'failed' }],
    ['the note of an earlier admission of the same commit says nothing', [noted(1, 2)], { verdict: 'pending' }],
  ] as const)('%s', (_, notes, expected) => {
    expect(rebuilt({ recorded: [recorded(2, 2), recorded(1, 1)], notes }).admitted).toMatchObject(expected);
  });

  it('knows what it ran before, newest first, and goes on counting', () => {
    const { admitted, history } = rebuilt({ recorded: [recorded(3, 3), recorded(2, 2), recorded(1, 1)], notes: [noted(1, 1), noted(2, 2, 'failed')] });
    expect(admitted).toMatchObject({ ordinal: 3, record: { expectedHead: commitOf('c2') } });
    expect(history.map(({ ordinal, verdict, commit, endedAt }) => [ordinal, verdict, commit, endedAt])).toEqual([
      [2, 'failed', commitOf('c2'), iso(start + 3000)],
      [1, 'verified', commitOf('c1'), iso(start + 2000)],
    ]);
  });

  it('keeps what ours below a foreign head records, and the condition', () => {
    expect(rebuilt({ recorded: [recorded(1, 1)], foreign: { commit: commitOf('f'), why: 'not signed' } })).toMatchObject({
      head: commitOf('c1'),
      admitted: { revision: commitOf(1) },
      foreign: { commit: commitOf('f'), why: 'not signed' },
    });
  });

  it('believes no branch that was set back to an earlier commit of ours', () => {
    const stage = rebuilt({ recorded: [recorded(1, 1)], notes: [noted(1, 1), noted(2, 2)] });
    expect(stage).toMatchObject({ foreign: { commit: commitOf('c1'), why: expect.stringContaining('admission 2') } });
    expect([stage.admitted, stage.head, stage.history[0]?.ordinal]).toEqual([undefined, undefined, 2]);
  });

  it('is empty without its branch, and goes on counting from the notes', () => {
    const stage = rebuilt({ notes: [noted(4, 2)] });
    expect([stage.admitted, stage.foreign, stage.history.map(({ ordinal }) => ordinal)]).toEqual([undefined, undefined, [4]]);
  });
});

describe('a stage without a branch', () => {
  it.each([
    ['the newest that was verified', [noted(1, 1), noted(2, 3)], { revision: commitOf(3), verdict: 'verified', ordinal: 2 }],
    ['the newest, although it has failed', [noted(2, 3, 'failed'), noted(1, 1)], { revision: commitOf(3), verdict: 'failed' }],
  ] as const)('runs %s', (_, notes, expected) => {
    const { admitted, history } = rebuilt({ spec: staging, notes });
    expect(admitted).toMatchObject(expected);
    expect(admitted?.record).toBeUndefined();
    expect(history).toMatchObject([{ revision: commitOf(1), verdict: 'verified' }]);
  });

  it('takes the newest tip as usual when nothing was noted', () => {
    expect(rebuilt({ spec: staging })).toEqual({ name: 'staging', history: [] });
  });

  it('leaves out what no Release can be made of any more', () => {
    expect(rebuilt({ spec: staging, notes: [noted(1, 1), noted(2, 9)] }).admitted).toMatchObject({ revision: commitOf(1), ordinal: 1 });
  });
});

describe('the Releases of a rebuilt hub', () => {
  it('have their old names and order, each once', () => {
    const stages = [evidence({ spec: staging, notes: [noted(1, 3), noted(2, 7)] }), evidence({ recorded: [recorded(2, 3), recorded(1, 2)] })];
    expect(releasesToMake('shop', stages, [])).toEqual(known(2, 3, 7));
  });

  it('are not made again', () => {
    expect(releasesToMake('shop', [evidence({ recorded: [recorded(2, 3), recorded(1, 2)] })], known(2))).toEqual(known(3));
  });

  it('are found by their commit when they have another name by now', () => {
    const renamed = [{ name: 'shop-20-33333333', revision: commitOf(3), sequence: 20 }];
    expect(releasesToMake('shop', [evidence({ recorded: [recorded(1, 3)] })], renamed)).toEqual([]);
    expect(rebuilt({ recorded: [recorded(1, 3)] }, renamed).admitted).toMatchObject({ release: 'shop-20-33333333', sequence: 20 });
  });
});
