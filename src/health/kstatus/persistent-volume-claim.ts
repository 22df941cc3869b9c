import type { LiveObject } from '../../model/manifest.ts';
import { shortMessage } from '../live-fields.ts';
import { textOr } from './fields.ts';
import { current, inProgress, type Kstatus } from './verdict.ts';

/** Source: kstatus. A claim that waits for its first pod is InProgress for as long as it waits. */
export function persistentVolumeClaimKstatus(live: LiveObject): Kstatus {
  const phase = textOr(live, ['status', 'phase'], 'unknown');
  return phase === 'Bound' ? current('the claim is bound') : inProgress(`the claim is not bound, its phase is ${shortMessage(phase)}`);
}
