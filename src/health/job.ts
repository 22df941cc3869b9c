import type { LiveObject } from '../model/manifest.ts';
import { degraded, type Health, healthy, progressing, suspended } from './health.ts';
import { countAt, optionalCountAt, trueCondition, withReason } from './live-fields.ts';

/** Source: Argo CD's rule, with every condition counting only while it is True: a resumed Job keeps Suspended=False. */
export function jobHealth(live: LiveObject): Health {
  const failed = trueCondition(live, 'Failed');
  if (failed) return degraded(withReason(`the Job failed${failed.reason === '' ? '' : ` (${failed.reason})`}`, { reason: '', message: failed.message }));
  if (trueCondition(live, 'Suspended')) return suspended('the Job is suspended');
  if (trueCondition(live, 'Complete')) return healthy;

  const counts = `${countAt(live, 'status', 'active')} active, ${countAt(live, 'status', 'failed')} failed`;
  const completions = optionalCountAt(live, 'spec', 'completions');
  const succeeded = countAt(live, 'status', 'succeeded');
  return progressing(`${completions === undefined ? succeeded : `${succeeded} of ${completions}`} pods of the Job succeeded, ${counts}`);
}
