import { describe } from 'vitest';
import type { JsonObject } from '../../../src/model/json.ts';
import { condition, live } from '../objects.ts';
import { judges } from './cases.ts';

const service = (spec: JsonObject) => live('v1', 'Service', { spec, status: { loadBalancer: {} } });

describe('a Service', () => {
  judges([
    ['says nothing is Current', service({}), 'Current', 'the Service is ready'],
    ['is a NodePort is Current', service({ type: 'NodePort' }), 'Current', 'the Service is ready'],
    ['is a LoadBalancer without a cluster IP is InProgress', service({ type: 'LoadBalancer' }), 'InProgress', 'the LoadBalancer has no cluster IP'],
    ['is a LoadBalancer without an address is Current', service({ type: 'LoadBalancer', clusterIP: '10.0.0.7' }), 'Current', 'the Service is ready'],
  ]);
});

const claim = (status: JsonObject) => live('v1', 'PersistentVolumeClaim', { status });

describe('a PersistentVolumeClaim', () => {
  judges([
    ['has no status is InProgress', claim({}), 'InProgress', 'the claim is not bound, its phase is unknown'],
    ['is pending is InProgress', claim({ phase: 'Pending' }), 'InProgress', 'the claim is not bound, its phase is Pending'],
    ['is lost is InProgress', claim({ phase: 'Lost' }), 'InProgress', 'the claim is not bound, its phase is Lost'],
    ['is bound is Current', claim({ phase: 'Bound' }), 'Current', 'the claim is bound'],
  ]);
});

const budget = (generation: number) =>
  live('policy/v1', 'PodDisruptionBudget', {
    metadata: { generation },
    status: { observedGeneration: 1, conditions: [condition('DisruptionAllowed', 'False', 'SyncFailed')] },
  });

describe('a PodDisruptionBudget', () => {
  judges([
    ['was changed just now is InProgress', budget(2), 'InProgress', 'the controller has seen generation 1, the object is at 2'],
    ['is observed is Current, whatever its conditions', budget(1), 'Current', 'the allowed disruptions are computed'],
  ]);
});

const definition = (...conditions: JsonObject[]) => live('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { status: { conditions } });
const accepted = condition('NamesAccepted', 'True', 'NoConflicts');

describe('a CustomResourceDefinition', () => {
  judges([
    ['has no conditions is InProgress', definition(), 'InProgress', 'the definition is being installed'],
    ['is installed is InProgress', definition(accepted, condition('Established', 'False', 'Installing')), 'InProgress', 'the definition is being installed'],
    [
      'clashes is Failed',
      definition(condition('NamesAccepted', 'False', 'PluralConflict', '"widgets" is already in use')),
      'Failed',
      'the names of the definition are not accepted: "widgets" is already in use',
    ],
    [
      'is not established is Failed',
      definition(accepted, condition('Established', 'False', 'NotAccepted')),
      'Failed',
      'the definition is not established: NotAccepted',
    ],
    ['is established is Current', definition(accepted, condition('Established', 'True')), 'Current', 'the definition is established'],
    [
      'is established and clashes is what comes first',
      definition(condition('Established', 'True'), condition('NamesAccepted', 'False')),
      'Current',
      'the definition is established',
    ],
  ]);
});
