import { describe, expect, it } from 'vitest';
import { judgeAdmission } from '../../src/promotion/verify.ts';
import type { ApplicationView } from '../../src/promotion/view.ts';
import type { Admission, StageSpec } from '../../src/resources/pipeline.ts';
import { admission, applicationView, iso, pushed, stageSpec, start } from '../builders-promotion.ts';

const plain = stageSpec('staging');
const soaking = stageSpec('staging', { soakSeconds: 10, deadlineSeconds: 60 });
const withBranch = stageSpec('production', { after: ['staging'] });

const judge = (spec: StageSpec, before: Admission, applications: readonly ApplicationView[] = [applicationView()], nowMs = start) =>
  judgeAdmission(spec, before, applications, nowMs);
const verdictOf = (...given: Parameters<typeof judge>) => judge(...given).admission.verdict;

/** Judges again and again, each time from what came of the time before. */
function follow(spec: StageSpec, before: Admission, looks: readonly (readonly [seconds: number, ...applications: ApplicationView[]])[]): readonly Admission[] {
  const seen: Admission[] = [];
  for (const [seconds, ...applications] of looks) seen.push(judge(spec, seen.at(-1) ?? before, applications, start + seconds * 1000).admission);
  return seen;
}
const verdicts = (admissions: readonly Admission[]) => admissions.map(({ verdict }) => verdict).join(' ');
const counted = (admissions: readonly Admission[]) => admissions.map(({ soak }) => (soak === undefined ? undefined : soak.countedMs / 1000));
const healthySince = (seconds: number, given: Partial<ApplicationView> = {}) => applicationView({ healthSinceMs: start + seconds * 1000, ...given });

describe('the health gate', () => {
  it.each<[string, Partial<ApplicationView>, string, RegExp]>([
    ['healthy at that Release', {}, 'verified', /^healthy$/],
    ['healthy, but not at that Release', { current: false }, 'pending', /web is being synced/],
    ['healthy, but not applied in full', { synced: false }, 'pending', /web is being synced/],
    ['degraded at that Release', { health: 'Degraded', healthMessage: 'no image' }, 'failed', /web is Degraded: no image/],
    ['degraded at another Release', { health: 'Degraded', current: false }, 'pending', /web is being synced/],
    ['refused at that Release', { refused: 'bad YAML', synced: false }, 'failed', /web: bad YAML/],
    ['refused at another Release', { refused: 'bad YAML', current: false }, 'pending', /web is being synced/],
    ['on its way', { health: 'Progressing', healthMessage: '1 of 2' }, 'pending', /web is Progressing: 1 of 2/],
    ['suspended', { health: 'Suspended' }, 'pending', /web is Suspended/],
    ['missing', { health: 'Missing' }, 'pending', /web is Missing/],
    ['unknown', { health: 'Unknown' }, 'pending', /web is Unknown/],
    ['rendering nothing', { rendersNothing: true }, 'pending', /web renders no object/],
  ])('of an Application that is %s says %s', (_, given, verdict, reason) => {
    const { admission: judged } = judge(plain, admission(1), [applicationView({ name: 'api' }), applicationView(given)]);
    expect(judged.verdict).toBe(verdict);
    if (verdict !== 'verified') expect(judged.reason).toMatch(reason);
  });

  it('waits for ever for no Application', () => {
    expect(judge(plain, admission(1), []).admission).toMatchObject({ verdict: 'pending', reason: expect.stringContaining('selects no Application') });
  });

  it('takes none and nothing for healthy where that is declared', () => {
    const allowing = stageSpec('staging', { allowEmpty: true });
    expect(verdictOf(allowing, admission(1), [])).toBe('verified');
    expect(verdictOf(allowing, admission(1), [applicationView({ rendersNothing: true })])).toBe('verified');
  });

  it('counts nothing before the host has the promotion commit', () => {
    expect(verdictOf(withBranch, admission(1, { record: { gates: [], pushed: false } }))).toBe('pending');
    expect(verdictOf(withBranch, admission(1, { record: pushed }))).toBe('verified');
  });

  it('does not wait for a commit that an admission from before the stage had a branch never gets', () => {
    expect(verdictOf(withBranch, admission(1))).toBe('verified');
  });
});

