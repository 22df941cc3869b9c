import type { LiveObject } from '../model/manifest.ts';
import { type Health, healthy, progressing } from './health.ts';
import { listAt, shortMessage, textAt } from './live-fields.ts';

const classAnnotation = 'kubernetes.io/ingress.class';

/** Source: Argo CD's rule. That a controller never publishes an address cannot be told from one that has not come to it yet. */
export function ingressHealth(live: LiveObject): Health {
  if (listAt(live, 'status', 'loadBalancer', 'ingress').length > 0) return healthy;
  const ingressClass = shortMessage(textAt(live, 'spec', 'ingressClassName') || textAt(live, 'metadata', 'annotations', classAnnotation));
  return progressing(`no ingress controller has published an address (${ingressClass === '' ? 'no IngressClass is named' : `IngressClass ${ingressClass}`})`);
}
