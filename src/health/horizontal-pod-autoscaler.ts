import { at } from '../model/json.ts';
import type { LiveObject } from '../model/manifest.ts';
import { degraded, type Health, healthy, progressing, unknownHealth } from './health.ts';
import { listAt, shortMessage, textAt, timeMsAt, withReason } from './live-fields.ts';
import { statusOfOlderSpec, waitsToBeObserved } from './observed-generation.ts';

/** autoscaling/v1 has no conditions in its status; the API server keeps them here, as a text. */
const conditionsAnnotation = 'autoscaling.alpha.kubernetes.io/conditions';

/** How long the autoscaler itself leaves new pods out of its count (its default of --horizontal-pod-autoscaler-cpu-initialization-period). */
const newPodsHaveNoMetricsForMs = 300_000;

const failures: ReadonlyMap<string, readonly string[]> = new Map([
  ['AbleToScale', ['FailedGetScale', 'FailedUpdateScale']],
  ['ScalingActive', ['InvalidSelector']],
]);
const metricFailures: ReadonlySet<string> = new Set([
  'FailedGetResourceMetric',
  'FailedGetContainerResourceMetric',
  'FailedGetObjectMetric',
  'FailedGetPodsMetric',
  'FailedGetExternalMetric',
  'FailedComputeMetricsReplicas',
]);

/**
 * Input: without `now` a failure counts from its first second.
 * Source: Argo CD's rule, where failing conditions count before healthy ones whatever their order.
 */
export function horizontalPodAutoscalerHealth(live: LiveObject, now?: Date): Health {
  if (statusOfOlderSpec(live)) return waitsToBeObserved(live);
  const conditions = conditionsOf(live);
  if (conditions === undefined) return unknownHealth(`the annotation ${conditionsAnnotation} is not a JSON list`);

  const failed = conditions.find((condition) => failures.get(textAt(condition, 'type'))?.includes(textAt(condition, 'reason')));
  if (failed !== undefined) return degraded(conditionText('the autoscaler cannot scale', failed));

  const withoutMetrics = conditions.find((condition) => at(condition, 'type') === 'ScalingActive' && metricFailures.has(textAt(condition, 'reason')));
  if (withoutMetrics !== undefined) {
    const message = conditionText('the autoscaler gets no metrics', withoutMetrics);
    return beganJustNow(withoutMetrics, now) ? progressing(message) : degraded(message);
  }

  const scales = conditions.some((condition) => ['AbleToScale', 'ScalingLimited'].includes(textAt(condition, 'type')) && at(condition, 'status') === 'True');
  return scales ? healthy : progressing('the autoscaler has not looked at its target yet');
}

function conditionsOf(live: LiveObject): readonly unknown[] | undefined {
  if (at(live, 'apiVersion') !== 'autoscaling/v1') return listAt(live, 'status', 'conditions');
  const text = textAt(live, 'metadata', 'annotations', conditionsAnnotation);
  if (text === '') return [];
  try {
    const conditions: unknown = JSON.parse(text);
    return Array.isArray(conditions) ? conditions : undefined;
  } catch {
    return undefined;
  }
}

function beganJustNow(condition: unknown, now: Date | undefined): boolean {
  const sinceMs = timeMsAt(condition, 'lastTransitionTime');
  return now !== undefined && sinceMs !== undefined && now.getTime() - sinceMs < newPodsHaveNoMetricsForMs;
}

const conditionText = (before: string, condition: unknown): string =>
  withReason(before, { reason: textAt(condition, 'reason'), message: shortMessage(textAt(condition, 'message')) });
