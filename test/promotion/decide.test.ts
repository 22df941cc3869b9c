import { describe, expect, it } from 'vitest';
import { circleOf, decide, queueOf, verdictIn } from '../../src/promotion/decide.ts';
import { admission, applicationView, iso, past, pipelineView, pushed, releaseView, stageSpec, stageView, start } from '../builders-promotion.ts';

const staging = stageSpec('staging');
const production = stageSpec('production', { after: ['staging'] });
const busy = [applicationView({ health: 'Progressing' })];
const admittedIn = (decision: ReturnType<typeof decide>) => decision.stages.map(({ admitted }) => admitted?.release);
const verified = (sequence: number) => ({ admitted: admission(sequence, { verdict: 'verified' }) });

describe('a stage', () => {
  it('takes the newest Release when it is empty', () => {
    const decision = decide(pipelineView([stageView(staging)], [releaseView(2), releaseView(3), releaseView(1)]), start);
    expect(decision).toMatchObject({
      admitted: ['staging'],
      stages: [{ admitted: { release: 'r3', ordinal: 1, verdict: 'pending', admittedAt: iso(start), deadlineAt: iso(start + 3_600_000) } }],
    });
  });

  it('takes nothing when there is no Release, while the Pipeline is suspended, and while a foreign commit is on its branch', () => {
    expect(decide(pipelineView([stageView(staging)], []), start).admitted).toEqual([]);
    expect(decide(pipelineView([stageView(staging)], [releaseView(1)], true), start).admitted).toEqual([]);
    const foreign = { foreign: { commit: 'f'.repeat(40), why: 'not ours' } };
    expect(decide(pipelineView([stageView(staging, verified(1)), stageView(production, foreign)], [releaseView(1)]), start).admitted).toEqual([]);
  });

  it('never goes back to an older Release', () => {
    expect(decide(pipelineView([stageView(staging, verified(5))], [releaseView(4), releaseView(5)]), start).admitted).toEqual([]);
  });

  it.each([
    ['keeps a pending Release when a later stage waits for it', [stageView(staging, { admitted: admission(1) }, busy), stageView(production)], 'r1'],
    ['keeps a pending Release when it soaks', [stageView(stageSpec('staging', { soakSeconds: 5 }), { admitted: admission(1) }, busy)], 'r1'],
    ['takes a newer Release at once when nothing waits for it', [stageView(staging, { admitted: admission(1) }, busy)], 'r2'],
    ['does what it is told', [stageView(stageSpec('staging', { queue: 'newest' }), { admitted: admission(1) }, busy), stageView(production)], 'r2'],
    [
      'is left at once by a Release that failed',
      [stageView(staging, { admitted: admission(1) }, [applicationView({ health: 'Degraded' })]), stageView(production)],
      'r2',
    ],
    ['is left at once by a Release that is verified', [stageView(staging, { admitted: admission(1) }), stageView(production)], 'r2'],
  ])('%s', (_, stages, runs) => {
    expect(admittedIn(decide(pipelineView(stages, [releaseView(1), releaseView(2)]), start))[0]).toBe(runs);
  });

  it('notes what it ran, with its last verdict, and counts on', () => {
    const status = { admitted: admission(1, { verdict: 'verified', verdictAt: iso(start), record: pushed, ordinal: 7 }), history: [past(0)] };
    const { stages } = decide(pipelineView([stageView(staging, verified(2)), stageView(production, status)], [releaseView(2)]), start);
    expect(stages[1]).toMatchObject({
      admitted: { release: 'r2', ordinal: 8 },
      history: [{ release: 'r1', verdict: 'verified', commit: pushed.commit, endedAt: iso(start) }, { release: 'r0' }],
    });
  });

  it('keeps ten of what it ran', () => {
    const history = Array.from({ length: 10 }, (_, index) => past(20 - index));
    expect(
      decide(pipelineView([stageView(staging, { ...verified(21), history })], [releaseView(22)]), start).stages[0]?.history.map(({ release }) => release),
    ).toEqual(['r21', ...history.slice(0, 9).map(({ release }) => release)]);
  });
});

