import { at } from '../model/json.ts';
import { groupKindText, groupOf, type LiveObject } from '../model/manifest.ts';
import { degraded, type Health } from './health.ts';
import { textAt, timeMsAt, trueCondition } from './live-fields.ts';
import { newestReplicaSet, ownReplicaSets, podsOfNewestRevision, type ReplicaSetMetadata } from './newest-revision.ts';
import { specNotObserved } from './observed-generation.ts';
import { type ContainerReason, type PodFacts, watchesPods } from './pods.ts';

/**
 * `health` is Degraded when the pods prove that the workload cannot become healthy, undefined when they prove nothing.
 * `lookAgainInMs` says when the same facts will mean more, without any event.
 */
export type FailFast = { readonly health: Health | undefined; readonly lookAgainInMs: number | undefined };

const unschedulableAfterMs = 60_000;
const crashLoopFromRestart = 3;

const startErrors: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'RegistryUnavailable',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

const nothing: FailFast = { health: undefined, lookAgainInMs: undefined };
const failed = (message: string): FailFast => ({ health: degraded(message), lookAgainInMs: undefined });

/**
 * Fails a workload for what its newest pods say, minutes before its own status would.
 * Input: the workload; facts of the pods in its namespace that match its selector; metadata of the namespace's ReplicaSets (needed for a Deployment only).
 * Pods that are ready, finished, being deleted, or of another revision than the newest never matter; neither do any before the controller has seen the spec.
 * A StatefulSet or DaemonSet whose pods cannot be created says so in events only, which are not read here.
 */
export function failFast(workload: LiveObject, pods: readonly PodFacts[], replicaSets: readonly ReplicaSetMetadata[], now: Date): FailFast {
  if (!rollsOut(workload)) return nothing;

  const candidates = podsOfNewestRevision(workload, pods, replicaSets)
    .filter((pod) => !pod.ready && !pod.deleting && pod.phase !== 'Succeeded' && pod.phase !== 'Failed')
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

  const startFailure = firstReason(candidates, ({ reason }) => startErrors.has(reason));
  if (startFailure !== undefined) return failed(startFailure);

  // How often a Job's container may crash is for the Job's own backoffLimit to say.
  const crashLoop = workload.kind === 'Job' ? undefined : firstReason(candidates, crashesAgainAndAgain);
  if (crashLoop !== undefined) return failed(crashLoop);

  const createFailure = createFailureOf(workload, replicaSets);
  if (createFailure !== undefined) return failed(createFailure);

  return unschedulable(candidates, now);
}

function rollsOut(workload: LiveObject): boolean {
  const groupKind = { group: groupOf(textAt(workload, 'apiVersion')), kind: textAt(workload, 'kind') };
  if (!watchesPods(groupKind) || textAt(workload, 'metadata', 'deletionTimestamp') !== '') return false;
  if (groupKindText(groupKind) === 'Job.batch') {
    return at(workload, 'spec', 'suspend') !== true && !['Complete', 'Failed', 'Suspended'].some((type) => trueCondition(workload, type));
  }
  return at(workload, 'spec', 'paused') !== true && !specNotObserved(workload);
}

/**
 * A container that runs between two crashes is judged as it was while it waited, one restart ago, until it becomes ready;
 * else every restart would turn Degraded into Progressing and back.
 */
function crashesAgainAndAgain({ reason, restartCount }: ContainerReason): boolean {
  return (reason === 'CrashLoopBackOff' && restartCount >= crashLoopFromRestart) || (reason === 'Crashed' && restartCount > crashLoopFromRestart);
}

function firstReason(pods: readonly PodFacts[], proves: (reason: ContainerReason) => boolean): string | undefined {
  for (const pod of pods) {
    const reason = pod.reasons.find(proves);
    if (reason !== undefined) return `pod ${pod.name}: container ${reason.container}: ${reasonText(reason)}`;
  }
  return undefined;
}

function reasonText({ reason, message, restartCount, lastEnd }: ContainerReason): string {
  if (reason !== 'CrashLoopBackOff' && reason !== 'Crashed') return message === '' ? reason : `${reason}: ${message}`;
  // The kubelet's message names the back-off, not the cause.
  return `${reason}: ${restartCount} restarts${lastEnd === '' ? '' : `, the last run ended with ${lastEnd}`}`;
}

function createFailureOf(workload: LiveObject, replicaSets: readonly ReplicaSetMetadata[]): string | undefined {
  const failure = trueCondition(workload, 'ReplicaFailure');
  if (failure?.reason !== 'FailedCreate') return undefined;
  if (workload.kind === 'Deployment' && !isOfNewestReplicaSet(workload, failure, replicaSets)) return undefined;
  return `a pod cannot be created: FailedCreate${failure.message === '' ? '' : `: ${failure.message}`}`;
}

/**
 * A Deployment mirrors the failure of an old ReplicaSet when its newest has none (getReplicaFailures in the Deployment controller).
 * Such a failure is older than the newest ReplicaSet, or its message names a pod of the old one.
 */
function isOfNewestReplicaSet(
  deployment: LiveObject,
  failure: { readonly message: string; readonly lastTransitionMs: number | undefined },
  replicaSets: readonly ReplicaSetMetadata[],
): boolean {
  const newest = newestReplicaSet(deployment, replicaSets);
  if (newest === undefined) return false;
  const createdAtMs = timeMsAt(newest, 'creationTimestamp');
  if (createdAtMs !== undefined && failure.lastTransitionMs !== undefined && failure.lastTransitionMs < createdAtMs) return false;
  return !ownReplicaSets(deployment, replicaSets).some((other) => other.uid !== newest.uid && failure.message.includes(`"${other.name}-`));
}

function unschedulable(pods: readonly PodFacts[], now: Date): FailFast {
  const waiting = pods.flatMap(({ name, unschedulable: since }) =>
    since === undefined ? [] : [{ name, message: since.message, forMs: Math.max(0, now.getTime() - since.sinceMs) }],
  );
  const overdue = waiting.find(({ forMs }) => forMs >= unschedulableAfterMs);
  if (overdue !== undefined) {
    const message = overdue.message === '' ? '' : `: ${overdue.message}`;
    return failed(`pod ${overdue.name}: Unschedulable for more than ${unschedulableAfterMs / 1000} s${message}`);
  }
  if (waiting.length === 0) return nothing;
  return { health: undefined, lookAgainInMs: unschedulableAfterMs - Math.max(...waiting.map(({ forMs }) => forMs)) };
}
