import { type Health, progressing } from './health.ts';
import { countAt, optionalCountAt } from './live-fields.ts';

/** The status speaks of an older spec: whatever else it says does not count. A controller that never ran has observed generation 0. */
export const specNotObserved = (live: unknown): boolean => countAt(live, 'metadata', 'generation') > countAt(live, 'status', 'observedGeneration');

/** The same for kinds whose controllers, or older versions of them, do not write what they observed: only what they did write can be too old. */
export const statusOfOlderSpec = (live: unknown): boolean => optionalCountAt(live, 'status', 'observedGeneration') !== undefined && specNotObserved(live);

export function waitsToBeObserved(live: unknown): Health {
  const generation = countAt(live, 'metadata', 'generation');
  return progressing(`the controller has seen generation ${countAt(live, 'status', 'observedGeneration')}, the object is at ${generation}`);
}
