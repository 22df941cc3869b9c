import { describe, expect, it } from 'vitest';
import { objectHealth } from '../../src/health/assess.ts';
import type { JsonObject } from '../../src/model/json.ts';
import { condition, judges, live } from './objects.ts';

const able = condition('AbleToScale', 'True', 'ReadyForNewScale', 'recommended size matches current size');
const active = condition('ScalingActive', 'True', 'ValidMetricFound', 'the HPA was able to compute the replica count');
const limited = condition('ScalingLimited', 'True', 'TooFewReplicas', 'the desired replica count is less than the minimum');
const noMetrics = (reason: string) => condition('ScalingActive', 'False', reason, 'unable to get metrics for resource cpu');

const v2 = (conditions: readonly JsonObject[], version = 'v2') => live(`autoscaling/${version}`, 'HorizontalPodAutoscaler', { status: { conditions } });
const v1 = (annotations: Record<string, string>) =>
  live('autoscaling/v1', 'HorizontalPodAutoscaler', { metadata: { annotations }, status: { currentReplicas: 1 } });
const annotated = (value: unknown) => v1({ 'autoscaling.alpha.kubernetes.io/conditions': typeof value === 'string' ? value : JSON.stringify(value) });

const waits = 'the autoscaler has not looked at its target yet';
const withoutMetrics = 'the autoscaler gets no metrics: unable to get metrics for resource cpu';
const notReadable = 'the annotation autoscaling.alpha.kubernetes.io/conditions is not a JSON list';

describe('a HorizontalPodAutoscaler', () => {
  judges([
    ['has no conditions is Progressing', v2([]), 'Progressing', waits],
    ['cannot reach its target yet is Progressing', v2([condition('AbleToScale', 'False', 'SucceededGetScale')]), 'Progressing', waits],
    ['scales is Healthy', v2([able, active]), 'Healthy', ''],
    ['is at its limit is Healthy', v2([condition('AbleToScale', 'False', 'BackoffBoth'), active, limited]), 'Healthy', ''],
    ['is switched off by a target of zero replicas is Healthy', v2([able, condition('ScalingActive', 'False', 'ScalingDisabled')]), 'Healthy', ''],
    [
      'finds no target is Degraded',
      v2([condition('AbleToScale', 'False', 'FailedGetScale', 'deployments.apps "web" not found')]),
      'Degraded',
      'the autoscaler cannot scale: deployments.apps "web" not found',
    ],
    [
      'may not scale its target is Degraded',
      v2([condition('AbleToScale', 'False', 'FailedUpdateScale')]),
      'Degraded',
      'the autoscaler cannot scale: FailedUpdateScale',
    ],
    [
      'selects nothing is Degraded',
      v2([able, condition('ScalingActive', 'False', 'InvalidSelector')]),
      'Degraded',
      'the autoscaler cannot scale: InvalidSelector',
    ],
    ['is judged by metrics though it could scale is Degraded', v2([able, noMetrics('FailedGetObjectMetric')]), 'Degraded', withoutMetrics],
    ['is read as v2beta2 is judged alike', v2([able, noMetrics('FailedGetResourceMetric')], 'v2beta2'), 'Degraded', withoutMetrics],
    ['is read as v1 without conditions is Progressing', v1({}), 'Progressing', waits],
    ['is read as v1 with no condition is Progressing', annotated([]), 'Progressing', waits],
    ['is read as v1 and scales is Healthy', annotated([able, active]), 'Healthy', ''],
    ['is read as v1 and gets no metrics is Degraded', annotated([able, noMetrics('FailedGetObjectMetric')]), 'Degraded', withoutMetrics],
    ['is read as v1 with a broken annotation is Unknown', annotated('[{"type":'), 'Unknown', notReadable],
    ['is read as v1 with another annotation is Unknown', annotated({ type: 'AbleToScale' }), 'Unknown', notReadable],
    ['has conditions of odd types is judged by what can be read', annotated([null, 5, { type: 'constructor' }, able]), 'Healthy', ''],
    [
      'was changed just now is Progressing',
      live('autoscaling/v2', 'HorizontalPodAutoscaler', { metadata: { generation: 2 }, status: { observedGeneration: 1, conditions: [able] } }),
      'Progressing',
      'the controller has seen generation 1, the object is at 2',
    ],
  ]);

  it.each([
    'FailedGetResourceMetric',
    'FailedGetContainerResourceMetric',
    'FailedGetObjectMetric',
    'FailedGetPodsMetric',
    'FailedGetExternalMetric',
    'FailedComputeMetricsReplicas',
  ])('is Degraded for %s', (reason) => {
    expect(objectHealth(v2([able, noMetrics(reason)]))?.health).toBe('Degraded');
  });

  it('waits five minutes for the metrics of new pods when the time is known', () => {
    const autoscaler = v2([able, noMetrics('FailedGetResourceMetric')]);

    expect(objectHealth(autoscaler, new Date('2026-05-04T10:05:29Z'))).toEqual({ health: 'Progressing', message: withoutMetrics });
    expect(objectHealth(autoscaler, new Date('2026-05-04T10:05:30Z'))).toEqual({ health: 'Degraded', message: withoutMetrics });
  });
});
