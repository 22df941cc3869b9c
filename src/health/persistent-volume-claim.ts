import type { LiveObject } from '../model/manifest.ts';
import { degraded, type Health, healthy, progressing, unknownHealth } from './health.ts';
import { shortMessage, textAt } from './live-fields.ts';

/** Source: Argo CD's rule. */
export function persistentVolumeClaimHealth(live: LiveObject): Health {
  const phase = textAt(live, 'status', 'phase');
  switch (phase) {
    case 'Bound':
      return healthy;
    case 'Pending': {
      // WaitForFirstConsumer stands on the StorageClass, not here; until a pod uses the claim, such a claim stays Pending.
      const storageClass = shortMessage(textAt(live, 'spec', 'storageClassName'));
      return progressing(`the claim is not bound to a volume yet${storageClass === '' ? '' : ` (StorageClass ${storageClass})`}`);
    }
    case 'Lost':
      return degraded(`the claim lost its volume ${shortMessage(textAt(live, 'spec', 'volumeName'))}`.trimEnd());
    default:
      return unknownHealth(phase === '' ? 'the claim has no phase' : `the claim's phase is ${shortMessage(phase)}`);
  }
}
