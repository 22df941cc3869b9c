import type { LiveObject } from '../../model/manifest.ts';
import { type Condition, hasCondition, numberAt } from './fields.ts';
import { current, inProgress, type Kstatus } from './verdict.ts';

/** Source: kstatus. */
export function replicaSetKstatus(live: LiveObject, conditions: readonly Condition[]): Kstatus {
  if (hasCondition(conditions, 'ReplicaFailure', 'True')) return inProgress('pods cannot be created or deleted (ReplicaFailure)');

  const wanted = numberAt(live, ['spec', 'replicas'], 1);
  const counted = [
    ['labelled', 'fullyLabeledReplicas'],
    ['available', 'availableReplicas'],
    ['ready', 'readyReplicas'],
  ] as const;
  for (const [word, field] of counted) {
    const count = numberAt(live, ['status', field], 0);
    if (wanted > count) return inProgress(`${count} of ${wanted} replicas ${word}`);
  }

  const replicas = numberAt(live, ['status', 'replicas'], 0);
  if (replicas > wanted) return inProgress(`${replicas - wanted} replicas still to be terminated`);
  return current(`the ReplicaSet is available with ${replicas} replicas`);
}
