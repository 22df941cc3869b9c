import { at, isJsonObject } from '../model/json.ts';
import type { LiveObject } from '../model/manifest.ts';
import { type Health, healthy, progressing } from './health.ts';
import { countAt, optionalCountAt, plural, textAt } from './live-fields.ts';
import { specNotObserved, waitsToBeObserved } from './observed-generation.ts';

/** Source: Argo CD's rule. */
export function statefulSetHealth(live: LiveObject): Health {
  if (countAt(live, 'status', 'observedGeneration') === 0 || specNotObserved(live)) return waitsToBeObserved(live);

  const wanted = optionalCountAt(live, 'spec', 'replicas') ?? 1;
  const ready = countAt(live, 'status', 'readyReplicas');
  if (ready < wanted) return progressing(`${ready} of ${plural(wanted, 'replica')} ready`);

  const strategy = at(live, 'spec', 'updateStrategy');
  if (at(strategy, 'type') === 'OnDelete') return healthy;

  const updated = countAt(live, 'status', 'updatedReplicas');
  if (at(strategy, 'type') === 'RollingUpdate' && isJsonObject(at(strategy, 'rollingUpdate'))) {
    // The API server always writes a partition, 0 by default: this is the branch of nearly every StatefulSet.
    const partition = countAt(strategy, 'rollingUpdate', 'partition');
    const toUpdate = wanted - partition;
    if (updated >= toUpdate) return healthy;
    return progressing(`${updated} of ${plural(toUpdate, 'replica')} updated${partition === 0 ? '' : `, counted from partition ${partition}`}`);
  }

  const updateRevision = textAt(live, 'status', 'updateRevision');
  if (updateRevision !== textAt(live, 'status', 'currentRevision')) {
    return progressing(`${updated} of ${plural(wanted, 'replica')} updated to revision ${updateRevision}`);
  }
  return healthy;
}
