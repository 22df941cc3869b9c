import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeAdmission } from '../../src/promotion/verify.ts';
import type { ApplicationView } from '../../src/promotion/view.ts';
import type { Admission } from '../../src/resources/pipeline.ts';
import { admission, applicationView, iso, pushed, stageSpec, start } from '../builders-promotion.ts';

const health = fc.constantFrom<ApplicationView['health']>('Healthy', 'Healthy', 'Healthy', 'Progressing', 'Degraded', 'Unknown', 'Suspended', 'Missing');
const application = fc
  .record({
    health,
    current: fc.boolean(),
    synced: fc.boolean(),
    refused: fc.option(fc.constant('bad YAML'), { nil: undefined, freq: 8 }),
    rendersNothing: fc.nat(5).map((chance) => chance === 0),
    digest: fc.constantFrom('bytes-1', 'bytes-2'),
    healthSinceMs: fc.integer({ min: start - 60_000, max: start }),
    watchedSinceMs: fc.option(fc.integer({ min: start - 60_000, max: start }), { nil: undefined }),
  })
  .map(({ current, synced, ...rest }) => applicationView({ ...rest, current: current || synced, synced }));
const applications = fc.array(application, { maxLength: 3 }).map((all) => all.map((each, index) => ({ ...each, name: `web-${index}` })));
const spec = fc
  .record({ soakSeconds: fc.nat(20), deadlineSeconds: fc.integer({ min: 1, max: 60 }), allowEmpty: fc.boolean(), after: fc.constantFrom([], ['staging']) })
  .map((given) => stageSpec('stage', given));
const before = fc
  .record({
    verdict: fc.constantFrom<Admission['verdict']>('pending', 'pending', 'verified', 'failed'),
    deadlineInMs: fc.integer({ min: -30_000, max: 60_000 }),
    isPushed: fc.boolean(),
  })
  .map(({ verdict, deadlineInMs, isPushed }) =>
    admission(1, { verdict, deadlineAt: iso(start + deadlineInMs), verdictAt: iso(start - 1000), record: isPushed ? pushed : { gates: [], pushed: false } }),
  );

describe('any verdict', () => {
  it('becomes verified only of Applications that run that Release in full and are healthy, and of none only where that is declared (P4, P5)', () => {
    fc.assert(
      fc.property(spec, before, applications, (stage, was, seen) => {
        const { admission: judged } = judgeAdmission(stage, was, seen, start);
        if (judged.verdict !== 'verified' || was.verdict === 'verified') return;
        expect(seen.length > 0 || stage.verify.allowEmpty).toBe(true);
        for (const each of seen) {
          expect(each).toMatchObject({ current: true, synced: true, refused: undefined, health: 'Healthy' });
          expect(each.rendersNothing && !stage.verify.allowEmpty).toBe(false);
        }
        expect(stage.after.length === 0 || was.record?.pushed).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is there at the deadline, whatever stands in the way, and is looked at again by then (P3)', () => {
    fc.assert(
      fc.property(spec, before, applications, (stage, was, seen) => {
        const { admission: judged, lookAgainInMs } = judgeAdmission(stage, was, seen, start);
        if (judged.verdict !== 'pending') return;
        const leftMs = Date.parse(judged.deadlineAt) - start;
        expect(leftMs).toBeGreaterThan(0);
        expect(was.verdict === 'pending' ? judged.deadlineAt : was.deadlineAt).toBe(was.deadlineAt);
        if (was.verdict === 'pending') expect(lookAgainInMs).toBeLessThanOrEqual(leftMs);
        else expect(lookAgainInMs).toBeGreaterThan(0);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the same when it is judged again at once, and in whatever order the Applications come', () => {
    const shuffled = applications.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
    fc.assert(
      fc.property(spec, before, shuffled, (stage, was, [seen, otherwise]) => {
        const { admission: judged } = judgeAdmission(stage, was, seen, start);
        expect(judgeAdmission(stage, judged, seen, start).admission).toEqual(judged);
        const other = judgeAdmission(stage, was, otherwise, start).admission;
        expect({ ...other, reason: '' }).toEqual({ ...judged, reason: '' });
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a soak of bytes that stay healthy (P6)', () => {
  /** What goes on between two looks: nothing; another commit with the same bytes on its way; the clock set back. */
  const look = fc.record({
    seconds: fc.integer({ min: 1, max: 3 }),
    moving: fc.nat(4).map((chance) => chance === 0),
    backSeconds: fc.nat(12).map((chance) => (chance > 9 ? chance - 9 : 0)),
  });

  it('is inherited by every commit that changes none of them, counts no second twice, and loses none but those that the clock was set back', () => {
    fc.assert(
      fc.property(fc.array(look, { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 60 }), (looks, soakSeconds) => {
        const stage = stageSpec('stage', { soakSeconds, deadlineSeconds: 3600 });
        let [now, wasMoving] = [admission(1), true];
        let [trueMs, soundMs, backMs] = [0, 0, 0];
        for (const { seconds, moving, backSeconds } of looks) {
          trueMs += seconds * 1000;
          backMs += backSeconds * 1000;
          // A look counts from the one before, if that one saw the bytes run.
          if (!moving && (!wasMoving || now.soak !== undefined)) soundMs += seconds * 1000;
          now = judgeAdmission(stage, now, [applicationView({ current: !moving, synced: !moving })], start + trueMs - backMs).admission;
          wasMoving = moving;
          const counted = now.soak?.countedMs ?? 0;
          expect(counted).toBeLessThanOrEqual(soundMs);
          expect(counted).toBeGreaterThanOrEqual(soundMs - backMs);
          if (now.verdict === 'verified') break;
          if (!moving) expect(counted).toBeLessThan(soakSeconds * 1000);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('begins anew with other bytes, and after any ill health between two looks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.boolean(), (seconds, isIll) => {
        const stage = stageSpec('stage', { soakSeconds: 60, deadlineSeconds: 3600 });
        const first = judgeAdmission(stage, admission(1), [applicationView()], start).admission;
        const soaked = judgeAdmission(stage, first, [applicationView()], start + seconds * 1000).admission;
        expect(soaked.soak?.countedMs).toBe(seconds * 1000);
        const changed = applicationView(isIll ? { healthSinceMs: start + seconds * 1000 - 1 } : { digest: 'bytes-2' });
        expect(judgeAdmission(stage, soaked, [changed], start + seconds * 1000 + 1).admission.soak?.countedMs).toBe(0);
      }),
    );
  });

  it('counts no time in which nobody watched', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ seconds: fc.integer({ min: 1, max: 5 }), watched: fc.boolean() }), { minLength: 1, maxLength: 20 }), (looks) => {
        const stage = stageSpec('stage', { soakSeconds: 3600, deadlineSeconds: 7200 });
        let [now, nowMs, soundMs] = [judgeAdmission(stage, admission(1), [applicationView()], start).admission, start, 0];
        let watchedSinceMs: number | undefined = start - 60_000;
        for (const { seconds, watched } of looks) {
          // The watch is lost, or comes back, right after the look before.
          watchedSinceMs = watched ? (watchedSinceMs ?? nowMs + 1) : undefined;
          if (watchedSinceMs !== undefined && watchedSinceMs <= nowMs) soundMs += seconds * 1000;
          nowMs += seconds * 1000;
          now = judgeAdmission(stage, now, [applicationView({ watchedSinceMs })], nowMs).admission;
          expect(now.soak?.countedMs).toBe(soundMs);
        }
      }),
      { numRuns: 300 },
    );
  });
});
