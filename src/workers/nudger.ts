import type { Logger } from 'pino';
import { referenceText } from '../model/reference.ts';
import type { Nudges } from './nudges.ts';
import type { Nudge } from './nudges-for.ts';

/**
 * Nudges from events, which come in storms: what is already waiting is not taken twice, and nobody waits for the queue.
 * The first one of an object goes out at once, the next ones at intervals: a sync of a thousand objects is as many events of one Application.
 */
export type Nudger = {
  nudge(nudges: readonly Nudge[]): void;
  /** Takes no more, and hands over what waits, but no longer than `withinMs`. */
  stop(withinMs: number): Promise<void>;
};

type Options = { readonly nudges: Pick<Nudges, 'nudge'>; readonly log: Logger; readonly retryMs?: number; readonly restMs?: number };

const atOnce = 16;

export function openNudger({ nudges, log, retryMs = 1000, restMs = 20 }: Options): Nudger {
  const waiting = new Map<string, Nudge>();
  /** Objects that were nudged a moment ago, each with the nudge that has come since. */
  const resting = new Map<string, { readonly timer: NodeJS.Timeout; next?: Nudge }>();
  const lanes = new Set<Promise<void>>();
  let stopped = false;
  let pausedUntilMs = 0;
  let timer: NodeJS.Timeout | undefined;

  async function handOver(): Promise<void> {
    for (;;) {
      const [next] = waiting;
      if (next === undefined || performance.now() < pausedUntilMs) return;
      const [key, { verb, reference }] = next;
      waiting.delete(key);
      if (!stopped) resting.set(key, { timer: setTimeout(() => rested(key), restMs) });
      try {
        await nudges.nudge(verb, reference);
      } catch (error) {
        // A newer wish for the same object is the same wish.
        waiting.set(key, { verb, reference });
        if (performance.now() >= pausedUntilMs)
          log.warn({ waiting: waiting.size, reason: error instanceof Error ? error.message : String(error) }, 'nudges wait for the queue');
        pausedUntilMs = performance.now() + retryMs;
        timer ??= setTimeout(() => {
          timer = undefined;
          openLanes();
        }, retryMs + 1);
        return;
      }
    }
  }

  function rested(key: string): void {
    const next = resting.get(key)?.next;
    resting.delete(key);
    if (next !== undefined) take(key, next);
  }

  function take(key: string, nudge: Nudge): void {
    waiting.set(key, nudge);
    if (performance.now() >= pausedUntilMs) openLanes();
  }

  function openLanes(): void {
    while (lanes.size < Math.min(atOnce, waiting.size)) {
      const lane: Promise<void> = handOver().finally(() => lanes.delete(lane));
      lanes.add(lane);
    }
  }

  return {
    nudge(wanted) {
      if (stopped) return;
      for (const nudge of wanted) {
        const key = `${nudge.verb} ${referenceText(nudge.reference)}`;
        const rest = resting.get(key);
        if (rest === undefined) take(key, nudge);
        else rest.next = nudge;
      }
    },
    async stop(withinMs) {
      stopped = true;
      clearTimeout(timer);
      for (const [key, { timer: rest }] of [...resting]) {
        clearTimeout(rest);
        rested(key);
      }
      let giveUp: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        giveUp = setTimeout(resolve, withinMs);
      });
      await Promise.race([Promise.all(lanes), late]);
      clearTimeout(giveUp);
    },
  };
}
