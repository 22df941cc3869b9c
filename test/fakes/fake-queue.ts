import { setTimeout as pause } from 'node:timers/promises';
import { type Reference, referenceText } from '../../src/model/reference.ts';
import type { Look, NudgeQueue, Taking, Verb } from '../../src/workers/nudges.ts';

type Taker = { readonly looks: Readonly<Record<Verb, Look>>; readonly running: Set<AbortController>; free: number; stopped: boolean };
type Job = { readonly verb: Verb; readonly reference: Reference };

/** A queue in memory that several processes share, with BullMQ's rules: one look per object and one behind it, one timer per object, newest wins. */
export function fakeQueue() {
  const waiting = new Map<string, Job>();
  /** By object: whether a nudge came while it is looked at. */
  const active = new Map<string, { again: boolean }>();
  const timers = new Map<string, NodeJS.Timeout>();
  const takers: Taker[] = [];
  let mark: string | undefined;

  const keyOf = ({ verb, reference }: Job): string => `${verb}/${referenceText(reference)}`;

  function nudge(job: Job): void {
    const looking = active.get(keyOf(job));
    if (looking !== undefined) looking.again = true;
    else waiting.set(keyOf(job), job);
    queueMicrotask(hand);
  }

  function hand(): void {
    for (const [key, job] of waiting) {
      const taker = takers.find(({ free, stopped }) => free > 0 && !stopped);
      if (taker === undefined) return;
      waiting.delete(key);
      void look(key, job, taker);
    }
  }

  async function look(key: string, job: Job, taker: Taker): Promise<void> {
    const controller = new AbortController();
    const mine = { again: false };
    active.set(key, mine);
    taker.running.add(controller);
    taker.free -= 1;
    await taker.looks[job.verb](job.reference, controller.signal).catch(() => {});
    taker.free += 1;
    taker.running.delete(controller);
    // Flushed meanwhile: what is active now is another look's.
    if (active.get(key) === mine) {
      active.delete(key);
      if (mine.again) nudge(job);
    }
    hand();
  }

  function open(): NudgeQueue {
    const nudges = {
      nudge: async (verb: Verb, reference: Reference) => nudge({ verb, reference }),
      async nudgeIn(verb: Verb, reference: Reference, inMs: number) {
        const job = { verb, reference };
        clearTimeout(timers.get(keyOf(job)));
        timers.set(
          keyOf(job),
          setTimeout(
            () => {
              timers.delete(keyOf(job));
              nudge(job);
            },
            Math.max(1, inMs),
          ),
        );
      },
    };
    return {
      ...nudges,
      patient: nudges,
      mark: {
        async claim(claimant) {
          if (mark === 'whole') return 'whole';
          if (mark !== undefined && mark !== claimant) return 'claimed by another';
          mark = claimant;
          return 'claimed';
        },
        renew: async () => {},
        async settle(claimant) {
          if (mark !== claimant) return false;
          mark = 'whole';
          return true;
        },
        onConnected() {},
      },
      take(looks, concurrency): Taking {
        const taker: Taker = { looks, running: new Set(), free: concurrency, stopped: false };
        takers.push(taker);
        hand();
        return {
          ready: async () => {},
          async stop(withinMs) {
            taker.stopped = true;
            for (const controller of taker.running) controller.abort(new Error('this process is stopping'));
            const deadline = performance.now() + withinMs;
            while (taker.running.size > 0 && performance.now() < deadline) await pause(1);
          },
        };
      },
      ping: async () => {},
      depths: async () => [],
      async close() {
        for (const timer of timers.values()) clearTimeout(timer);
      },
    };
  }

  return {
    open,
    /** Everything is gone, as after FLUSHALL; looks that run go on, and find out that they may no longer be alone. */
    lose() {
      waiting.clear();
      active.clear();
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      mark = undefined;
    },
  };
}
