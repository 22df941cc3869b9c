import type { LiveObject } from '../../model/manifest.ts';
import { type Condition, numberAt, textOr } from './fields.ts';
import { current, failed, inProgress, type Kstatus } from './verdict.ts';

/** Source: kstatus. A Job that merely started is Current. */
export function jobKstatus(live: LiveObject, conditions: readonly Condition[]): Kstatus {
  const succeeded = numberAt(live, ['status', 'succeeded'], 0);
  const failures = numberAt(live, ['status', 'failed'], 0);
  const completions = numberAt(live, ['spec', 'completions'], numberAt(live, ['spec', 'parallelism'], 1));

  const decisive = conditions.find(({ type, status }) => status === 'True' && ['Complete', 'Failed', 'Suspended'].includes(type));
  switch (decisive?.type) {
    case 'Complete':
      return current(`the Job is complete, ${succeeded} of ${completions} pods succeeded`);
    case 'Failed':
      return failed(`the Job failed, ${failures} of ${completions} pods failed`);
    case 'Suspended':
      return current('the Job is suspended');
    default:
      break;
  }
  if (textOr(live, ['status', 'startTime'], '') === '') return inProgress('the Job has not started');
  return current(`the Job runs: ${succeeded} succeeded, ${numberAt(live, ['status', 'active'], 0)} active, ${failures} failed`);
}
