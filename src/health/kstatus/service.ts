import type { LiveObject } from '../../model/manifest.ts';
import { textOr } from './fields.ts';
import { current, inProgress, type Kstatus } from './verdict.ts';

/** Source: kstatus. It waits for the cluster IP of a LoadBalancer, and not for the load balancer. */
export function serviceKstatus(live: LiveObject): Kstatus {
  const waits = textOr(live, ['spec', 'type'], 'ClusterIP') === 'LoadBalancer' && textOr(live, ['spec', 'clusterIP'], '') === '';
  return waits ? inProgress('the LoadBalancer has no cluster IP') : current('the Service is ready');
}