describe('a later stage', () => {
  it('takes a Release in the very decision that verifies it before', () => {
    const decision = decide(pipelineView([stageView(staging, { admitted: admission(1) }), stageView(production, undefined)], [releaseView(1)]), start);
    expect(decision.admitted).toEqual(['production']);
    expect(decision.stages[1]?.admitted?.record).toEqual({ gates: [{ gate: 'staging', result: expect.stringMatching(/^verified: healthy/) }], pushed: false });
  });

  it('takes a Release that was verified before although a newer one runs there now', () => {
    expect(
      admittedIn(
        decide(
          pipelineView(
            [stageView(staging, { admitted: admission(3), history: [past(2), past(1)] }, busy), stageView(production)],
            [releaseView(1), releaseView(2), releaseView(3)],
          ),
          start,
        ),
      ),
    ).toEqual(['r3', 'r2']);
  });

  it('takes a Release whose verdict only the Release itself still knows', () => {
    expect(
      admittedIn(
        decide(
          pipelineView(
            [stageView(staging, { admitted: admission(3) }, busy), stageView(production)],
            [releaseView(1, [{ stage: 'staging', verdict: 'verified' }]), releaseView(3)],
          ),
          start,
        ),
      ),
    ).toEqual(['r3', 'r1']);
  });

  it.each([
    ['is pending', stageView(staging, { admitted: admission(1) }, busy)],
    ['fails now', stageView(staging, verified(1), [applicationView({ health: 'Degraded' })])],
    ['had failed', stageView(staging, { admitted: admission(2), history: [past(1, 'failed')] }, busy)],
    ['was pre-empted', stageView(staging, { admitted: admission(2), history: [past(1, 'pending')] }, busy)],
    ['was never there', stageView(staging)],
  ])('takes no Release that %s before', (_, before) => {
    expect(decide(pipelineView([before, stageView(production)], [releaseView(1)]), start).stages[1]?.admitted).toBeUndefined();
  });

  it('takes no other Release while a promotion commit is on its way, whatever the verdict', () => {
    const unpushed = { admitted: admission(1, { verdict: 'failed', record: { gates: [], pushed: false } }), head: 'a'.repeat(40) };
    expect(decide(pipelineView([stageView(staging, verified(2)), stageView(production, unpushed)], [releaseView(1), releaseView(2)]), start).admitted).toEqual(
      [],
    );
  });

  it('expects the head that the decision saw', () => {
    const status = { admitted: admission(1, { verdict: 'verified', record: pushed }), head: 'a'.repeat(40) };
    expect(
      decide(pipelineView([stageView(staging, verified(2)), stageView(production, status)], [releaseView(2)]), start).stages[1]?.admitted?.record,
    ).toMatchObject({ expectedHead: 'a'.repeat(40), pushed: false });
  });

  it('goes on from an admission of a time when it had no branch', () => {
    expect(
      decide(pipelineView([stageView(staging, verified(2)), stageView(production, verified(1))], [releaseView(1), releaseView(2)]), start).admitted,
    ).toEqual(['production']);
  });
});

describe('stages that lead to the same later stage', () => {
  const a = stageSpec('a');
  const b = stageSpec('b');
  const x = stageSpec('x');
  const last = stageSpec('last', { after: ['a', 'b'] });

  it('meet: one prefers what the other runs to what is newest', () => {
    expect(
      admittedIn(
        decide(
          pipelineView(
            [stageView(a, { admitted: admission(5) }, busy), stageView(b, verified(2)), stageView(last)],
            [2, 5, 8].map((each) => releaseView(each)),
          ),
          start,
        ),
      )[1],
    ).toBe('r5');
  });

  it('meet through stages in between', () => {
    const stages = [stageView(a, verified(2)), stageView(x, { admitted: admission(5) }, busy), stageView(stageSpec('b', { after: ['x'] })), stageView(last)];
    expect(
      admittedIn(
        decide(
          pipelineView(
            stages,
            [2, 5, 8].map((each) => releaseView(each)),
          ),
          start,
        ),
      )[0],
    ).toBe('r5');
  });

  it.each([
    ['failed', stageView(a, { admitted: admission(5, { verdict: 'failed' }) }, busy)],
    ['was pre-empted', stageView(stageSpec('a', { queue: 'newest' }), { admitted: admission(8, { verdict: 'failed' }), history: [past(5, 'pending')] }, busy)],
  ])('do not meet in a Release that %s', (_, other) => {
    expect(
      admittedIn(
        decide(
          pipelineView(
            [other, stageView(b, verified(2)), stageView(last)],
            [2, 5, 8].map((each) => releaseView(each)),
          ),
          start,
        ),
      )[1],
    ).toBe('r8');
  });

  it('take the newest where they are told so, once and for all', () => {
    const view = pipelineView(
      [stageView(a, { admitted: admission(5) }, busy), stageView(stageSpec('b', { queue: 'newest' }), verified(2)), stageView(last)],
      [2, 5, 8].map((each) => releaseView(each)),
    );
    expect(admittedIn(decide(view, start))[1]).toBe('r8');
  });
});

describe('a circle', () => {
  const stages = [staging, stageSpec('a', { after: ['b'] }), stageSpec('b', { after: ['a'] }), stageSpec('c', { after: ['b'] })];

  it('is found, with what waits for it', () => {
    expect(circleOf(stages)).toEqual(['a', 'b', 'c']);
    expect(circleOf([staging, production])).toEqual([]);
  });

  it('admits nothing and loses nothing', () => {
    const [, a] = stages;
    if (a === undefined) throw new Error('no stage');
    const status = { admitted: admission(3), history: [past(1)] };
    const decision = decide(pipelineView([stageView(a, status), ...stages.slice(2).map((spec) => stageView(spec))], [releaseView(4)]), start);
    expect(decision.admitted).toEqual([]);
    expect(decision.stages[0]).toEqual({ name: 'a', ...status });
  });
});

it.each([
  ['verified where another waits for it', staging, 'verified'],
  ['newest at the end', production, 'newest'],
  ['verified at the end of a soak', stageSpec('production', { after: ['staging'], soakSeconds: 1 }), 'verified'],
  ['what it says', stageSpec('staging', { queue: 'newest' }), 'newest'],
])('the queue of a stage is %s', (_, spec, queue) => {
  expect(queueOf(spec, [staging, production])).toBe(queue);
});

it('the verdict on a Release is what its stage says now, else what it last said', () => {
  const release = releaseView(1, [{ stage: 'staging', verdict: 'failed' }]);
  expect(verdictIn({ name: 'staging', history: [past(1)], admitted: admission(1) }, 'staging', release)).toBe('pending');
  expect(verdictIn({ name: 'staging', history: [past(1)], admitted: admission(2) }, 'staging', release)).toBe('verified');
  expect(verdictIn({ name: 'staging', history: [], admitted: admission(2) }, 'staging', release)).toBe('failed');
  expect(verdictIn(undefined, 'production', release)).toBeUndefined();
});
