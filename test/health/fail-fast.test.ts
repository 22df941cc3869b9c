import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failFast } from '../../src/health/fail-fast.ts';
import type { ReplicaSetMetadata } from '../../src/health/newest-revision.ts';
import type { PodFacts } from '../../src/health/pods.ts';
import type { JsonObject } from '../../src/model/json.ts';
import type { LiveObject } from '../../src/model/manifest.ts';
import { condition, live } from './objects.ts';

const now = new Date('2026-05-04T10:10:00Z');
const secondsAgo = (seconds: number): number => now.getTime() - seconds * 1000;

const nothing = { health: undefined, lookAgainInMs: undefined };
const failed = (message: string) => ({ health: { health: 'Degraded', message }, lookAgainInMs: undefined });

const pod = (facts: Partial<PodFacts>): PodFacts => ({
  name: 'catalog-6d5f-abcde',
  ownerUid: 'uid-new',
  ownerName: 'catalog-6d5f',
  createdAtMs: secondsAgo(30),
  podTemplateHash: undefined,
  controllerRevisionHash: undefined,
  podTemplateGeneration: undefined,
  phase: 'Pending',
  ready: false,
  deleting: false,
  reasons: [],
  unschedulable: undefined,
  ...facts,
});

const waits = (reason: string, message = '', restartCount = 0, lastEnd = ''): PodFacts['reasons'] => [
  { container: 'catalog', reason, message, restartCount, lastEnd },
];
const broken = waits('ImagePullBackOff', 'Back-off pulling image "catalog:2"');
const brokenText = 'pod catalog-6d5f-abcde: container catalog: ImagePullBackOff: Back-off pulling image "catalog:2"';

const replicaSet = (name: string, uid: string, revision: string, creationTimestamp: string): ReplicaSetMetadata => ({
  name,
  uid,
  creationTimestamp,
  annotations: { 'deployment.kubernetes.io/revision': revision },
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'catalog', uid: 'uid-of-Deployment', controller: true }],
});
const replicaSets = [replicaSet('catalog-77aa', 'uid-old', '1', '2026-05-04T09:00:00Z'), replicaSet('catalog-6d5f', 'uid-new', '2', '2026-05-04T10:09:00Z')];

const deployment = (spec: JsonObject = {}, status: JsonObject = {}, generation = 2): LiveObject =>
  live('apps/v1', 'Deployment', {
    metadata: { generation, annotations: { 'deployment.kubernetes.io/revision': '2' } },
    spec: { replicas: 3, ...spec },
    status: { observedGeneration: 2, ...status },
  });
const statefulSet = live('apps/v1', 'StatefulSet', { status: { observedGeneration: 1, currentRevision: 'db-1', updateRevision: 'db-2' } });
const daemonSet = live('apps/v1', 'DaemonSet', {
  metadata: { annotations: { 'deprecated.daemonset.template.generation': '5' } },
  status: { observedGeneration: 1 },
});
const job = (spec: JsonObject = {}, status: JsonObject = {}): LiveObject => live('batch/v1', 'Job', { spec, status });

