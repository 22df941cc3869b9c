import type { LiveObject } from '../model/manifest.ts';
import { type Health, healthy, progressing } from './health.ts';
import { textAt } from './live-fields.ts';

/** Argo CD has no rule: a Namespace that is there is healthy, unless it is on its way out. */
export const namespaceHealth = (live: LiveObject): Health => (textAt(live, 'status', 'phase') === 'Terminating' ? progressing('being deleted') : healthy);
