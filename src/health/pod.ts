import { at } from '../model/json.ts';
import type { LiveObject } from '../model/manifest.ts';
import { degraded, type Health, healthy, progressing, unknownHealth } from './health.ts';
import { conditionOf, listAt, optionalCountAt, shortMessage, textAt, trueCondition, withReason } from './live-fields.ts';

const ignoreRestartPolicyAnnotations = ['sluice.dev/ignore-restart-policy', 'argocd.argoproj.io/ignore-restart-policy'];
const hookAnnotations = ['sluice.dev/hook', 'argocd.argoproj.io/hook', 'helm.sh/hook'];

/**
 * Source: Argo CD's rule.
 * A container's termination message is never quoted: the process wrote it, and it may hold anything, a secret too.
 */
export function podHealth(live: LiveObject): Health {
  const runsForever = textAt(live, 'spec', 'restartPolicy') === 'Always' || ignoresRestartPolicy(live);
  const stuck = runsForever ? containersOf(live).find((container) => startFails(waitingReason(container))) : undefined;
  if (stuck !== undefined) return degraded(waitingText(stuck));

  const phase = textAt(live, 'status', 'phase');
  switch (phase) {
    case 'Pending':
      return progressing(pendingText(live));
    case 'Succeeded':
      return healthy;
    case 'Failed':
      return degraded(failureText(live));
    case 'Running':
      return runsForever ? serviceHealthOf(live) : progressing('the pod runs and has not finished');
    default:
      return unknownHealth(phase === '' ? 'the pod has no phase' : `the pod's phase is ${shortMessage(phase)}`);
  }
}

/** A hook has to end, whatever it is annotated with. */
function ignoresRestartPolicy(live: LiveObject): boolean {
  const annotations = at(live, 'metadata', 'annotations');
  const ignored = ignoreRestartPolicyAnnotations.some((annotation) => at(annotations, annotation) === 'true');
  return ignored && !hookAnnotations.some((annotation) => at(annotations, annotation) !== undefined);
}

function serviceHealthOf(live: LiveObject): Health {
  if (trueCondition(live, 'Ready')) return healthy;
  const restarted = containersOf(live).find((container) => isObject(at(container, 'lastState', 'terminated')));
  if (restarted !== undefined) {
    const end = endText(at(restarted, 'lastState', 'terminated'));
    return degraded([`container ${nameOf(restarted)} is not ready after a restart`, end].filter((part) => part !== '').join(': '));
  }
  return progressing(withReason('the pod is not ready', conditionOf(live, 'Ready') ?? { reason: '', message: '' }));
}

function pendingText(live: LiveObject): string {
  const scheduled = conditionOf(live, 'PodScheduled');
  if (scheduled?.status === 'False') return withReason('the pod is not scheduled', scheduled);
  const waiting = [...listAt(live, 'status', 'initContainerStatuses'), ...containersOf(live)].find((container) => waitingReason(container) !== '');
  return waiting === undefined ? 'the pod is pending' : waitingText(waiting);
}

function failureText(live: LiveObject): string {
  const message = shortMessage(textAt(live, 'status', 'message') || textAt(live, 'status', 'reason'));
  if (message !== '') return `the pod failed: ${message}`;
  const failed = [...listAt(live, 'status', 'initContainerStatuses'), ...containersOf(live)].find((container) => {
    const end = at(container, 'state', 'terminated');
    return at(end, 'reason') === 'OOMKilled' || (optionalCountAt(end, 'exitCode') ?? 0) !== 0;
  });
  return failed === undefined ? 'the pod failed' : `container ${nameOf(failed)} failed: ${endText(at(failed, 'state', 'terminated'))}`;
}

/** `OOMKilled, exit code 137`, from a container's `terminated` state. */
export function endText(terminated: unknown): string {
  const exitCode = optionalCountAt(terminated, 'exitCode');
  return [shortMessage(textAt(terminated, 'reason')), exitCode === undefined ? '' : `exit code ${exitCode}`].filter((part) => part !== '').join(', ');
}

const startFails = (reason: string): boolean => reason.startsWith('Err') || reason.endsWith('Error') || reason.endsWith('BackOff');

const containersOf = (live: LiveObject): readonly unknown[] => listAt(live, 'status', 'containerStatuses');
const nameOf = (container: unknown): string => shortMessage(textAt(container, 'name'));
const waitingReason = (container: unknown): string => textAt(container, 'state', 'waiting', 'reason');
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

function waitingText(container: unknown): string {
  const message = shortMessage(textAt(container, 'state', 'waiting', 'message'));
  return [`container ${nameOf(container)}`, shortMessage(waitingReason(container)), message].filter((part) => part !== '').join(': ');
}
