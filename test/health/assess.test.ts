import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasHealthRule, objectHealth } from '../../src/health/assess.ts';
import { settled } from '../../src/health/health.ts';
import type { JsonObject } from '../../src/model/json.ts';
import { groupOf, type LiveObject } from '../../src/model/manifest.ts';
import { condition, containers, live, waiting } from './objects.ts';

type Case = readonly [situation: string, object: LiveObject, health: string, message: string];

const deployment = (spec: JsonObject, status: JsonObject, generation = 2) =>
  live('apps/v1', 'Deployment', {
    metadata: { generation },
    spec: { replicas: 3, progressDeadlineSeconds: 600, ...spec },
    status: { observedGeneration: 2, ...status },
  });
const rolledOut = { replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 };

const deployments: readonly Case[] = [
  ['is paused', deployment({ paused: true }, rolledOut), 'Suspended', 'the Deployment is paused'],
  ['has no status yet', live('apps/v1', 'Deployment', { spec: { replicas: 3 } }), 'Progressing', 'the controller has seen generation 0, the object is at 1'],
  ['was changed just now', deployment({}, rolledOut, 3), 'Progressing', 'the controller has seen generation 2, the object is at 3'],
  [
    'exceeded its deadline',
    deployment(
      {},
      {
        replicas: 4,
        updatedReplicas: 1,
        availableReplicas: 3,
        conditions: [
          condition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.'),
          condition('Progressing', 'False', 'ProgressDeadlineExceeded', 'ReplicaSet "catalog-6d5f" has timed out progressing.'),
        ],
      },
    ),
    'Degraded',
    'the rollout exceeded its progress deadline of 600 s: ReplicaSet "catalog-6d5f" has timed out progressing.',
  ],
  [
    'exceeded the deadline of an older spec',
    deployment({}, { conditions: [condition('Progressing', 'False', 'ProgressDeadlineExceeded')] }, 3),
    'Progressing',
    'the controller has seen generation 2, the object is at 3',
  ],
  ['has updated some', deployment({}, { replicas: 4, updatedReplicas: 2, availableReplicas: 3 }), 'Progressing', '2 of 3 replicas updated'],
  ['still has old replicas', deployment({}, { replicas: 4, updatedReplicas: 3, availableReplicas: 3 }), 'Progressing', '1 old replica still to be terminated'],
  ['waits for availability', deployment({}, { replicas: 3, updatedReplicas: 3, availableReplicas: 1 }), 'Progressing', '1 of 3 updated replicas available'],
  ['is rolled out', deployment({}, rolledOut), 'Healthy', ''],
  ['is scaled to zero, where the API server leaves out the counters', deployment({ replicas: 0 }, {}), 'Healthy', ''],
];

const statefulSet = (spec: JsonObject, status: JsonObject, generation = 2) =>
  live('apps/v1', 'StatefulSet', {
    metadata: { generation },
    spec: { replicas: 3, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }, ...spec },
    status: { observedGeneration: 2, replicas: 3, currentRevision: 'db-1', updateRevision: 'db-2', ...status },
  });

const statefulSets: readonly Case[] = [
  ['has no status yet', live('apps/v1', 'StatefulSet', { spec: { replicas: 1 } }), 'Progressing', 'the controller has seen generation 0, the object is at 1'],
  [
    'was changed just now',
    statefulSet({}, { readyReplicas: 3, updatedReplicas: 3 }, 3),
    'Progressing',
    'the controller has seen generation 2, the object is at 3',
  ],
  ['waits for ready pods', statefulSet({}, { readyReplicas: 2, updatedReplicas: 1 }), 'Progressing', '2 of 3 replicas ready'],
  ['updates', statefulSet({}, { readyReplicas: 3, updatedReplicas: 1 }), 'Progressing', '1 of 3 replicas updated'],
  ['is updated', statefulSet({}, { readyReplicas: 3, updatedReplicas: 3, currentRevision: 'db-2' }), 'Healthy', ''],
  [
    'updates above a partition',
    statefulSet({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } }, { readyReplicas: 3, updatedReplicas: 1 }),
    'Progressing',
    '1 of 2 replicas updated, counted from partition 1',
  ],
  [
    'is updated above a partition',
    statefulSet({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } }, { readyReplicas: 3, updatedReplicas: 2 }),
    'Healthy',
    '',
  ],
  ['updates on delete', statefulSet({ updateStrategy: { type: 'OnDelete' } }, { readyReplicas: 3 }), 'Healthy', ''],
  [
    'has no strategy and two revisions',
    statefulSet({ updateStrategy: {} }, { readyReplicas: 3, updatedReplicas: 1 }),
    'Progressing',
    '1 of 3 replicas updated to revision db-2',
  ],
];

