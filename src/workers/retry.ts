import { isPortError } from '../model/port-error.ts';

const firstWaitMs = 1000;
const longestWaitMs = 60_000;
const longestAskedWaitMs = 3_600_000;

/**
 * How long to wait before an object is looked at again whose step failed.
 * Input: `failures` in a row (1 or more); what was thrown; `random` from 0 to 1. Output: milliseconds.
 * Doubles from 1 s to 60 s, shortened by up to a half so that what failed together does not come back together;
 * never less than the other side asked for, up to an hour.
 */
export function retryInMs(failures: number, error: unknown, random: number): number {
  const doubled = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.max(0, failures - 1));
  const spread = Math.round(doubled * (1 - random / 2));
  const asked = isPortError(error) ? error.retryAfterMs : undefined;
  if (asked === undefined || !Number.isFinite(asked)) return spread;
  return Math.max(spread, Math.min(longestAskedWaitMs, asked + Math.round(firstWaitMs * random)));
}
