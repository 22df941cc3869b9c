import { describe } from 'vitest';
import type { JsonObject } from '../../../src/model/json.ts';
import { condition, containers, live, waiting } from '../objects.ts';
import { judges } from './cases.ts';

const pod = (status: JsonObject, creationTimestamp = '2026-05-04T10:00:00Z') => live('v1', 'Pod', { metadata: { creationTimestamp }, status });
const unschedulable = { phase: 'Pending', conditions: [condition('PodScheduled', 'False', 'Unschedulable')] };

describe('a Pod', () => {
  judges([
    ['has no phase is InProgress', live('v1', 'Pod'), 'InProgress', 'the pod has no phase yet'],
    ['is ready is Current', pod({ phase: 'Running', conditions: [condition('Ready', 'True')] }), 'Current', 'the pod is ready'],
    ['is not ready is InProgress', pod({ phase: 'Running', conditions: [condition('Ready', 'False')] }), 'InProgress', 'the pod runs and is not ready'],
    [
      'crashes in a loop is Failed',
      pod({ phase: 'Running', ...containers(waiting('web', 'CrashLoopBackOff', 'back-off 40s'), waiting('log', 'ContainerCreating', '')) }),
      'Failed',
      'containers in a crash loop: web',
    ],
    [
      'crashes in an init container is InProgress',
      pod({ phase: 'Running', initContainerStatuses: [waiting('migrate', 'CrashLoopBackOff', 'back-off 40s')] }),
      'InProgress',
      'the pod runs and is not ready',
    ],
    [
      'crashes in a loop while it is Pending is InProgress',
      pod({ phase: 'Pending', ...containers(waiting('web', 'CrashLoopBackOff', 'back-off 40s')) }),
      'InProgress',
      'the pod is pending',
    ],
    [
      'cannot pull its image is InProgress',
      pod({ phase: 'Pending', ...containers(waiting('web', 'ImagePullBackOff', 'no')) }),
      'InProgress',
      'the pod is pending',
    ],
    ['found no node for 14 s is InProgress', pod(unschedulable, '2026-05-04T10:09:46Z'), 'InProgress', 'the pod is not scheduled yet'],
    ['found no node for 15 s is Failed', pod(unschedulable, '2026-05-04T10:09:45Z'), 'Failed', 'no node takes the pod'],
    ['found no node since nobody knows when is Failed', pod(unschedulable, ''), 'Failed', 'no node takes the pod'],
    ['ended well is Current', pod({ phase: 'Succeeded', conditions: [condition('Ready', 'False', 'PodCompleted')] }), 'Current', 'the pod ended well'],
    ['ended badly is Current too', pod({ phase: 'Failed' }), 'Current', 'the pod ended, but not well'],
    ['is lost with its node is Unknown', pod({ phase: 'Unknown' }), 'Unknown', "the pod's phase is Unknown"],
    ['has odd containers is Unknown', pod({ phase: 'Running', ...containers(5) }), 'Unknown', 'status.containerStatuses is not a list of containers'],
  ]);
});

const job = (status: JsonObject, spec: JsonObject = { completions: 10, parallelism: 2 }) => live('batch/v1', 'Job', { spec, status });
const startTime = '2026-05-04T10:00:00Z';

describe('a Job', () => {
  judges([
    ['has not started is InProgress', job({}), 'InProgress', 'the Job has not started'],
    [
      'runs is Current',
      job({ startTime, succeeded: 3, active: 2, failed: 1, conditions: [condition('Failed', 'False'), condition('Complete', 'False')] }),
      'Current',
      'the Job runs: 3 succeeded, 2 active, 1 failed',
    ],
    [
      'is complete is Current',
      job({ startTime, succeeded: 1, conditions: [condition('Complete', 'True')] }, {}),
      'Current',
      'the Job is complete, 1 of 1 pods succeeded',
    ],
    [
      'failed is Failed',
      job({ startTime, succeeded: 3, failed: 1, conditions: [condition('FailureTarget', 'True'), condition('Failed', 'True')] }, { parallelism: 4 }),
      'Failed',
      'the Job failed, 1 of 4 pods failed',
    ],
    ['is suspended is Current', job({ conditions: [condition('Suspended', 'True')] }), 'Current', 'the Job is suspended'],
    ['was resumed is what it is', job({ conditions: [condition('Suspended', 'False')] }), 'InProgress', 'the Job has not started'],
  ]);
});
