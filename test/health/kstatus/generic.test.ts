import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kstatusOf } from '../../../src/health/kstatus/kstatus.ts';
import type { Json, JsonObject } from '../../../src/model/json.ts';
import type { LiveObject } from '../../../src/model/manifest.ts';
import { condition, live } from '../objects.ts';
import { judges, now } from './cases.ts';

const widget = (status?: JsonObject, metadata: JsonObject = {}) => live('example.org/v1', 'Widget', { metadata, ...(status === undefined ? {} : { status }) });
const withConditions = (...conditions: Json[]) => widget({ observedGeneration: 1, conditions });
const raw = (object: JsonObject) => ({ apiVersion: 'example.org/v1', kind: 'Widget', ...object }) as unknown as LiveObject;

describe('an object of any kind', () => {
  judges([
    ['has no status is Current', widget(), 'Current', 'nothing in the status says otherwise'],
    ['has other conditions is Current', withConditions(condition('Synced', 'False')), 'Current', 'nothing in the status says otherwise'],
    [
      'is being deleted is Terminating, whatever else it says',
      widget({ conditions: 'odd' }, { deletionTimestamp: '2026-05-04T10:00:00Z', generation: 2 }),
      'Terminating',
      'the object is being deleted',
    ],
    [
      'was changed just now is InProgress',
      widget({ observedGeneration: 1 }, { generation: 2 }),
      'InProgress',
      'the controller has seen generation 1, the object is at 2',
    ],
    [
      'is said to be newer than it is is InProgress too',
      widget({ observedGeneration: 3, conditions: [condition('Stalled', 'True')] }, { generation: 2 }),
      'InProgress',
      'the controller has seen generation 3, the object is at 2',
    ],
    ['reconciles is InProgress', withConditions(condition('Reconciling', 'True', 'Progressing', 'building')), 'InProgress', 'reconciling: building'],
    ['stalled is Failed', withConditions(condition('Stalled', 'True', 'BadSpec')), 'Failed', 'stalled: BadSpec'],
    [
      'reconciles and stalled is what comes first',
      withConditions(condition('Stalled', 'True', '', 'no such host'), condition('Reconciling', 'True')),
      'Failed',
      'stalled: no such host',
    ],
    [
      'stalled in the past is not Failed',
      withConditions(condition('Stalled', 'False'), condition('Reconciling', 'False'), condition('Ready', 'True')),
      'Current',
      'the object is Ready',
    ],
    ['is not ready is InProgress and never Failed', withConditions(condition('Ready', 'False', 'NotYet')), 'InProgress', 'not Ready: NotYet'],
    ['does not know whether it is ready is InProgress', withConditions(condition('Ready', 'Unknown')), 'InProgress', 'not Ready'],
    ['says something else of Ready is Current', withConditions(condition('Ready', 'Perhaps')), 'Current', 'nothing in the status says otherwise'],
    ['has a status of null is Current', raw({ metadata: { name: 'w', generation: 1 }, status: null }), 'Current', 'nothing in the status says otherwise'],
    ['has no generation needs none', raw({ metadata: { name: 'w' }, status: { observedGeneration: 7 } }), 'Current', 'nothing in the status says otherwise'],
    [
      'counts with big integers is read',
      raw({ metadata: { generation: 2n }, status: { observedGeneration: 2 } }),
      'Current',
      'nothing in the status says otherwise',
    ],
    ['has no metadata object is Unknown', raw({ metadata: 'w' }), 'Unknown', 'metadata is not an object'],
    ['has an odd deletion time is Unknown', raw({ metadata: { deletionTimestamp: 5 } }), 'Unknown', 'metadata.deletionTimestamp is not a time'],
    ['has an odd generation is Unknown', raw({ metadata: { generation: '1' } }), 'Unknown', 'metadata.generation is not a whole number'],
    ['observed an odd generation is Unknown', widget({ observedGeneration: 1.5 }), 'Unknown', 'status.observedGeneration is not a whole number'],
    ['has a text for conditions is Unknown', widget({ conditions: 'Ready' }), 'Unknown', 'status.conditions is not a list of conditions'],
    ['has a number for a condition is Unknown', withConditions(5), 'Unknown', 'status.conditions is not a list of conditions'],
    ['has a truth value for a status is Unknown', withConditions({ type: 'Ready', status: true }), 'Unknown', 'status.conditions is not a list of conditions'],
    ['has an empty condition is read', withConditions(null, { type: 'Ready', status: 'True' }), 'Current', 'the object is Ready'],
  ]);
});

describe('kstatusOf', () => {
  it.each([
    ['v1', 'ConfigMap'],
    ['v1', 'Secret'],
    ['batch/v1', 'CronJob'],
  ])('takes every %s %s as Current', (apiVersion, kind) => {
    expect(kstatusOf(live(apiVersion, kind, { status: { conditions: [condition('Ready', 'False')] } }), now).status).toBe('Current');
  });

  it.each([
    ['apps/v1', 'Deployment'],
    ['extensions/v1beta1', 'Deployment'],
    ['apps/v1', 'StatefulSet'],
    ['apps/v1', 'DaemonSet'],
    ['extensions/v1beta1', 'DaemonSet'],
    ['apps/v1', 'ReplicaSet'],
    ['extensions/v1beta1', 'ReplicaSet'],
    ['v1', 'Pod'],
    ['batch/v1', 'Job'],
    ['v1', 'Service'],
    ['v1', 'PersistentVolumeClaim'],
    ['policy/v1', 'PodDisruptionBudget'],
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
    ['example.org/v1', 'Widget'],
  ])('never throws on a hostile %s %s', (apiVersion, kind) => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), fc.array(fc.jsonValue()), (metadata, spec, status, list) => {
        kstatusOf({ apiVersion, kind, metadata, spec, status } as unknown as LiveObject, now);
        for (const phase of ['Running', 'Pending'])
          kstatusOf({ apiVersion, kind, metadata: {}, spec, status: { containerStatuses: list, phase } } as unknown as LiveObject, now);
      }),
    );
  });

  it('never throws on what is no object', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void kstatusOf(value as unknown as LiveObject, now)));
  });
});
