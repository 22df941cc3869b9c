import { at } from '../model/json.ts';
import type { LiveObject } from '../model/manifest.ts';
import { degraded, type Health, progressing } from './health.ts';
import { listAt, shortMessage, textAt } from './live-fields.ts';

/** Source: Argo CD's rule. Suspended is Healthy there too: a schedule that is switched off on purpose is not a paused rollout. */
export function cronJobHealth(live: LiveObject): Health {
  if (at(live, 'spec', 'suspend') === true) return healthyBecause('the CronJob is suspended');
  const status = at(live, 'status');
  if (status === undefined || status === null) return progressing('the controller has not looked at the CronJob yet');

  const scheduled = textAt(live, 'status', 'lastScheduleTime');
  const succeeded = textAt(live, 'status', 'lastSuccessfulTime');
  if (scheduled === '') return healthyBecause('the CronJob has not been due yet');
  if (succeeded === '') return healthyBecause('no run of the CronJob has succeeded yet');
  if (listAt(live, 'status', 'active').length > 0) return healthyBecause('a run of the CronJob is under way');
  // The API server writes both in one form, UTC and whole seconds, so that their order as texts is their order in time.
  if (succeeded < scheduled) return degraded(`the run of ${shortMessage(scheduled)} has not succeeded; the last that did was ${shortMessage(succeeded)}`);
  return healthyBecause('the last run of the CronJob succeeded');
}

const healthyBecause = (message: string): Health => ({ health: 'Healthy', message });
