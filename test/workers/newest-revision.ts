import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import pino from 'pino';
import { PortError } from '../../src/model/port-error.ts';
import type { Reference } from '../../src/model/reference.ts';
import type { NudgeQueue } from '../../src/workers/nudges.ts';
import { startSentinel } from '../../src/workers/sentinel.ts';
import { type Step, startWorkers } from '../../src/workers/worker.ts';

/** One queue as two processes see it, and how it loses all that it holds. */
export type SharedQueue = { readonly processes: readonly [NudgeQueue, NudgeQueue]; lose(): Promise<void>; close(): Promise<void> };

type Happening =
  /** A newer revision is wanted, and somebody nudges; `lost`: its nudge never comes, and the next poll brings it. */
  | { readonly is: 'push'; readonly lost: boolean }
  | { readonly is: 'nudge' }
  | { readonly is: 'timer'; readonly inMs: number }
  | { readonly is: 'wait'; readonly ms: number }
  | { readonly is: 'lose' };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ is: fc.constant('push' as const), lost: fc.nat(5).map((chance) => chance === 0) }) },
  { weight: 2, arbitrary: fc.constant({ is: 'nudge' as const }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('timer' as const), inMs: fc.nat(30) }) },
  { weight: 5, arbitrary: fc.record({ is: fc.constant('wait' as const), ms: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.constant({ is: 'lose' as const }) },
);

/** What a step does, in turn: how long it takes, when it wants to look again, and whether it fails. */
const manner = fc.record({ takesMs: fc.nat(12), again: fc.option(fc.nat(20), { nil: undefined }), fails: fc.nat(9).map((chance) => chance === 0) });

const pollEveryMs = 300;
const log = pino({ level: 'silent' });

/**
 * Whatever pushes, doubled and lost nudges, timers, failing steps, queues that lose everything and two workers on one object come together: the newest
 * revision is what is applied in the end, and nothing ever goes back to an older one.
 * Throws with what was applied instead.
 */
export async function assertNewestIsNeverLost(open: () => Promise<SharedQueue>, { runs }: { readonly runs: number }): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 1, maxLength: 25 }), fc.array(manner, { minLength: 1, maxLength: 8 }), async (happenings, manners) => {
      const shared = await open();
      const web: Reference = { namespace: 'shop', name: 'web' };
      // The resource that the hub keeps: a write of what was read before somebody else wrote is refused.
      let [wanted, applied, version, steps] = [0, 0, 0, 0];
      let mended = false;
      const wentBack: string[] = [];
      const step: Step = async () => {
        const { takesMs, again, fails } = manners[steps++ % manners.length] as (typeof manners)[number];
        const [seen, seenVersion] = [wanted, version];
        await pause(takesMs);
        if (fails && !mended) throw new PortError('destination', 'UNREACHABLE', 'no answer', { cause: undefined });
        if (version !== seenVersion) return { lookAgainInMs: 1 };
        version += 1;
        if (seen < applied) wentBack.push(`${applied} to ${seen}`);
        applied = seen;
        return again === undefined ? {} : { lookAgainInMs: again };
      };
      const steadily: Step = async () => ({});
      const nudge = () => shared.processes[0].patient.nudge('sync', web);
      const running = shared.processes.map((queue) => ({
        workers: startWorkers({
          queue,
          steps: { refresh: steadily, sync: step, promote: steadily, report: steadily },
          concurrency: 2,
          log,
          random: () => 1,
          stopWithinMs: 500,
        }),
        sentinel: startSentinel({ mark: queue.mark, onLost: nudge, log, everyMs: 20 }),
      }));
      const poll = setInterval(() => void nudge().catch(() => {}), pollEveryMs);
      try {
        await Promise.all(running.map(({ workers }) => workers.ready()));
        for (const each of happenings) {
          if (each.is === 'push') wanted += 1;
          if (each.is === 'nudge' || (each.is === 'push' && !each.lost)) await nudge();
          if (each.is === 'timer') await shared.processes[1].patient.nudgeIn('sync', web, each.inMs);
          if (each.is === 'wait') await pause(each.ms);
          if (each.is === 'lose') await shared.lose();
        }
        mended = true;
        const deadline = performance.now() + 15_000;
        while (applied !== wanted && performance.now() < deadline) await pause(5);
        if (applied !== wanted) throw new Error(`revision ${wanted} was wanted, and ${applied} is what stays`);
        if (wentBack.length > 0) throw new Error(`it went back: ${wentBack.join(', ')}`);
      } finally {
        clearInterval(poll);
        for (const { workers, sentinel } of running) await Promise.all([workers.stop(), sentinel.stop()]);
        await shared.close();
      }
    }),
    { numRuns: runs },
  );
}
