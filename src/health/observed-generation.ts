import { progressing, type Health } from './health.ts';
import { countAt } from './live-fields.ts';

/** The status speaks of an older spec: whatever else it says does not count. A controller that never ran has observed generation 0. */
export const specNotObserved = (live: unknown): boolean => countAt(live, 'metadata', 'generation') > countAt(live, 'status', 'observedGeneration');

export function waitsToBeObserved(live: unknown): Health {
  const generation = countAt(live, 'metadata', 'generation');
  return progressing(`the controller has seen generation ${countAt(live, 'status', 'observedGeneration')}, the object is at ${generation}`);
}
