import { describe, expect, it } from 'vitest';
import type { StageStatus } from '../../src/resources/pipeline.ts';
import { conditionsOf, failing, stalled } from '../../src/status/conditions.ts';
import { applicationsOf, awaitsPush, placementsOf, runningIn, wantedRevision } from '../../src/sync/wanted.ts';
import type { PartOf } from '../builders.ts';
import { application, applicationOf, commitOf, pipeline, repository } from '../builders.ts';

const seen = repository({
  status: { observedGeneration: 1, refs: [{ name: 'refs/heads/main', commit: commitOf(1), sequence: 1, movedAt: '2026-01-01T00:00:00Z' }] },
});
const admission = (digit: number) => ({
  release: `shop-${digit}`,
  revision: commitOf(digit),
  sequence: digit,
  ordinal: digit,
  admittedAt: '2026-01-01T00:00:00Z',
  deadlineAt: '2026-01-01T01:00:00Z',
  verdict: 'pending' as const,
  reason: '',
});
const past = (digit: number, commit?: string) => {
  const { deadlineAt: _, ...rest } = admission(digit);
  return { ...rest, endedAt: '2026-01-01T00:00:00Z', ...(commit === undefined ? {} : { commit }) };
};
const withStage = (status: PartOf<StageStatus>) => pipeline({ status: { stages: [status] } as never });
const problemsOf = (parsed: ReturnType<typeof wantedRevision>) => (parsed.ok ? [] : parsed.problems);

describe('an Application of its own', () => {
  it('wants what its branch is at', () => {
    expect(wantedRevision(application(), seen, [])).toEqual({
      ok: true,
      value: { is: 'wanted', wanted: { revision: commitOf(1), commit: commitOf(1), ref: 'refs/heads/main' } },
    });
  });

  it('waits while its Repository has not been read', () => {
    expect(wantedRevision(application(), repository(), [])).toMatchObject({ ok: true, value: { is: 'not-yet' } });
  });

  it.each([
    ['waits', 'away', 'not-yet', failing('Unreachable', 'the Git host cannot be reached')],
    ['is blocked', 'to be mended by somebody', 'blocked', stalled('Unauthorized', 'refuses the credentials (401)')],
  ] as const)('%s, and repeats the reason, while its Repository never was read and is %s', (_, _why, is, conditions) => {
    const unreadable = repository({ status: { observedGeneration: 1, refs: [], conditions: conditionsOf(conditions, [], 1, new Date(0)) } });
    const why = expect.stringContaining(`cannot be read: ${conditions[0]?.message ?? ''}`);
    expect(wantedRevision(application(), unreadable, [])).toMatchObject({ ok: true, value: { is, why } });
  });

  it('goes on with what was read before, whatever becomes of the Repository', () => {
    const lost = {
      ...seen,
      status: { ...seen.status, conditions: conditionsOf(stalled('Unauthorized', 'refuses the credentials (401)'), [], 1, new Date(0)) },
    };
    expect(wantedRevision(application(), lost as typeof seen, [])).toMatchObject({ value: { is: 'wanted' } });
  });

  it('is refused without a revision, and with one that does not exist', () => {
    expect(problemsOf(wantedRevision(application({ spec: { source: { targetRevision: undefined } } }), seen, []))).toMatchObject([
      { at: 'spec.source.targetRevision' },
    ]);
    expect(wantedRevision(application({ spec: { source: { targetRevision: 'nowhere' } } }), seen, []).ok).toBe(false);
  });
});

describe('an Application of a stage', () => {
  const staging = applicationOf('staging');

  it('waits until the stage takes a Release', () => {
    expect(wantedRevision(staging, seen, [pipeline()])).toMatchObject({
      ok: true,
      value: { is: 'not-yet', why: expect.stringContaining('stage staging of Pipeline shop') },
    });
  });

  it('wants the Release that the stage took', () => {
    expect(wantedRevision(staging, seen, [withStage({ name: 'staging', admitted: admission(2) })])).toMatchObject({
      value: { wanted: { revision: commitOf(2), commit: commitOf(2), ref: 'refs/heads/main' } },
    });
  });

  it('is refused when two stages select it, when it names a revision, and when it reads another Repository', () => {
    const twice = pipeline({ name: 'other' });
    expect(problemsOf(wantedRevision(staging, seen, [pipeline(), twice]))).toMatchObject([{ at: 'metadata.labels' }]);
    expect(problemsOf(wantedRevision(applicationOf('staging', { spec: { source: { targetRevision: 'main' } } }), seen, [pipeline()]))).toMatchObject([
      { at: 'spec.source.targetRevision' },
    ]);
    expect(problemsOf(wantedRevision(staging, repository({ name: 'elsewhere' }), [pipeline()]))).toMatchObject([{ at: 'spec.source.repository' }]);
  });

  it('is selected only in the namespace of the Pipeline and by all labels', () => {
    expect(placementsOf(applicationOf('staging', { namespace: 'away' }), [pipeline()])).toEqual([]);
    expect(placementsOf(application({ labels: { stage: 'staging-2' } }), [pipeline()])).toEqual([]);
    const [stage] = pipeline().spec.stages;
    if (stage === undefined) throw new Error('no stage');
    expect(applicationsOf(pipeline(), stage, [staging, applicationOf('production')])).toEqual([staging]);
    expect(applicationsOf(pipeline(), { ...stage, selector: { matchLabels: {} } }, [staging])).toEqual([]);
  });
});

describe('a stage with a branch', () => {
  const [, production] = pipeline().spec.stages;
  if (production === undefined) throw new Error('no stage');
  const statusOf = (admitted: PartOf<StageStatus['admitted']>, history: readonly ReturnType<typeof past>[] = []) =>
    ({ name: 'production', admitted, history }) as unknown as StageStatus;
  const recorded = (record: object) => ({ ...admission(2), record: { gates: [], ...record } });

  it.each<[string, object, readonly ReturnType<typeof past>[], unknown]>([
    [
      'runs the promotion commit that the host has',
      recorded({ pushed: true, commit: commitOf('b') }),
      [past(1, commitOf('a'))],
      { revision: commitOf(2), commit: commitOf('b') },
    ],
    [
      'runs the Release before while the commit is on its way',
      recorded({ pushed: false, commit: commitOf('b') }),
      [past(1, commitOf('a'))],
      { revision: commitOf(1), commit: commitOf('a') },
    ],
    ['runs nothing while its first commit is on its way', recorded({ pushed: false }), [], undefined],
    ['runs what it took before it had a branch', admission(2), [], { revision: commitOf(2), commit: commitOf(2) }],
    [
      'never falls back behind what it took before it had a branch',
      recorded({ pushed: false }),
      [past(1), past(0, commitOf('a'))],
      { revision: commitOf(1), commit: commitOf(1) },
    ],
  ])('%s', (_, admitted, history, running) => {
    expect(runningIn(production, statusOf(admitted as never, history))).toEqual(running);
  });

  it('awaits the push of a recorded commit only', () => {
    expect(awaitsPush(production, recorded({ pushed: false }) as never)).toBe(true);
    expect(awaitsPush(production, recorded({ pushed: true }) as never)).toBe(false);
    expect(awaitsPush(production, admission(2) as never)).toBe(false);
    expect(awaitsPush({ ...production, after: [] }, recorded({ pushed: false }) as never)).toBe(false);
  });
});
