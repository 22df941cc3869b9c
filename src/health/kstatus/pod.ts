import { isJsonObject } from '../../model/json.ts';
import type { LiveObject } from '../../model/manifest.ts';
import { shortMessage, timeMsAt } from '../live-fields.ts';
import { type Condition, fieldAt, hasCondition, textOr } from './fields.ts';
import { current, failed, inProgress, type Kstatus, unknown } from './verdict.ts';

const unschedulableAfterMs = 15_000;

/** Source: kstatus. A pod that ended, well or badly, is Current: nothing more will happen to it. */
export function podKstatus(live: LiveObject, conditions: readonly Condition[], now: Date): Kstatus {
  const phase = textOr(live, ['status', 'phase'], '');
  switch (phase) {
    case 'Succeeded':
      return current('the pod ended well');
    case 'Failed':
      return current('the pod ended, but not well');
    case 'Running':
      return hasCondition(conditions, 'Ready', 'True') ? current('the pod is ready') : notReadyKstatus(live);
    case 'Pending':
      return pendingKstatus(live, conditions, now);
    case '':
      return inProgress('the pod has no phase yet');
    default:
      return unknown(`the pod's phase is ${shortMessage(phase)}`);
  }
}

function notReadyKstatus(live: LiveObject): Kstatus {
  const looping = crashLoopingContainers(live);
  if (looping === undefined) return unknown('status.containerStatuses is not a list of containers');
  if (looping.length > 0) return failed(`containers in a crash loop: ${shortMessage(looping.join(', '))}`);
  return inProgress('the pod runs and is not ready');
}

function pendingKstatus(live: LiveObject, conditions: readonly Condition[], now: Date): Kstatus {
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled?.reason !== 'Unschedulable') return inProgress('the pod is pending');
  const createdAtMs = timeMsAt(live, 'metadata', 'creationTimestamp');
  if (createdAtMs !== undefined && now.getTime() - createdAtMs < unschedulableAfterMs) return inProgress('the pod is not scheduled yet');
  return failed('no node takes the pod');
}

/** Names of the containers that wait in CrashLoopBackOff; init containers do not count. Output: undefined when the list has another form. */
function crashLoopingContainers(live: LiveObject): readonly string[] | undefined {
  const field = fieldAt(live, 'status', 'containerStatuses');
  if (field === 'missing') return [];
  if (field === 'refused' || !Array.isArray(field.found)) return undefined;

  const names: string[] = [];
  for (const container of field.found as readonly unknown[]) {
    if (!isJsonObject(container)) return undefined;
    const reason = fieldAt(container, 'state', 'waiting', 'reason');
    if (container.name === undefined || reason === 'missing') continue;
    if (typeof container.name !== 'string' || reason === 'refused' || typeof reason.found !== 'string') return undefined;
    if (reason.found === 'CrashLoopBackOff') names.push(container.name);
  }
  return names;
}
