import type { LiveObject } from '../model/manifest.ts';
import { degraded, type Health, healthy, progressing } from './health.ts';
import { countAt, optionalCountAt, plural, trueCondition, withReason } from './live-fields.ts';
import { specNotObserved, waitsToBeObserved } from './observed-generation.ts';

/** Source: Argo CD's rule. */
export function replicaSetHealth(live: LiveObject): Health {
  if (specNotObserved(live)) return waitsToBeObserved(live);

  const failure = trueCondition(live, 'ReplicaFailure');
  if (failure) return degraded(withReason(failure.reason === 'FailedDelete' ? 'a pod cannot be deleted' : 'a pod cannot be created', failure));

  const wanted = optionalCountAt(live, 'spec', 'replicas') ?? 1;
  const available = countAt(live, 'status', 'availableReplicas');
  if (available < wanted) return progressing(`${available} of ${plural(wanted, 'replica')} available`);
  return healthy;
}
