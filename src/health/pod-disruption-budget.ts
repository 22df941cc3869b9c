import { at } from '../model/json.ts';
import type { LiveObject } from '../model/manifest.ts';
import { degraded, type Health, healthy, progressing } from './health.ts';
import { listAt, shortMessage, textAt, withReason } from './live-fields.ts';
import { statusOfOlderSpec, waitsToBeObserved } from './observed-generation.ts';

/** Source: Argo CD's rule. Too few pods for a disruption is what a budget is for, and so no failure of it. */
export function podDisruptionBudgetHealth(live: LiveObject): Health {
  if (statusOfOlderSpec(live)) return waitsToBeObserved(live);
  const conditions = listAt(live, 'status', 'conditions');
  if (conditions.length === 0) return progressing('the budget has not been computed yet');

  const failed = conditions.find((condition) => at(condition, 'status') === 'False' && at(condition, 'reason') !== 'InsufficientPods');
  if (failed === undefined) return healthy;
  return degraded(
    withReason('the budget cannot be computed', { reason: shortMessage(textAt(failed, 'reason')), message: shortMessage(textAt(failed, 'message')) }),
  );
}
