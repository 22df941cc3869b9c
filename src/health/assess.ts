import { at } from '../model/json.ts';
import { type GroupKind, groupKindText, groupOf, type LiveObject } from '../model/manifest.ts';
import { apiServiceHealth } from './api-service.ts';
import { cronJobHealth } from './cron-job.ts';
import { customResourceDefinitionHealth } from './custom-resource-definition.ts';
import { daemonSetHealth } from './daemon-set.ts';
import { deploymentHealth } from './deployment.ts';
import { type Health, progressing } from './health.ts';
import { horizontalPodAutoscalerHealth } from './horizontal-pod-autoscaler.ts';
import { ingressHealth } from './ingress.ts';
import { jobHealth } from './job.ts';
import { listAt, shortMessage, textAt } from './live-fields.ts';
import { namespaceHealth } from './namespace.ts';
import { persistentVolumeClaimHealth } from './persistent-volume-claim.ts';
import { podHealth } from './pod.ts';
import { podDisruptionBudgetHealth } from './pod-disruption-budget.ts';
import { replicaSetHealth } from './replica-set.ts';
import { serviceHealth } from './service.ts';
import { statefulSetHealth } from './stateful-set.ts';
import { workflowHealth } from './workflow.ts';

type Rule = (live: LiveObject, now?: Date) => Health;

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['Deployment.apps', deploymentHealth],
  ['StatefulSet.apps', statefulSetHealth],
  ['DaemonSet.apps', daemonSetHealth],
  ['ReplicaSet.apps', replicaSetHealth],
  ['Pod', podHealth],
  ['Job.batch', jobHealth],
  ['CronJob.batch', cronJobHealth],
  ['Service', serviceHealth],
  ['Ingress.networking.k8s.io', ingressHealth],
  ['Ingress.extensions', ingressHealth],
  ['PersistentVolumeClaim', persistentVolumeClaimHealth],
  ['CustomResourceDefinition.apiextensions.k8s.io', customResourceDefinitionHealth],
  ['APIService.apiregistration.k8s.io', apiServiceHealth],
  ['HorizontalPodAutoscaler.autoscaling', horizontalPodAutoscalerHealth],
  ['PodDisruptionBudget.policy', podDisruptionBudgetHealth],
  ['Workflow.argoproj.io', workflowHealth],
  ['Namespace', namespaceHealth],
]);

/** Whether an object of this kind has to be read to be judged; all others are healthy once applied. */
export const hasHealthRule = ({ group, kind }: GroupKind): boolean => rules.has(groupKindText({ group, kind }));

/**
 * Judges one object by its own status.
 * Input: without `now`, what is only wrong when it lasts counts as wrong from its first second.
 * Output: undefined when its kind has no rule and it is not being deleted: such an object is healthy once applied.
 * Never throws, whatever the status holds.
 */
export function objectHealth(live: LiveObject, now?: Date): Health | undefined {
  if (textAt(live, 'metadata', 'deletionTimestamp') !== '') return beingDeleted(live);
  const kind = at(live, 'kind');
  if (typeof kind !== 'string') return undefined;
  return rules.get(groupKindText({ group: groupOf(textAt(live, 'apiVersion')), kind }))?.(live, now);
}

function beingDeleted(live: LiveObject): Health {
  const finalizers = listAt(live, 'metadata', 'finalizers').filter((finalizer) => typeof finalizer === 'string');
  if (finalizers.length === 0) return progressing('being deleted');
  return progressing(`being deleted, held by the ${finalizers.length === 1 ? 'finalizer' : 'finalizers'} ${shortMessage(finalizers.join(', '))}`);
}
