import type { LiveObject } from '../../model/manifest.ts';
import { numberAt, textOr } from './fields.ts';
import { current, inProgress, type Kstatus } from './verdict.ts';

/** Source: kstatus. The controller writes no conditions, so that a failure cannot be told. */
export function statefulSetKstatus(live: LiveObject): Kstatus {
  if (textOr(live, ['spec', 'updateStrategy', 'type'], '') === 'OnDelete') return current('the StatefulSet is updated by hand (OnDelete)');

  const wanted = numberAt(live, ['spec', 'replicas'], 1);
  const replicas = numberAt(live, ['status', 'replicas'], 0);
  const ready = numberAt(live, ['status', 'readyReplicas'], 0);
  if (wanted > replicas) return inProgress(`${replicas} of ${wanted} replicas exist`);
  if (wanted > ready) return inProgress(`${ready} of ${wanted} replicas ready`);
  if (replicas > wanted) return inProgress(`${replicas - wanted} replicas still to be terminated`);

  const partition = numberAt(live, ['spec', 'updateStrategy', 'rollingUpdate', 'partition'], -1);
  if (partition !== -1) {
    const updated = numberAt(live, ['status', 'updatedReplicas'], 0);
    if (updated < wanted - partition) return inProgress(`${updated} of ${wanted - partition} replicas updated, counted from partition ${partition}`);
    return current(`the rollout from partition ${partition} is complete, with ${updated} replicas updated`);
  }

  const atRevision = numberAt(live, ['status', 'currentReplicas'], 0);
  if (wanted > atRevision) return inProgress(`${atRevision} of ${wanted} replicas at the current revision`);
  if (textOr(live, ['status', 'currentRevision'], '') !== textOr(live, ['status', 'updateRevision'], '')) {
    return inProgress('the current revision is not the update revision yet');
  }
  return current(`all ${replicas} replicas are as they should be`);
}
