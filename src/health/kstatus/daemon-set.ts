import type { LiveObject } from '../../model/manifest.ts';
import { fieldAt, numberAt } from './fields.ts';
import { current, inProgress, type Kstatus } from './verdict.ts';

/** Source: kstatus. Here a missing generation means that the controller has not run yet. */
export function daemonSetKstatus(live: LiveObject): Kstatus {
  if (fieldAt(live, 'metadata', 'generation') === 'missing') return inProgress('the DaemonSet has no generation yet');
  if (fieldAt(live, 'status', 'observedGeneration') === 'missing') return inProgress('the controller has not observed the DaemonSet yet');

  const desired = numberAt(live, ['status', 'desiredNumberScheduled'], undefined);
  if (desired === undefined || desired === -1) return inProgress('the controller has not counted the nodes yet');

  const counted = [
    ['scheduled', 'currentNumberScheduled'],
    ['updated', 'updatedNumberScheduled'],
    ['available', 'numberAvailable'],
    ['ready', 'numberReady'],
  ] as const;
  for (const [word, field] of counted) {
    const count = numberAt(live, ['status', field], 0);
    if (desired > count) return inProgress(`${count} of ${desired} pods ${word}`);
  }
  return current(`all ${desired} pods are as they should be`);
}