const daemonSet = (status: JsonObject, type = 'RollingUpdate', generation = 2) =>
  live('apps/v1', 'DaemonSet', {
    metadata: { generation },
    spec: { updateStrategy: { type } },
    status: { observedGeneration: 2, desiredNumberScheduled: 3, ...status },
  });

const daemonSets: readonly Case[] = [
  [
    'was changed just now',
    daemonSet({ updatedNumberScheduled: 3, numberAvailable: 3 }, 'OnDelete', 3),
    'Progressing',
    'the controller has seen generation 2, the object is at 3',
  ],
  ['updates on delete', daemonSet({ updatedNumberScheduled: 0, numberAvailable: 0 }, 'OnDelete'), 'Healthy', ''],
  ['updates', daemonSet({ updatedNumberScheduled: 1, numberAvailable: 2 }), 'Progressing', '1 of 3 pods updated'],
  ['waits for availability', daemonSet({ updatedNumberScheduled: 3, numberAvailable: 2 }), 'Progressing', '2 of 3 pods available'],
  ['is rolled out', daemonSet({ updatedNumberScheduled: 3, numberAvailable: 3 }), 'Healthy', ''],
];

const replicaSet = (status: JsonObject, generation = 1) =>
  live('apps/v1', 'ReplicaSet', { metadata: { generation }, spec: { replicas: 2 }, status: { observedGeneration: 1, replicas: 2, ...status } });

const replicaSets: readonly Case[] = [
  ['was changed just now', replicaSet({ availableReplicas: 2 }, 2), 'Progressing', 'the controller has seen generation 1, the object is at 2'],
  [
    'cannot create pods',
    replicaSet({ conditions: [condition('ReplicaFailure', 'True', 'FailedCreate', 'pods "catalog-x" is forbidden: exceeded quota: small')] }),
    'Degraded',
    'a pod cannot be created: pods "catalog-x" is forbidden: exceeded quota: small',
  ],
  ['waits for availability', replicaSet({ availableReplicas: 1 }), 'Progressing', '1 of 2 replicas available'],
  ['is complete', replicaSet({ availableReplicas: 2 }), 'Healthy', ''],
];

const pod = (status: JsonObject, restartPolicy = 'Always') => live('v1', 'Pod', { spec: { restartPolicy }, status });
const crashed = { terminated: { exitCode: 137, reason: 'OOMKilled', message: 'the process wrote this, and it may be a secret' } };