describe('failFast', () => {
  it.each([
    'ErrImagePull',
    'ImagePullBackOff',
    'InvalidImageName',
    'ErrImageNeverPull',
    'RegistryUnavailable',
    'CreateContainerConfigError',
    'CreateContainerError',
    'RunContainerError',
  ])('fails at once on %s', (reason) => {
    expect(failFast(deployment(), [pod({ reasons: waits(reason, 'because') })], replicaSets, now)).toEqual(
      failed(`pod catalog-6d5f-abcde: container catalog: ${reason}: because`),
    );
  });

  it.each(['ContainerCreating', 'PodInitializing', 'CrashLoopBackOff'])('waits on %s', (reason) => {
    expect(failFast(deployment(), [pod({ reasons: waits(reason, '', 2) })], replicaSets, now)).toEqual(nothing);
  });

  it('fails on a crash loop from the third restart, and says how the last run ended', () => {
    const crashing = pod({ phase: 'Running', reasons: waits('CrashLoopBackOff', 'back-off 40s restarting failed container', 3, 'OOMKilled, exit code 137') });
    expect(failFast(deployment(), [crashing], replicaSets, now)).toEqual(
      failed('pod catalog-6d5f-abcde: container catalog: CrashLoopBackOff: 3 restarts, the last run ended with OOMKilled, exit code 137'),
    );
  });

  it('keeps failing on a crash loop while the container runs between two crashes', () => {
    const running = (restartCount: number) => pod({ phase: 'Running', reasons: waits('Crashed', '', restartCount, 'Error, exit code 1') });

    expect(failFast(deployment(), [running(3)], replicaSets, now)).toEqual(nothing);
    expect(failFast(deployment(), [running(4)], replicaSets, now)).toEqual(
      failed('pod catalog-6d5f-abcde: container catalog: Crashed: 4 restarts, the last run ended with Error, exit code 1'),
    );
  });

  it.each([
    ['is ready', { ready: true, phase: 'Running' }],
    ['is being deleted', { deleting: true }],
    ['has failed', { phase: 'Failed' }],
    ['belongs to the old ReplicaSet', { ownerUid: 'uid-old' }],
    ['belongs to nobody', { ownerUid: undefined }],
  ])('ignores a broken pod that %s', (_, facts) => {
    expect(failFast(deployment(), [pod({ reasons: broken, ...facts })], replicaSets, now)).toEqual(nothing);
  });

  it.each([
    ['is paused', deployment({ paused: true }), replicaSets],
    ['was changed just now, so that its revision is still the old one', deployment({}, {}, 3), replicaSets],
    ['has a revision whose ReplicaSet is not known', deployment(), replicaSets.slice(0, 1)],
    [
      'is being deleted',
      live('apps/v1', 'Deployment', { ...deployment(), metadata: { ...deployment().metadata, deletionTimestamp: '2026-05-04T10:09:59Z' } }),
      replicaSets,
    ],
    ['owns none of the ReplicaSets', deployment(), replicaSets.map((each) => ({ ...each, ownerReferences: [] }))],
  ])('says nothing about a Deployment that %s', (_, workload, known) => {
    expect(failFast(workload, [pod({ reasons: broken })], known, now)).toEqual(nothing);
  });

  it('knows that after a rollback the older ReplicaSet is the newest revision', () => {
    const rolledBack = [replicaSet('catalog-77aa', 'uid-old', '2', '2026-05-04T09:00:00Z'), replicaSet('catalog-6d5f', 'uid-new', '1', '2026-05-04T10:09:00Z')];

    expect(failFast(deployment(), [pod({ reasons: broken })], rolledBack, now)).toEqual(nothing);
    expect(failFast(deployment(), [pod({ reasons: broken, ownerUid: 'uid-old' })], rolledBack, now)).toEqual(failed(brokenText));
  });

  it('names the same pod whatever the order', () => {
    const two = [pod({ name: 'b', reasons: broken }), pod({ name: 'a', reasons: broken })];
    expect(failFast(deployment(), two, replicaSets, now).health?.message).toMatch(/^pod a: /);
    expect(failFast(deployment(), two.toReversed(), replicaSets, now)).toEqual(failFast(deployment(), two, replicaSets, now));
  });

  it('looks again when a pod without a node has waited for 60 s', () => {
    const since = (seconds: number) => pod({ unschedulable: { sinceMs: secondsAgo(seconds), message: '0/3 nodes are available' } });

    expect(failFast(deployment(), [since(20)], replicaSets, now)).toEqual({ health: undefined, lookAgainInMs: 40_000 });
    expect(failFast(deployment(), [since(20), since(55)], replicaSets, now)).toEqual({ health: undefined, lookAgainInMs: 5_000 });
    expect(failFast(deployment(), [since(-300)], replicaSets, now)).toEqual({ health: undefined, lookAgainInMs: 60_000 });
    expect(failFast(deployment(), [since(60)], replicaSets, now)).toEqual(
      failed('pod catalog-6d5f-abcde: Unschedulable for more than 60 s: 0/3 nodes are available'),
    );
  });

  const quota = (podName: string, at: string) =>
    deployment({}, { conditions: [condition('ReplicaFailure', 'True', 'FailedCreate', `pods "${podName}" is forbidden: exceeded quota: small`, at)] });

  it('fails when the newest ReplicaSet cannot create pods', () => {
    expect(failFast(quota('catalog-6d5f-zzzzz', '2026-05-04T10:09:01Z'), [], replicaSets, now)).toEqual(
      failed('a pod cannot be created: FailedCreate: pods "catalog-6d5f-zzzzz" is forbidden: exceeded quota: small'),
    );
  });

  it.each([
    ['is older than the newest ReplicaSet', quota('catalog-6d5f-zzzzz', '2026-05-04T10:08:59Z')],
    ['names a pod of an old ReplicaSet', quota('catalog-77aa-zzzzz', '2026-05-04T10:09:30Z')],
  ])('ignores a create failure that %s', (_, workload) => {
    expect(failFast(workload, [], replicaSets, now)).toEqual(nothing);
  });

  it.each([
    ['StatefulSet at its update revision', statefulSet, { ownerUid: 'uid-of-StatefulSet', controllerRevisionHash: 'db-2' }],
    ['DaemonSet of its template generation', daemonSet, { ownerUid: 'uid-of-DaemonSet', podTemplateGeneration: '5' }],
    ['ReplicaSet', live('apps/v1', 'ReplicaSet', { status: { observedGeneration: 1 } }), { ownerUid: 'uid-of-ReplicaSet' }],
    ['Job', job(), { ownerUid: 'uid-of-Job' }],
  ])('fails on a broken pod of a %s', (_, workload, facts) => {
    expect(failFast(workload, [pod({ reasons: broken, ...facts })], [], now)).toEqual(failed(brokenText));
  });

  it.each([
    ['StatefulSet', statefulSet, { ownerUid: 'uid-of-StatefulSet', controllerRevisionHash: 'db-1' }],
    ['DaemonSet', daemonSet, { ownerUid: 'uid-of-DaemonSet', podTemplateGeneration: '4' }],
    ['ReplicaSet', live('apps/v1', 'ReplicaSet', { status: { observedGeneration: 1 } }), { ownerUid: 'uid-of-another' }],
    ['suspended Job', job({ suspend: true }), { ownerUid: 'uid-of-Job' }],
    ['finished Job', job({}, { conditions: [condition('Complete', 'True')] }), { ownerUid: 'uid-of-Job' }],
    ['Service', live('v1', 'Service'), { ownerUid: 'uid-of-Service' }],
  ])('ignores a broken pod that is not of the newest revision of a %s', (_, workload, facts) => {
    expect(failFast(workload, [pod({ reasons: broken, ...facts })], [], now)).toEqual(nothing);
  });

  it("leaves a Job's crashes to its backoffLimit", () => {
    expect(failFast(job(), [pod({ ownerUid: 'uid-of-Job', reasons: waits('CrashLoopBackOff', '', 4) })], [], now)).toEqual(nothing);
    expect(failFast(job(), [pod({ ownerUid: 'uid-of-Job', reasons: waits('Crashed', '', 5) })], [], now)).toEqual(nothing);
  });

  it('is never changed by pods of other revisions', () => {
    const facts = {
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      ready: fc.boolean(),
      phase: fc.constantFrom('Pending', 'Running', 'Failed'),
      reasons: fc.constantFrom(broken, waits('CrashLoopBackOff', '', 9), waits('ContainerCreating'), []),
      unschedulable: fc.option(fc.record({ sinceMs: fc.integer({ min: secondsAgo(120), max: secondsAgo(0) }), message: fc.constant('no node') }), {
        nil: undefined,
      }),
    };
    const workloads = fc.constantFrom(
      { workload: deployment(), newest: { ownerUid: 'uid-new' }, other: { ownerUid: 'uid-old' } },
      {
        workload: statefulSet,
        newest: { ownerUid: 'uid-of-StatefulSet', controllerRevisionHash: 'db-2' },
        other: { ownerUid: 'uid-of-StatefulSet', controllerRevisionHash: 'db-1' },
      },
      {
        workload: daemonSet,
        newest: { ownerUid: 'uid-of-DaemonSet', podTemplateGeneration: '5' },
        other: { ownerUid: 'uid-of-DaemonSet', podTemplateGeneration: '4' },
      },
      { workload: job(), newest: { ownerUid: 'uid-of-Job' }, other: { ownerUid: 'uid-of-another' } },
    );
    fc.assert(
      fc.property(workloads, fc.array(fc.record(facts)), fc.array(fc.record(facts)), ({ workload, newest, other }, newPods, oldPods) => {
        const ours = newPods.map((each) => pod({ ...each, ...newest }));
        const theirs = oldPods.map((each) => pod({ ...each, ...other }));
        expect(failFast(workload, [...theirs, ...ours], replicaSets, now)).toEqual(failFast(workload, ours, replicaSets, now));
      }),
    );
  });
});
