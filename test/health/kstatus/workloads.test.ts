import { describe } from 'vitest';
import type { JsonObject } from '../../../src/model/json.ts';
import { condition, live } from '../objects.ts';
import { judges } from './cases.ts';

const rolledOut = condition('Progressing', 'True', 'NewReplicaSetAvailable');
const available = condition('Available', 'True', 'MinimumReplicasAvailable');
const counts = { replicas: 3, updatedReplicas: 3, availableReplicas: 3, readyReplicas: 3 };
const deployment = (status: JsonObject, spec: JsonObject = {}, apiVersion = 'apps/v1') =>
  live(apiVersion, 'Deployment', {
    spec: { replicas: 3, progressDeadlineSeconds: 600, ...spec },
    status: { observedGeneration: 1, ...counts, conditions: [rolledOut, available], ...status },
  });

describe('a Deployment', () => {
  judges([
    ['has no status is InProgress', live('apps/v1', 'Deployment'), 'InProgress', '0 of 1 replicas exist'],
    ['has too few replicas is InProgress', deployment({ replicas: 2 }), 'InProgress', '2 of 3 replicas exist'],
    ['updates is InProgress', deployment({ replicas: 4, updatedReplicas: 1 }), 'InProgress', '1 of 3 replicas updated'],
    ['has old replicas is InProgress', deployment({ replicas: 4 }), 'InProgress', '1 replicas still to be terminated'],
    ['waits for availability is InProgress', deployment({ availableReplicas: 1 }), 'InProgress', '1 of 3 replicas available'],
    ['waits for readiness is InProgress', deployment({ readyReplicas: 2 }), 'InProgress', '2 of 3 replicas ready'],
    ['is not said to be rolled out is InProgress', deployment({ conditions: [available] }), 'InProgress', 'the new ReplicaSet is not available'],
    [
      'is said to roll out still is InProgress',
      deployment({ conditions: [condition('Progressing', 'True', 'ReplicaSetUpdated'), available] }),
      'InProgress',
      'the new ReplicaSet is not available',
    ],
    [
      'has no deadline need not say so',
      deployment({ conditions: [available] }, { progressDeadlineSeconds: 2_147_483_647 }),
      'Current',
      'the Deployment is available with 3 replicas',
    ],
    [
      'is not available is InProgress',
      deployment({ conditions: [rolledOut, condition('Available', 'False')] }),
      'InProgress',
      'the Deployment is not available',
    ],
    [
      'exceeded its deadline is Failed, before any count',
      deployment({ replicas: 1, conditions: [available, condition('Progressing', 'False', 'ProgressDeadlineExceeded')] }),
      'Failed',
      'the progress deadline is exceeded',
    ],
    ['is rolled out is Current', deployment({}), 'Current', 'the Deployment is available with 3 replicas'],
    ['is paused is judged like any other', deployment({ updatedReplicas: 1 }, { paused: true }), 'InProgress', '1 of 3 replicas updated'],
    ['is of the extensions group is judged alike', deployment({ updatedReplicas: 1 }, {}, 'extensions/v1beta1'), 'InProgress', '1 of 3 replicas updated'],
  ]);
});

const statefulSet = (status: JsonObject, updateStrategy: JsonObject = { type: 'RollingUpdate' }) =>
  live('apps/v1', 'StatefulSet', {
    spec: { replicas: 4, updateStrategy },
    status: { observedGeneration: 1, replicas: 4, readyReplicas: 4, currentReplicas: 4, currentRevision: 'db-1', updateRevision: 'db-1', ...status },
  });
const partitioned = (partition: number) => ({ type: 'RollingUpdate', rollingUpdate: { partition } });

