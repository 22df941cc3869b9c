import type { LiveObject } from '../model/manifest.ts';
import { type Health, healthy, progressing } from './health.ts';
import { conditionOf, withReason } from './live-fields.ts';

/** Source: Argo CD's rule. An API that is not available is Progressing and never Degraded: its server may still be starting. */
export function apiServiceHealth(live: LiveObject): Health {
  const available = conditionOf(live, 'Available');
  if (available === undefined) return progressing('the API waits to be looked at');
  return available.status === 'True' ? healthy : progressing(withReason('the API is not available', available));
}
