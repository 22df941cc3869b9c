import { describe } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { condition, containers, judges, live, waiting } from './objects.ts';

const annotated = (annotations: Record<string, string>, status: JsonObject) =>
  live('v1', 'Pod', { metadata: { annotations }, spec: { restartPolicy: 'Never' }, status });
const ignored = { 'argocd.argoproj.io/ignore-restart-policy': 'true' };
const ready = { phase: 'Running', conditions: [condition('Ready', 'True')] };
const pulling = { phase: 'Pending', ...containers(waiting('web', 'ImagePullBackOff', 'Back-off pulling image "web:2"')) };

describe('a Pod that restarts never', () => {
  judges([
    ['and is ready is Progressing, as it has to end', annotated({}, ready), 'Progressing', 'the pod runs and has not finished'],
    ['and ignores its restart policy is Healthy once it is ready', annotated(ignored, ready), 'Healthy', ''],
    ['and ignores it by our own annotation is Healthy once it is ready', annotated({ 'sluice.dev/ignore-restart-policy': 'true' }, ready), 'Healthy', ''],
    [
      'and ignores it with another value is Progressing',
      annotated({ 'argocd.argoproj.io/ignore-restart-policy': 'yes' }, ready),
      'Progressing',
      'the pod runs and has not finished',
    ],
    [
      'and is a hook has to end all the same',
      annotated({ ...ignored, 'argocd.argoproj.io/hook': 'PostSync' }, ready),
      'Progressing',
      'the pod runs and has not finished',
    ],
    ['and ignores it fails on its image', annotated(ignored, pulling), 'Degraded', 'container web: ImagePullBackOff: Back-off pulling image "web:2"'],
    ['and ended well is Healthy', annotated(ignored, { phase: 'Succeeded' }), 'Healthy', ''],
  ]);
});
