import { at } from '../model/json.ts';
import type { LiveObject } from '../model/manifest.ts';
import { degraded, type Health, healthy, progressing, unknownHealth } from './health.ts';
import { shortMessage, textAt } from './live-fields.ts';

/** Written once somebody works on a volume for the claim: the volume controller names the provisioner, the scheduler the node. */
const beingBoundAnnotations = [
  'volume.kubernetes.io/storage-provisioner',
  'volume.beta.kubernetes.io/storage-provisioner',
  'volume.kubernetes.io/selected-node',
];

/** Source: Argo CD's rule, except for a claim that waits for its first pod. */
export function persistentVolumeClaimHealth(live: LiveObject): Health {
  const phase = textAt(live, 'status', 'phase');
  switch (phase) {
    case 'Bound':
      return healthy;
    case 'Pending':
      return pendingHealth(live);
    case 'Lost':
      return degraded(`the claim lost its volume ${shortMessage(textAt(live, 'spec', 'volumeName'))}`.trimEnd());
    default:
      return unknownHealth(phase === '' ? 'the claim has no phase' : `the claim's phase is ${shortMessage(phase)}`);
  }
}

/**
 * WaitForFirstConsumer stands on the StorageClass, not here. With that mode nothing happens to a claim before a pod uses it, so that waiting
 * for the claim first would wait forever; a pod that then gets no volume shows in its own workload.
 */
function pendingHealth(live: LiveObject): Health {
  const storageClass = shortMessage(textAt(live, 'spec', 'storageClassName'));
  if (storageClass === '') return progressing('the claim is not bound to a volume yet (it names no StorageClass)');

  const wanted = textAt(live, 'spec', 'volumeName') !== '';
  const beingBound = beingBoundAnnotations.some((annotation) => at(live, 'metadata', 'annotations', annotation) !== undefined);
  if (wanted || beingBound) return progressing(`the claim is not bound to a volume yet (StorageClass ${storageClass})`);
  return { health: 'Healthy', message: `the claim waits for its first pod: nobody provisions a volume for it yet (StorageClass ${storageClass})` };
}