describe('a verdict', () => {
  it('falls at the deadline, with what was waited for', () => {
    const waiting = applicationView({ health: 'Progressing', healthMessage: '1 of 2' });
    const before = judge(plain, admission(1), [waiting], start + 3_599_000);
    expect(before).toMatchObject({ admission: { verdict: 'pending' }, lookAgainInMs: 1000 });
    expect(judge(plain, before.admission, [waiting], start + 3_600_000).admission).toMatchObject({
      verdict: 'failed',
      reason: 'not verified within 3600 s: web is Progressing: 1 of 2',
      verdictAt: iso(start + 3_600_000),
    });
  });

  it('of a push that never goes through falls at the deadline, too', () => {
    expect(verdictOf(withBranch, admission(1, { record: { gates: [], pushed: false } }), [applicationView()], start + 3_600_000)).toBe('failed');
  });

  it('stays verified while its Applications merely move, and keeps its time', () => {
    const [first, ...rest] = follow(plain, admission(1), [
      [1, applicationView()],
      [2, applicationView({ synced: false })],
      [3, applicationView({ health: 'Progressing' })],
      [9999, applicationView({ current: false })],
      [10_000, applicationView()],
    ]);
    expect(first?.verdict).toBe('verified');
    for (const each of rest) expect(each).toMatchObject({ verdict: 'verified', verdictAt: first?.verdictAt });
  });

  it('turns to failed when what was verified degrades, and back only by a soak anew', () => {
    const ill = applicationView({ health: 'Degraded', healthSinceMs: start + 11_000 });
    const seen = follow(soaking, admission(1), [
      [0, applicationView()],
      [10, applicationView()],
      [11, ill],
      [20, healthySince(12)],
      [25, healthySince(12)],
      [30, healthySince(12)],
    ]);
    expect(verdicts(seen)).toBe('pending verified failed pending pending verified');
    expect(seen[3]?.deadlineAt).toBe(iso(start + 80_000));
  });

  it('that failed waits for health, whatever the deadline', () => {
    const seen = follow(plain, admission(1), [
      [1, applicationView({ health: 'Degraded' })],
      [9000, applicationView({ health: 'Progressing' })],
      [9001, healthySince(9001)],
    ]);
    expect(verdicts(seen)).toBe('failed failed verified');
  });

  it('that a deadline cut off in the middle of a soak does not swing to and fro: the soak goes on and passes', () => {
    const short = stageSpec('staging', { soakSeconds: 100, deadlineSeconds: 50 });
    const seen = follow(short, admission(1, { deadlineAt: iso(start + 50_000) }), [
      [0, applicationView()],
      [50, applicationView()],
      [50, applicationView()],
      [51, applicationView()],
      [99, applicationView()],
      [100, applicationView()],
    ]);
    expect(verdicts(seen)).toBe('pending failed failed failed failed verified');
  });

  it('is the same when it is judged again at the same instant', () => {
    for (const view of [
      applicationView(),
      applicationView({ health: 'Degraded' }),
      applicationView({ synced: false }),
      applicationView({ health: 'Unknown' }),
    ]) {
      for (const before of [admission(1), admission(1, { verdict: 'verified' }), admission(1, { verdict: 'failed' })]) {
        for (const nowMs of [start, start + 3_600_000]) {
          const once = judge(soaking, before, [view], nowMs).admission;
          expect(judge(soaking, once, [view], nowMs).admission).toEqual(once);
        }
      }
    }
  });
});

