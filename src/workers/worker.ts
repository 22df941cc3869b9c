import type { Logger } from 'pino';
import { isPortError } from '../model/port-error.ts';
import { type Reference, referenceText } from '../model/reference.ts';
import type { Look, NudgeQueue, Verb } from './nudges.ts';
import { retryInMs } from './retry.ts';

/**
 * One look at one object: reads what is wanted now, does the next thing, says when to look again at the latest.
 * Throws what it cannot decide on: the object is then looked at again after a growing wait.
 */
export type Step = (reference: Reference, signal: AbortSignal) => Promise<{ readonly lookAgainInMs?: number }>;

type Options = {
  readonly queue: NudgeQueue;
  readonly steps: Readonly<Record<Verb, Step>>;
  /** Looks at once per verb. */
  readonly concurrency: number;
  readonly log: Logger;
  readonly random?: () => number;
  /** How long `stop` waits for the steps that run. */
  readonly stopWithinMs?: number;
};

export type Workers = {
  /** Resolves when nudges are being taken. */
  ready(): Promise<void>;
  /** Aborts what runs, leaves a nudge for it to the other workers, and ends within 10 s. */
  stop(): Promise<void>;
};

export function startWorkers({ queue, steps, concurrency, log, random = Math.random, stopWithinMs = 10_000 }: Options): Workers {
  const lookOf = (verb: Verb): Look => lookWithRetries({ verb, step: steps[verb], queue, log, random });
  const taking = queue.take({ refresh: lookOf('refresh'), sync: lookOf('sync'), promote: lookOf('promote'), report: lookOf('report') }, concurrency);
  return { ready: () => taking.ready(), stop: () => taking.stop(stopWithinMs) };
}

type LookOptions = {
  readonly verb: Verb;
  readonly step: Step;
  readonly queue: Pick<NudgeQueue, 'patient'>;
  readonly log: Logger;
  readonly random: () => number;
};

/** How logs name what a verb is about. */
const kindOf: Readonly<Record<Verb, string>> = { refresh: 'repository', sync: 'application', promote: 'pipeline', report: 'release' };

/** A step as the queue calls it: what it returns or throws becomes the object's timer. Never throws for what the step did. */
export function lookWithRetries({ verb, step, queue, log, random }: LookOptions): Look {
  // In memory, per process: another process starts the count anew, which costs a few early looks and no correctness.
  const failuresInARow = new Map<string, number>();

  return async (reference, signal) => {
    const object = referenceText(reference);
    try {
      const { lookAgainInMs } = await step(reference, signal);
      failuresInARow.delete(object);
      log.debug({ verb, [kindOf[verb]]: object, lookAgainInMs }, 'looked');
      if (lookAgainInMs !== undefined) await queue.patient.nudgeIn(verb, reference, lookAgainInMs);
    } catch (error) {
      // Whoever aborted it has already seen to it that the object is looked at again.
      if (signal.aborted) return log.info({ verb, [kindOf[verb]]: object, reason: String(signal.reason) }, 'step aborted');
      const failures = (failuresInARow.get(object) ?? 0) + 1;
      failuresInARow.set(object, failures);
      const lookAgainInMs = retryInMs(failures, error, random());
      logFailure(log, { verb, [kindOf[verb]]: object, failures, lookAgainInMs }, error);
      await queue.patient.nudgeIn(verb, reference, lookAgainInMs);
    }
  };
}

function logFailure(log: Logger, facts: Readonly<Record<string, unknown>>, error: unknown): void {
  // The cause of a PortError is another library's error and may hold a request's headers: it is not logged.
  if (isPortError(error)) log.warn({ ...facts, port: error.port, code: error.code, retryable: error.retryable, reason: error.message }, 'step failed');
  else log.error({ ...facts, code: 'BUG', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 'step failed');
}
