import type { LiveObject } from '../model/manifest.ts';
import { type Health, healthy, progressing } from './health.ts';
import { listAt, textAt } from './live-fields.ts';

/** Source: Argo CD's rule. */
export function serviceHealth(live: LiveObject): Health {
  const waitsForAddress = textAt(live, 'spec', 'type') === 'LoadBalancer' && listAt(live, 'status', 'loadBalancer', 'ingress').length === 0;
  return waitsForAddress ? progressing('the load balancer has no address yet') : healthy;
}
