import { groupKindText, groupOf, type LiveMetadata, type LiveObject } from '../model/manifest.ts';
import { textAt, timeMsAt } from './live-fields.ts';
import type { PodFacts } from './pods.ts';

/** What a metadata-only LIST of ReplicaSets tells. */
export type ReplicaSetMetadata = Pick<LiveMetadata, 'name' | 'uid' | 'annotations' | 'ownerReferences' | 'creationTimestamp'>;

const revisionAnnotation = 'deployment.kubernetes.io/revision';
const templateGenerationAnnotation = 'deprecated.daemonset.template.generation';

/**
 * The pods that the workload's present template made. Pods of older revisions are left out: they are what a rollout replaces.
 * Output: empty when the newest revision cannot be told, as a rollout must never fail for pods that it repairs.
 */
export function podsOfNewestRevision(workload: LiveObject, pods: readonly PodFacts[], replicaSets: readonly ReplicaSetMetadata[]): readonly PodFacts[] {
  const uid = textAt(workload, 'metadata', 'uid');
  if (uid === '') return [];
  const own = pods.filter((pod) => pod.ownerUid === uid);

  switch (groupKindText({ group: groupOf(workload.apiVersion), kind: workload.kind })) {
    case 'Deployment.apps': {
      const newest = newestReplicaSet(workload, replicaSets);
      return newest === undefined ? [] : pods.filter((pod) => pod.ownerUid === newest.uid);
    }
    case 'StatefulSet.apps': {
      const revision = textAt(workload, 'status', 'updateRevision');
      return revision === '' ? [] : own.filter((pod) => pod.controllerRevisionHash === revision);
    }
    case 'DaemonSet.apps': {
      // The API server writes the generation of the template on every DaemonSet, and the controller on every pod it makes.
      // Pods that an earlier, equal template made have another generation; they only ever count too little.
      const generation = textAt(workload, 'metadata', 'annotations', templateGenerationAnnotation);
      return generation === '' ? [] : own.filter((pod) => pod.podTemplateGeneration === generation);
    }
    default:
      return own;
  }
}

/** The ReplicaSet of the Deployment's present template: both carry the same revision. */
export function newestReplicaSet(deployment: LiveObject, replicaSets: readonly ReplicaSetMetadata[]): ReplicaSetMetadata | undefined {
  const revision = textAt(deployment, 'metadata', 'annotations', revisionAnnotation);
  if (revision === '') return undefined;
  const [newest] = ownReplicaSets(deployment, replicaSets)
    .filter((replicaSet) => textAt(replicaSet, 'annotations', revisionAnnotation) === revision)
    .toSorted((a, b) => (timeMsAt(b, 'creationTimestamp') ?? 0) - (timeMsAt(a, 'creationTimestamp') ?? 0));
  return newest;
}

export function ownReplicaSets(deployment: LiveObject, replicaSets: readonly ReplicaSetMetadata[]): readonly ReplicaSetMetadata[] {
  return replicaSets.filter((replicaSet) =>
    (replicaSet.ownerReferences ?? []).some((owner) => owner.controller === true && owner.uid === deployment.metadata.uid),
  );
}
