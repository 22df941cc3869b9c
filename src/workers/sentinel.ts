import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { QueueMark } from './nudges.ts';

type Options = {
  readonly mark: QueueMark;
  /** Nudges every object. Called by one process at a time; once more when the queue is lost meanwhile. */
  readonly onLost: () => Promise<void>;
  readonly log: Logger;
  readonly everyMs?: number;
};

export type Sentinel = { stop(): Promise<void> };

const leaseMs = 15_000;

/**
 * Sees within a second that the queue has lost its contents (flushed, restarted empty or from an older snapshot, failed over) and has everything nudged.
 * The mark is set only after that, so that a process which dies in between is relieved by another.
 */
export function startSentinel({ mark, onLost, log, everyMs = 1000 }: Options): Sentinel {
  const claimant = randomUUID();
  let stopped = false;
  let restoring: Promise<void> | undefined;
  let checking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function restore(): Promise<void> {
    try {
      log.info({}, 'queue is new or was lost, nudging everything');
      await onLost();
      const settled = await mark.settle(claimant);
      log.info({ settled }, 'everything nudged');
    } catch (error) {
      log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'queue could not be restored, trying again');
    }
  }

  async function check(): Promise<void> {
    try {
      if (restoring !== undefined) return await mark.renew(claimant, leaseMs);
      if ((await mark.claim(claimant, leaseMs)) !== 'claimed') return;
      restoring = restore().finally(() => {
        restoring = undefined;
      });
    } catch (error) {
      log.debug({ reason: error instanceof Error ? error.message : String(error) }, 'queue mark not readable');
    }
  }

  function checkNow(): void {
    if (stopped || checking !== undefined) return;
    clearTimeout(timer);
    checking = check().finally(() => {
      checking = undefined;
      if (!stopped) timer = setTimeout(checkNow, everyMs);
    });
  }

  mark.onConnected(checkNow);
  checkNow();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await checking;
      await restoring;
    },
  };
}
