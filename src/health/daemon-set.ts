import { at } from '../model/json.ts';
import type { LiveObject } from '../model/manifest.ts';
import { type Health, healthy, progressing } from './health.ts';
import { countAt, plural } from './live-fields.ts';
import { specNotObserved, waitsToBeObserved } from './observed-generation.ts';

/** Source: Argo CD's rule. */
export function daemonSetHealth(live: LiveObject): Health {
  if (specNotObserved(live)) return waitsToBeObserved(live);
  if (at(live, 'spec', 'updateStrategy', 'type') === 'OnDelete') return healthy;

  const desired = countAt(live, 'status', 'desiredNumberScheduled');
  const updated = countAt(live, 'status', 'updatedNumberScheduled');
  if (updated < desired) return progressing(`${updated} of ${plural(desired, 'pod')} updated`);

  const available = countAt(live, 'status', 'numberAvailable');
  if (available < desired) return progressing(`${available} of ${plural(desired, 'pod')} available`);
  return healthy;
}
