import { at, isJsonObject } from '../model/json.ts';
import { type GroupKind, groupKindText, groupOf, type LiveObject } from '../model/manifest.ts';
import { conditionOf, countAt, listAt, shortMessage, textAt, timeMsAt, trueCondition } from './live-fields.ts';
import { endText } from './pod.ts';

/**
 * Why a container waits, in the kubelet's words; or `Crashed`, our word for one that does not wait between two crashes and is not ready.
 * `lastEnd` is how its last run ended: `OOMKilled, exit code 137`.
 */
export type ContainerReason = {
  readonly container: string;
  readonly reason: string;
  readonly message: string;
  readonly restartCount: number;
  readonly lastEnd: string;
};

/** What is kept of a pod: names, owner and reasons; never its spec, and so never its environment. */
export type PodFacts = {
  readonly name: string;
  /** The controller of the pod: a ReplicaSet, StatefulSet, DaemonSet or Job. */
  readonly ownerUid: string | undefined;
  readonly ownerName: string | undefined;
  readonly createdAtMs: number;
  readonly podTemplateHash: string | undefined;
  readonly controllerRevisionHash: string | undefined;
  readonly podTemplateGeneration: string | undefined;
  readonly phase: string;
  readonly ready: boolean;
  readonly deleting: boolean;
  /** Containers that wait or crashed, init containers first. */
  readonly reasons: readonly ContainerReason[];
  /** Since when the scheduler finds no node, and why. */
  readonly unschedulable: { readonly sinceMs: number; readonly message: string } | undefined;
};

const workloads: ReadonlySet<string> = new Set(['Deployment.apps', 'StatefulSet.apps', 'DaemonSet.apps', 'ReplicaSet.apps', 'Job.batch']);

/** Whether pods tell more about an object of this kind than its own status does. */
export const watchesPods = ({ group, kind }: GroupKind): boolean => workloads.has(groupKindText({ group, kind }));

/** Input: a pod as the API server returned it; a hostile status gives fewer facts and never throws. Messages are one line of at most 300 characters. */
export function podFacts(pod: LiveObject): PodFacts {
  const owner = listAt(pod, 'metadata', 'ownerReferences').find((reference) => at(reference, 'controller') === true);
  const createdAtMs = timeMsAt(pod, 'metadata', 'creationTimestamp') ?? 0;
  return {
    name: textAt(pod, 'metadata', 'name'),
    ownerUid: optionalText(owner, 'uid'),
    ownerName: optionalText(owner, 'name'),
    createdAtMs,
    podTemplateHash: optionalText(pod, 'metadata', 'labels', 'pod-template-hash'),
    controllerRevisionHash: optionalText(pod, 'metadata', 'labels', 'controller-revision-hash'),
    podTemplateGeneration: optionalText(pod, 'metadata', 'labels', 'pod-template-generation'),
    phase: shortMessage(textAt(pod, 'status', 'phase')),
    ready: trueCondition(pod, 'Ready') !== undefined,
    deleting: textAt(pod, 'metadata', 'deletionTimestamp') !== '',
    reasons: [...listAt(pod, 'status', 'initContainerStatuses'), ...listAt(pod, 'status', 'containerStatuses')].flatMap(containerReason),
    unschedulable: unschedulableSince(pod, createdAtMs),
  };
}

function containerReason(container: unknown): ContainerReason[] {
  const waitsFor = shortMessage(textAt(container, 'state', 'waiting', 'reason'));
  const lastRun = at(container, 'state', 'terminated') ?? at(container, 'lastState', 'terminated');
  const reason = waitsFor === '' && at(container, 'ready') !== true && crashed(lastRun) ? 'Crashed' : waitsFor;
  if (reason === '') return [];
  return [
    {
      container: shortMessage(textAt(container, 'name')),
      reason,
      message: shortMessage(textAt(container, 'state', 'waiting', 'message')),
      restartCount: countAt(container, 'restartCount'),
      lastEnd: endText(lastRun),
    },
  ];
}

/** After a run of ten minutes the kubelet forgets earlier crashes: the back-off starts anew, and so does our count. */
const crashLoopForgottenAfterMs = 600_000;

function crashed(run: unknown): boolean {
  const startedAtMs = timeMsAt(run, 'startedAt');
  const finishedAtMs = timeMsAt(run, 'finishedAt');
  if (startedAtMs === undefined || finishedAtMs === undefined) return false;
  return countAt(run, 'exitCode') !== 0 && finishedAtMs - startedAtMs < crashLoopForgottenAfterMs;
}

function unschedulableSince(pod: LiveObject, createdAtMs: number): PodFacts['unschedulable'] {
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined;
  return { sinceMs: scheduled.lastTransitionMs ?? createdAtMs, message: scheduled.message };
}

/**
 * The workload's own pod selector as the text of a label query, not yet URL-encoded: `app=web,tier in (a,b),!legacy`.
 * Output: undefined for a kind without pods, and for a selector that is empty or not understood: never a wider one.
 */
export function podSelectorOf(workload: LiveObject): string | undefined {
  if (!watchesPods({ group: groupOf(textAt(workload, 'apiVersion')), kind: textAt(workload, 'kind') })) return undefined;
  const selector = at(workload, 'spec', 'selector');
  const labels = at(selector, 'matchLabels');
  const requirements = [
    ...Object.entries(isJsonObject(labels) ? labels : {}).map(([key, value]) => equalsText(key, value)),
    ...listAt(selector, 'matchExpressions').map(expressionText),
  ];
  if (requirements.length === 0 || requirements.includes(undefined)) return undefined;
  return requirements.toSorted().join(',');
}

function equalsText(key: string, value: unknown): string | undefined {
  return isLabelText(key) && key !== '' && isLabelText(value) ? `${key}=${value}` : undefined;
}

function expressionText(expression: unknown): string | undefined {
  const key = textAt(expression, 'key');
  const values = listAt(expression, 'values');
  if (key === '' || !isLabelText(key) || !values.every(isLabelText)) return undefined;
  switch (at(expression, 'operator')) {
    case 'In':
      return values.length === 0 ? undefined : `${key} in (${values.toSorted().join(',')})`;
    case 'NotIn':
      return values.length === 0 ? undefined : `${key} notin (${values.toSorted().join(',')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    default:
      return undefined;
  }
}

/** The characters of label keys and values; anything else could change the meaning of the query. */
const isLabelText = (value: unknown): value is string => typeof value === 'string' && /^[A-Za-z0-9._/-]*$/.test(value);

function optionalText(object: unknown, ...path: readonly string[]): string | undefined {
  return textAt(object, ...path) || undefined;
}
