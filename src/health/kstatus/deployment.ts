import type { LiveObject } from '../../model/manifest.ts';
import { type Condition, hasCondition, numberAt } from './fields.ts';
import { current, failed, inProgress, type Kstatus } from './verdict.ts';

/** The controller keeps no deadline, and writes no Progressing condition, when the field has the largest 32-bit number. */
const noDeadline = 2_147_483_647;

/** Source: kstatus. */
export function deploymentKstatus(live: LiveObject, conditions: readonly Condition[]): Kstatus {
  if (conditions.some(({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded'))
    return failed('the progress deadline is exceeded');

  const wanted = numberAt(live, ['spec', 'replicas'], 1);
  const replicas = numberAt(live, ['status', 'replicas'], 0);
  const updated = numberAt(live, ['status', 'updatedReplicas'], 0);
  const available = numberAt(live, ['status', 'availableReplicas'], 0);
  const ready = numberAt(live, ['status', 'readyReplicas'], 0);
  if (wanted > replicas) return inProgress(`${replicas} of ${wanted} replicas exist`);
  if (wanted > updated) return inProgress(`${updated} of ${wanted} replicas updated`);
  if (replicas > wanted) return inProgress(`${replicas - wanted} replicas still to be terminated`);
  if (updated > available) return inProgress(`${available} of ${updated} replicas available`);
  if (wanted > ready) return inProgress(`${ready} of ${wanted} replicas ready`);

  const rolledOut =
    numberAt(live, ['spec', 'progressDeadlineSeconds'], noDeadline) === noDeadline ||
    conditions.some(({ type, status, reason }) => type === 'Progressing' && status === 'True' && reason === 'NewReplicaSetAvailable');
  if (!rolledOut) return inProgress('the new ReplicaSet is not available');
  if (!hasCondition(conditions, 'Available', 'True')) return inProgress('the Deployment is not available');
  return current(`the Deployment is available with ${replicas} replicas`);
}
