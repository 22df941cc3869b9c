import { describe } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { condition, judges, live } from './objects.ts';

const budget = (conditions: readonly JsonObject[], generation = 1) =>
  live('policy/v1', 'PodDisruptionBudget', { metadata: { generation }, status: { observedGeneration: 1, conditions } });

describe('a PodDisruptionBudget', () => {
  judges([
    ['has no status is Progressing', live('policy/v1', 'PodDisruptionBudget'), 'Progressing', 'the budget has not been computed yet'],
    ['has no conditions is Progressing', budget([]), 'Progressing', 'the budget has not been computed yet'],
    ['allows a disruption is Healthy', budget([condition('DisruptionAllowed', 'True', 'SufficientPods')]), 'Healthy', ''],
    ['allows none is Healthy: that is what it is for', budget([condition('DisruptionAllowed', 'False', 'InsufficientPods')]), 'Healthy', ''],
    [
      'cannot be computed is Degraded',
      budget([condition('DisruptionAllowed', 'False', 'SyncFailed', 'found no controllers for pod "web-0"')]),
      'Degraded',
      'the budget cannot be computed: found no controllers for pod "web-0"',
    ],
    [
      'was changed just now is Progressing',
      budget([condition('DisruptionAllowed', 'True', 'SufficientPods')], 2),
      'Progressing',
      'the controller has seen generation 1, the object is at 2',
    ],
  ]);
});
