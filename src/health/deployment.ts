import { at } from '../model/json.ts';
import type { LiveObject } from '../model/manifest.ts';
import { degraded, type Health, healthy, progressing, suspended } from './health.ts';
import { conditionOf, countAt, optionalCountAt, plural, withReason } from './live-fields.ts';
import { specNotObserved, waitsToBeObserved } from './observed-generation.ts';

/** Source: Argo CD's rule. */
export function deploymentHealth(live: LiveObject): Health {
  if (at(live, 'spec', 'paused') === true) return suspended('the Deployment is paused');
  if (specNotObserved(live)) return waitsToBeObserved(live);

  const progress = conditionOf(live, 'Progressing');
  if (progress?.reason === 'ProgressDeadlineExceeded') {
    const deadlineSeconds = optionalCountAt(live, 'spec', 'progressDeadlineSeconds');
    const deadline = deadlineSeconds === undefined ? 'its progress deadline' : `its progress deadline of ${deadlineSeconds} s`;
    return degraded(withReason(`the rollout exceeded ${deadline}`, progress));
  }

  const wanted = optionalCountAt(live, 'spec', 'replicas') ?? 1;
  const updated = countAt(live, 'status', 'updatedReplicas');
  if (updated < wanted) return progressing(`${updated} of ${plural(wanted, 'replica')} updated`);

  const old = countAt(live, 'status', 'replicas') - updated;
  if (old > 0) return progressing(`${plural(old, 'old replica')} still to be terminated`);

  const available = countAt(live, 'status', 'availableReplicas');
  if (available < updated) return progressing(`${available} of ${plural(updated, 'updated replica')} available`);
  return healthy;
}