describe('a StatefulSet', () => {
  judges([
    ['has no status is InProgress', live('apps/v1', 'StatefulSet'), 'InProgress', '0 of 1 replicas exist'],
    ['has too few replicas is InProgress', statefulSet({ replicas: 2 }), 'InProgress', '2 of 4 replicas exist'],
    ['waits for readiness is InProgress', statefulSet({ readyReplicas: 2 }), 'InProgress', '2 of 4 replicas ready'],
    ['has replicas too many is InProgress', statefulSet({ replicas: 8 }), 'InProgress', '4 replicas still to be terminated'],
    ['has replicas of another revision is InProgress', statefulSet({ currentReplicas: 2 }), 'InProgress', '2 of 4 replicas at the current revision'],
    ['has two revisions is InProgress', statefulSet({ updateRevision: 'db-2' }), 'InProgress', 'the current revision is not the update revision yet'],
    [
      'updates from a partition is InProgress',
      statefulSet({ updatedReplicas: 1 }, partitioned(2)),
      'InProgress',
      '1 of 2 replicas updated, counted from partition 2',
    ],
    [
      'is updated from a partition is Current',
      statefulSet({ updatedReplicas: 2, updateRevision: 'db-2' }, partitioned(2)),
      'Current',
      'the rollout from partition 2 is complete, with 2 replicas updated',
    ],
    [
      'is updated by hand is Current at once',
      statefulSet({ readyReplicas: 0 }, { type: 'OnDelete' }),
      'Current',
      'the StatefulSet is updated by hand (OnDelete)',
    ],
    ['is as it should be is Current', statefulSet({}), 'Current', 'all 4 replicas are as they should be'],
  ]);
});

const all = { desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4, numberReady: 4 };
const daemonSet = (status: JsonObject) => live('apps/v1', 'DaemonSet', { status: { observedGeneration: 1, ...status } });

describe('a DaemonSet', () => {
  judges([
    ['has no status is InProgress', live('apps/v1', 'DaemonSet'), 'InProgress', 'the controller has not observed the DaemonSet yet'],
    [
      'has no generation is InProgress',
      { ...daemonSet(all), metadata: { name: 'agent', uid: 'uid', resourceVersion: '1' } },
      'InProgress',
      'the DaemonSet has no generation yet',
    ],
    ['has no counts is InProgress', daemonSet({}), 'InProgress', 'the controller has not counted the nodes yet'],
    ['schedules is InProgress', daemonSet({ ...all, currentNumberScheduled: 3 }), 'InProgress', '3 of 4 pods scheduled'],
    ['updates is InProgress', daemonSet({ ...all, updatedNumberScheduled: 1 }), 'InProgress', '1 of 4 pods updated'],
    ['waits for availability is InProgress', daemonSet({ ...all, numberAvailable: 2 }), 'InProgress', '2 of 4 pods available'],
    ['waits for readiness is InProgress', daemonSet({ ...all, numberReady: 2 }), 'InProgress', '2 of 4 pods ready'],
    ['is wanted on no node is Current', daemonSet({ desiredNumberScheduled: 0 }), 'Current', 'all 0 pods are as they should be'],
    ['is as it should be is Current', daemonSet(all), 'Current', 'all 4 pods are as they should be'],
  ]);
});

const complete = { replicas: 4, fullyLabeledReplicas: 4, availableReplicas: 4, readyReplicas: 4 };
const replicaSet = (status: JsonObject) => live('apps/v1', 'ReplicaSet', { spec: { replicas: 4 }, status: { observedGeneration: 1, ...complete, ...status } });

describe('a ReplicaSet', () => {
  judges([
    ['has no status is InProgress', live('apps/v1', 'ReplicaSet'), 'InProgress', '0 of 1 replicas labelled'],
    [
      'cannot create pods is InProgress and never Failed',
      replicaSet({ conditions: [condition('ReplicaFailure', 'True', 'FailedCreate')] }),
      'InProgress',
      'pods cannot be created or deleted (ReplicaFailure)',
    ],
    ['waits for labels is InProgress', replicaSet({ fullyLabeledReplicas: 3 }), 'InProgress', '3 of 4 replicas labelled'],
    ['waits for availability is InProgress', replicaSet({ availableReplicas: 2 }), 'InProgress', '2 of 4 replicas available'],
    ['waits for readiness is InProgress', replicaSet({ readyReplicas: 2 }), 'InProgress', '2 of 4 replicas ready'],
    ['has replicas too many is InProgress', replicaSet({ replicas: 5 }), 'InProgress', '1 replicas still to be terminated'],
    [
      'could create pods again is Current',
      replicaSet({ conditions: [condition('ReplicaFailure', 'False')] }),
      'Current',
      'the ReplicaSet is available with 4 replicas',
    ],
    ['is as it should be is Current', replicaSet({}), 'Current', 'the ReplicaSet is available with 4 replicas'],
  ]);
});
