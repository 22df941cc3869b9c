import { describe } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { judges, live } from './objects.ts';

const cronJob = (status: JsonObject | undefined, spec: JsonObject = {}) =>
  live('batch/v1', 'CronJob', { spec: { schedule: '0 2 * * *', suspend: false, ...spec }, ...(status === undefined ? {} : { status }) });
const job = { apiVersion: 'batch/v1', kind: 'Job', name: 'report-29391' };
const monday = '2026-05-04T02:00:00Z';
const tuesday = '2026-05-05T02:00:00Z';

describe('a CronJob', () => {
  judges([
    ['is suspended is Healthy', cronJob({ lastScheduleTime: tuesday, lastSuccessfulTime: monday }, { suspend: true }), 'Healthy', 'the CronJob is suspended'],
    ['nobody has looked at is Progressing', cronJob(undefined), 'Progressing', 'the controller has not looked at the CronJob yet'],
    ['has not been due is Healthy', cronJob({}), 'Healthy', 'the CronJob has not been due yet'],
    ['runs for the first time is Healthy', cronJob({ lastScheduleTime: monday, active: [job] }), 'Healthy', 'no run of the CronJob has succeeded yet'],
    [
      'never succeeded is Healthy, as the first run may just be late',
      cronJob({ lastScheduleTime: monday }),
      'Healthy',
      'no run of the CronJob has succeeded yet',
    ],
    [
      'runs after a run that failed is Healthy',
      cronJob({ lastScheduleTime: tuesday, lastSuccessfulTime: '2026-05-04T02:03:12Z', active: [job] }),
      'Healthy',
      'a run of the CronJob is under way',
    ],
    [
      'failed in its last run is Degraded',
      cronJob({ lastScheduleTime: tuesday, lastSuccessfulTime: '2026-05-04T02:03:12Z' }),
      'Degraded',
      'the run of 2026-05-05T02:00:00Z has not succeeded; the last that did was 2026-05-04T02:03:12Z',
    ],
    [
      'succeeded in its last run is Healthy',
      cronJob({ lastScheduleTime: tuesday, lastSuccessfulTime: '2026-05-05T02:00:09Z' }),
      'Healthy',
      'the last run of the CronJob succeeded',
    ],
  ]);
});