const pods: readonly Case[] = [
  [
    'cannot pull its image',
    pod({ phase: 'Pending', ...containers(waiting('web', 'ImagePullBackOff', 'Back-off pulling image "web:2"')) }),
    'Degraded',
    'container web: ImagePullBackOff: Back-off pulling image "web:2"',
  ],
  [
    'cannot pull its image and restarts never',
    pod({ phase: 'Pending', ...containers(waiting('web', 'ErrImagePull', 'no')) }, 'Never'),
    'Progressing',
    'container web: ErrImagePull: no',
  ],
  ['is created', pod({ phase: 'Pending', ...containers(waiting('web', 'ContainerCreating', '')) }), 'Progressing', 'container web: ContainerCreating'],
  [
    'finds no node',
    pod({ phase: 'Pending', conditions: [condition('PodScheduled', 'False', 'Unschedulable', '0/1 nodes are available')] }),
    'Progressing',
    'the pod is not scheduled: 0/1 nodes are available',
  ],
  ['has succeeded', pod({ phase: 'Succeeded' }, 'Never'), 'Healthy', ''],
  [
    'was evicted',
    pod({ phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' }),
    'Degraded',
    'the pod failed: The node was low on resource: memory.',
  ],
  [
    'ran out of memory',
    pod({ phase: 'Failed', ...containers({ name: 'migrate', state: crashed }) }, 'Never'),
    'Degraded',
    'container migrate failed: OOMKilled, exit code 137',
  ],
  ['failed without words', pod({ phase: 'Failed' }, 'Never'), 'Degraded', 'the pod failed'],
  ['is ready', pod({ phase: 'Running', conditions: [condition('Ready', 'True')] }), 'Healthy', ''],
  [
    'is not ready after a crash',
    pod({ phase: 'Running', conditions: [condition('Ready', 'False')], ...containers({ name: 'web', state: { running: {} }, lastState: crashed }) }),
    'Degraded',
    'container web is not ready after a restart: OOMKilled, exit code 137',
  ],
  [
    'is not ready yet',
    pod({ phase: 'Running', conditions: [condition('Ready', 'False', 'ContainersNotReady', 'containers with unready status: [web]')] }),
    'Progressing',
    'the pod is not ready: containers with unready status: [web]',
  ],
  ['runs to an end', pod({ phase: 'Running', conditions: [condition('Ready', 'True')] }, 'OnFailure'), 'Progressing', 'the pod runs and has not finished'],
  ['has no phase', pod({}), 'Unknown', 'the pod has no phase'],
  ['is lost with its node', pod({ phase: 'Unknown' }), 'Unknown', "the pod's phase is Unknown"],
];

const job = (status: JsonObject) => live('batch/v1', 'Job', { spec: { completions: 2 }, status });

const jobs: readonly Case[] = [
  [
    'has failed',
    job({
      failed: 7,
      conditions: [condition('FailureTarget', 'True'), condition('Failed', 'True', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit')],
    }),
    'Degraded',
    'the Job failed (BackoffLimitExceeded): Job has reached the specified backoff limit',
  ],
  ['is suspended', job({ conditions: [condition('Suspended', 'True', 'JobSuspended', 'Job suspended')] }), 'Suspended', 'the Job is suspended'],
  [
    'was resumed',
    job({ active: 1, succeeded: 1, conditions: [condition('Suspended', 'False', 'JobResumed', 'Job resumed')] }),
    'Progressing',
    '1 of 2 pods of the Job succeeded, 1 active, 0 failed',
  ],
  ['is complete', job({ succeeded: 2, conditions: [condition('SuccessCriteriaMet', 'True'), condition('Complete', 'True')] }), 'Healthy', ''],
  ['has not started', job({}), 'Progressing', '0 of 2 pods of the Job succeeded, 0 active, 0 failed'],
];

const loadBalancer = (ingress: JsonObject[]) => live('v1', 'Service', { spec: { type: 'LoadBalancer' }, status: { loadBalancer: { ingress } } });
const definition = (...conditions: JsonObject[]) => live('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { status: { conditions } });
const accepted = condition('NamesAccepted', 'True', 'NoConflicts', 'no conflicts found');

const others: readonly Case[] = [
  ['has no address', loadBalancer([]), 'Progressing', 'the load balancer has no address yet'],
  ['has an address', loadBalancer([{ ip: '192.0.2.1' }]), 'Healthy', ''],
  ['needs no address', live('v1', 'Service', { spec: { type: 'ClusterIP' }, status: { loadBalancer: {} } }), 'Healthy', ''],
  ['has no conditions', definition(), 'Progressing', 'the definition has no conditions yet'],
  [
    'terminates',
    definition(accepted, condition('Terminating', 'True', 'InstanceDeletionInProgress', 'deleting')),
    'Progressing',
    'the definition is terminating: deleting',
  ],
  [
    'clashes',
    definition(condition('NamesAccepted', 'False', 'PluralConflict', '"widgets" is already in use'), condition('Established', 'False', 'NotAccepted')),
    'Degraded',
    'the names of the definition are not accepted: "widgets" is already in use',
  ],
  [
    'has no structural schema',
    definition(accepted, condition('Established', 'True'), condition('NonStructuralSchema', 'True', 'Violations', 'type is required')),
    'Degraded',
    'the schema is not structural: type is required',
  ],
  ['is installed', definition(accepted, condition('Established', 'False', 'Installing')), 'Progressing', 'the definition is being installed'],
  ['is not established', definition(accepted), 'Degraded', 'the definition is not established'],
  ['is established', definition(accepted, condition('Established', 'True', 'InitialNamesAccepted')), 'Healthy', ''],
  ['is active', live('v1', 'Namespace', { status: { phase: 'Active' } }), 'Healthy', ''],
  ['terminates', live('v1', 'Namespace', { status: { phase: 'Terminating' } }), 'Progressing', 'being deleted'],
];

describe('objectHealth', () => {
  it.each(
    [...deployments, ...statefulSets, ...daemonSets, ...replicaSets, ...pods, ...jobs, ...others].map(([situation, object, health, message]) => ({
      kind: object.kind,
      situation,
      object,
      health,
      message,
    })),
  )('judges a $kind that $situation as $health', ({ object, health, message }) => {
    expect(objectHealth(object)).toEqual({ health, message });
  });

  it.each([
    ['v1', 'ConfigMap'],
    ['example.org/v1', 'Deployment'],
    ['apps/v1', 'Pod'],
    ['extensions/v1beta1', 'Deployment'],
    ['argoproj.io/v1alpha1', 'Application'],
  ])('has no rule for %s %s', (apiVersion, kind) => {
    expect(objectHealth(live(apiVersion, kind))).toBeUndefined();
  });

  it('judges an object that is being deleted as Progressing, whatever its kind', () => {
    const deletionTimestamp = '2026-05-04T11:00:00Z';

    expect(objectHealth(live('v1', 'ConfigMap', { metadata: { deletionTimestamp } }))).toEqual({ health: 'Progressing', message: 'being deleted' });
    expect(
      objectHealth(
        live('v1', 'PersistentVolumeClaim', { metadata: { deletionTimestamp, finalizers: ['kubernetes.io/pvc-protection'] }, status: { phase: 'Bound' } }),
      ),
    ).toEqual({
      health: 'Progressing',
      message: 'being deleted, held by the finalizer kubernetes.io/pvc-protection',
    });
  });

  it('reads counters that are big integers', () => {
    const counters = { observedGeneration: 9007199254740993n, updatedReplicas: 1n, replicas: 1n, availableReplicas: 1n };
    expect(objectHealth(live('apps/v1', 'Deployment', { spec: { replicas: 1n }, status: counters }))).toEqual({ health: 'Healthy', message: '' });
  });

  it('never quotes what a container wrote when it ended', () => {
    const ended = pods.map(([, object]) => objectHealth(object)?.message).join('\n');
    expect(ended).not.toContain('secret');
  });

  it('keeps a long message of another controller to one short line', () => {
    const message = objectHealth(pod({ phase: 'Failed', message: `first\nsecond ${'x'.repeat(5000)}` }))?.message ?? '';
    expect(message).toMatch(/^the pod failed: first second x+…$/);
    expect(message.length).toBeLessThan(330);
  });

  it.each([
    ['apps/v1', 'Deployment'],
    ['apps/v1', 'StatefulSet'],
    ['apps/v1', 'DaemonSet'],
    ['apps/v1', 'ReplicaSet'],
    ['v1', 'Pod'],
    ['batch/v1', 'Job'],
    ['batch/v1', 'CronJob'],
    ['v1', 'Service'],
    ['v1', 'PersistentVolumeClaim'],
    ['v1', 'Namespace'],
    ['networking.k8s.io/v1', 'Ingress'],
    ['extensions/v1beta1', 'Ingress'],
    ['apiregistration.k8s.io/v1', 'APIService'],
    ['autoscaling/v1', 'HorizontalPodAutoscaler'],
    ['autoscaling/v2', 'HorizontalPodAutoscaler'],
    ['policy/v1', 'PodDisruptionBudget'],
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
    ['argoproj.io/v1alpha1', 'Workflow'],
  ])('never throws on a hostile %s %s', (apiVersion, kind) => {
    expect(hasHealthRule({ group: groupOf(apiVersion), kind })).toBe(true);
    const parts = [fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), fc.array(fc.jsonValue())] as const;
    fc.assert(
      fc.property(...parts, (metadata, spec, status, list) => {
        const listed = {
          conditions: list,
          containerStatuses: list,
          initContainerStatuses: list,
          active: list,
          loadBalancer: { ingress: list },
          phase: 'Running',
        };
        const annotations = { 'autoscaling.alpha.kubernetes.io/conditions': JSON.stringify(list) };
        objectHealth({ apiVersion, kind, metadata, spec, status } as unknown as LiveObject);
        objectHealth({ apiVersion, kind, metadata: { annotations }, spec: { restartPolicy: 'Always' }, status: listed } as unknown as LiveObject);
      }),
    );
  });

  it('never throws on what is no object', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void objectHealth(value as unknown as LiveObject)));
  });
});

describe('settled', () => {
  it.each([
    ['Healthy', true],
    ['Suspended', true],
    ['Progressing', false],
    ['Missing', false],
    ['Degraded', false],
    ['Unknown', false],
  ] as const)('%s: %s', (health, expected) => {
    expect(settled({ health, message: '' })).toBe(expected);
  });
});
