import type { Phase } from '../resources/application.ts';
import type { Verb } from './nudges.ts';
import type { Step } from './worker.ts';

/** What is measured of the work; seconds, as the Prometheus conventions have it. */
export type Measures = {
  looked(verb: Verb, outcome: 'done' | 'failed', seconds: number): void;
  /** One run of a sync, by the phase that it ended in. */
  synced(phase: Phase, seconds: number): void;
  /** From a Release's admission to a stage to its terminal verdict. */
  judged(stage: string, verdict: 'verified' | 'failed', seconds: number): void;
};

/** A step that is measured. */
export function measured(verb: Verb, step: Step, measures: Pick<Measures, 'looked'>, nowMs: () => number = () => performance.now()): Step {
  return async (reference, signal) => {
    const began = nowMs();
    let outcome: 'done' | 'failed' = 'failed';
    try {
      const next = await step(reference, signal);
      outcome = 'done';
      return next;
    } finally {
      measures.looked(verb, outcome, (nowMs() - began) / 1000);
    }
  };
}