describe('a soak', () => {
  it('counts continuous health from the first look', () => {
    const seen = follow(soaking, admission(1), [
      [0, applicationView()],
      [4, applicationView()],
      [9.9, applicationView()],
      [10, applicationView()],
    ]);
    expect(counted(seen)).toEqual([0, 4, 9.9, 10]);
    expect(verdicts(seen)).toBe('pending pending pending verified');
  });

  it('begins anew after ill health, seen or not', () => {
    const seen = follow(soaking, admission(1), [
      [0, applicationView()],
      [5, applicationView()],
      [7, healthySince(6)],
      [8, healthySince(8, { health: 'Progressing' })],
      [9, healthySince(9)],
      [12, healthySince(9)],
    ]);
    expect(counted(seen)).toEqual([0, 5, 0, undefined, 0, 3]);
  });

  it('begins anew after ill health that nobody saw because the clock was set back', () => {
    const seen = follow(soaking, admission(1), [
      [0, applicationView()],
      [5, applicationView()],
      [3, healthySince(2)],
      [7, healthySince(2)],
    ]);
    expect(counted(seen)).toEqual([0, 5, 0, 2]);
  });

  it('begins anew with other bytes', () => {
    expect(
      counted(
        follow(soaking, admission(1), [
          [0, applicationView()],
          [5, applicationView()],
          [6, applicationView({ digest: 'bytes-2' })],
          [8, applicationView({ digest: 'bytes-2' })],
        ]),
      ),
    ).toEqual([0, 5, 0, 2]);
  });

  it('begins anew when an Application joins', () => {
    expect(
      counted(
        follow(soaking, admission(1), [
          [0, applicationView()],
          [5, applicationView()],
          [6, applicationView(), applicationView({ name: 'api' })],
        ]),
      ),
    ).toEqual([0, 5, 0]);
  });

  it('goes on when the same bytes arrive in another Release, and does not count the time in between', () => {
    const seen = follow(soaking, admission(1), [
      [0, applicationView()],
      [5, applicationView()],
      [7, applicationView({ current: false })],
      [8, applicationView()],
    ]);
    expect(counted(seen)).toEqual([0, 5, 5, 6]);
  });

  it('does not go on when somebody fell ill in between', () => {
    expect(
      counted(
        follow(soaking, admission(1), [
          [0, applicationView()],
          [5, applicationView()],
          [7, healthySince(6, { current: false })],
          [8, healthySince(6)],
        ]),
      ),
    ).toEqual([0, 5, undefined, 0]);
    expect(
      counted(
        follow(soaking, admission(1), [
          [0, applicationView()],
          [5, applicationView()],
          [7, applicationView({ current: false, health: 'Progressing' })],
          [8, applicationView()],
        ]),
      ),
    ).toEqual([0, 5, undefined, 0]);
  });

  it('does not count time in which nobody watched, from the moment the watch is lost until it is looked at again', () => {
    const unwatched = applicationView({ watchedSinceMs: undefined });
    const again = applicationView({ watchedSinceMs: start + 6500 });
    const seen = follow(soaking, admission(1), [
      [0, applicationView()],
      [2, applicationView()],
      [4, unwatched],
      [6, unwatched],
      [7, again],
      [9, again],
    ]);
    expect(counted(seen)).toEqual([0, 2, 2, 2, 2, 4]);
    expect(seen[3]?.reason).toContain('not counting');
  });

  it('never runs backwards with the clock and counts nothing twice', () => {
    const seen = follow(soaking, admission(1), [
      [0, applicationView()],
      [5, applicationView()],
      [-60, applicationView()],
      [4, applicationView()],
      [6, applicationView()],
    ]);
    expect(counted(seen)).toEqual([0, 5, 5, 5, 6]);
    const paused = follow(soaking, admission(1), [
      [0, applicationView()],
      [5, applicationView()],
      [-60, applicationView({ current: false })],
      [6, applicationView()],
    ]);
    expect(counted(paused)).toEqual([0, 5, 5, 6]);
  });

  it('is looked at every two seconds, and exactly at its end', () => {
    expect(judge(soaking, admission(1)).lookAgainInMs).toBe(2000);
    const [, late] = follow(soaking, admission(1), [
      [0, applicationView()],
      [9, applicationView()],
    ]);
    expect(judge(soaking, late ?? admission(1), [applicationView()], start + 9_500).lookAgainInMs).toBe(500);
  });
});
