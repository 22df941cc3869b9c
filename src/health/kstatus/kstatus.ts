import { isJsonObject } from '../../model/json.ts';
import { groupKindText, groupOf, type LiveObject } from '../../model/manifest.ts';
import { textAt } from '../live-fields.ts';
import { customResourceDefinitionKstatus } from './custom-resource-definition.ts';
import { daemonSetKstatus } from './daemon-set.ts';
import { deploymentKstatus } from './deployment.ts';
import type { Condition } from './fields.ts';
import { genericVerdict, readyVerdict } from './generic.ts';
import { jobKstatus } from './job.ts';
import { persistentVolumeClaimKstatus } from './persistent-volume-claim.ts';
import { podKstatus } from './pod.ts';
import { replicaSetKstatus } from './replica-set.ts';
import { serviceKstatus } from './service.ts';
import { statefulSetKstatus } from './stateful-set.ts';
import { current, type Kstatus, unknown } from './verdict.ts';

export type { Kstatus, KstatusWord } from './verdict.ts';

type Rule = (live: LiveObject, conditions: readonly Condition[], now: Date) => Kstatus;

const alwaysReady: Rule = () => current('an object of this kind is always ready');

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['Deployment.apps', deploymentKstatus],
  ['Deployment.extensions', deploymentKstatus],
  ['StatefulSet.apps', statefulSetKstatus],
  ['DaemonSet.apps', daemonSetKstatus],
  ['DaemonSet.extensions', daemonSetKstatus],
  ['ReplicaSet.apps', replicaSetKstatus],
  ['ReplicaSet.extensions', replicaSetKstatus],
  ['Pod', podKstatus],
  ['Job.batch', jobKstatus],
  ['CronJob.batch', alwaysReady],
  ['Service', serviceKstatus],
  ['PersistentVolumeClaim', persistentVolumeClaimKstatus],
  ['ConfigMap', alwaysReady],
  ['Secret', alwaysReady],
  ['PodDisruptionBudget.policy', () => current('the allowed disruptions are computed')],
  ['CustomResourceDefinition.apiextensions.k8s.io', customResourceDefinitionKstatus],
]);

/**
 * The exact verdict of kstatus on one object as it was read. It stands beside `health` and gates nothing.
 * Output: Unknown where kstatus gives an error. Never throws. `message` is in our own words.
 * Source: sigs.k8s.io/cli-utils, pkg/kstatus/status (Compute, without the reader's view of pods).
 */
export function kstatusOf(live: LiveObject, now: Date): Kstatus {
  if (!isJsonObject(live)) return unknown('not an object');
  const generic = genericVerdict(live);
  if ('verdict' in generic) return generic.verdict;
  const rule = rules.get(groupKindText({ group: groupOf(textAt(live, 'apiVersion')), kind: textAt(live, 'kind') }));
  return rule === undefined ? readyVerdict(generic.conditions) : rule(live, generic.conditions, now);
}
