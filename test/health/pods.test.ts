import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { podFacts, podSelectorOf, watchesPods } from '../../src/health/pods.ts';
import { isJsonObject, type JsonObject } from '../../src/model/json.ts';
import type { LiveObject } from '../../src/model/manifest.ts';
import { condition, live, waiting } from './objects.ts';

const catalogPod = live('v1', 'Pod', {
  metadata: {
    name: 'catalog-6d5f-abcde',
    labels: { app: 'catalog', 'pod-template-hash': '6d5f' },
    ownerReferences: [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid: 'uid-other' },
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'catalog-6d5f', uid: 'uid-new', controller: true },
    ],
  },
  spec: { containers: [{ name: 'catalog', env: [{ name: 'PASSWORD', value: 'hunter2' }] }] },
  status: {
    phase: 'Pending',
    conditions: [condition('PodScheduled', 'True'), condition('Ready', 'False', 'ContainersNotReady')],
    initContainerStatuses: [{ name: 'migrate', restartCount: 0, state: { terminated: { exitCode: 0, reason: 'Completed', message: 'hunter2' } } }],
    containerStatuses: [
      waiting('catalog', 'CrashLoopBackOff', `back-off 40s\n${'x'.repeat(900)}`, 3, { terminated: { exitCode: 1, reason: 'Error', message: 'hunter2' } }),
      { name: 'proxy', restartCount: 1, state: { running: { startedAt: '2026-05-04T10:00:05Z' } } },
    ],
  },
});

describe('podFacts', () => {
  it('keeps names, owner and reasons', () => {
    expect(podFacts(catalogPod)).toEqual({
      name: 'catalog-6d5f-abcde',
      ownerUid: 'uid-new',
      ownerName: 'catalog-6d5f',
      createdAtMs: Date.parse('2026-05-04T10:00:00Z'),
      podTemplateHash: '6d5f',
      controllerRevisionHash: undefined,
      podTemplateGeneration: undefined,
      phase: 'Pending',
      ready: false,
      deleting: false,
      reasons: [
        {
          container: 'catalog',
          reason: 'CrashLoopBackOff',
          message: expect.stringMatching(/^back-off 40s x+…$/),
          restartCount: 3,
          lastEnd: 'Error, exit code 1',
        },
      ],
      unschedulable: undefined,
    });
  });

  it('keeps nothing of the environment or of what a container wrote', () => {
    expect(JSON.stringify(podFacts(catalogPod))).not.toContain('hunter2');
  });

  it('cuts messages to 300 characters', () => {
    expect(podFacts(catalogPod).reasons[0]?.message).toHaveLength(300);
  });

  const crashed = (exitCode: number, finishedAt: string) => ({
    terminated: { exitCode, reason: 'Error', startedAt: '2026-05-04T10:01:00Z', finishedAt, message: 'hunter2' },
  });
  const reasonsOf = (container: JsonObject) =>
    podFacts(live('v1', 'Pod', { status: { containerStatuses: [{ name: 'web', ready: false, restartCount: 4, ...container }] } })).reasons;
  const running = { running: { startedAt: '2026-05-04T10:02:00Z' } };

  it.each([
    ['runs again', { state: running, lastState: crashed(1, '2026-05-04T10:01:05Z') }],
    ['has crashed a moment ago', { state: crashed(1, '2026-05-04T10:01:05Z'), lastState: {} }],
  ])('notes a container that %s between two crashes', (_, container) => {
    expect(reasonsOf(container)).toEqual([{ container: 'web', reason: 'Crashed', message: '', restartCount: 4, lastEnd: 'Error, exit code 1' }]);
  });

  it.each([
    ['is ready again', { ready: true, state: running, lastState: crashed(1, '2026-05-04T10:01:05Z') }],
    ['ended well', { state: running, lastState: crashed(0, '2026-05-04T10:01:05Z') }],
    ['ran for ten minutes before', { state: running, lastState: crashed(1, '2026-05-04T10:11:00Z') }],
    ['does not say how long it ran', { state: running, lastState: { terminated: { exitCode: 1 } } }],
    ['has finished as an init container does', { state: crashed(0, '2026-05-04T10:01:05Z'), lastState: crashed(1, '2026-05-04T10:00:05Z') }],
  ])('notes no crash of a container that %s', (_, container) => {
    expect(reasonsOf(container)).toEqual([]);
  });

  it('knows since when no node is found', () => {
    const pod = live('v1', 'Pod', {
      status: { conditions: [condition('PodScheduled', 'False', 'Unschedulable', '0/3 nodes are available', '2026-05-04T10:00:07Z')] },
    });
    expect(podFacts(pod).unschedulable).toEqual({ sinceMs: Date.parse('2026-05-04T10:00:07Z'), message: '0/3 nodes are available' });
  });

  it('never throws on a hostile pod', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (metadata, status) => void podFacts({ metadata, status } as unknown as LiveObject)));
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue()),
        (list) => void podFacts({ metadata: { ownerReferences: list }, status: { containerStatuses: list, conditions: list } } as unknown as LiveObject),
      ),
    );
    fc.assert(fc.property(fc.jsonValue(), (value) => void podFacts(value as unknown as LiveObject)));
  });
});

const selecting = (selector: JsonObject) => podSelectorOf(live('apps/v1', 'Deployment', { spec: { selector } }));

describe('podSelectorOf', () => {
  it('writes labels and expressions as a label query', () => {
    const selector = {
      matchLabels: { 'app.kubernetes.io/name': 'catalog', app: 'web' },
      matchExpressions: [
        { key: 'tier', operator: 'In', values: ['b', 'a'] },
        { key: 'track', operator: 'NotIn', values: ['canary'] },
        { key: 'release', operator: 'Exists' },
        { key: 'legacy', operator: 'DoesNotExist' },
      ],
    };
    expect(selecting(selector)).toBe('!legacy,app.kubernetes.io/name=catalog,app=web,release,tier in (a,b),track notin (canary)');
  });

  it.each([
    ['is empty', {}],
    ['has an unknown operator', { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'Gt', values: ['1'] }] }],
    ['has no values', { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: [] }] }],
    ['would say something else', { matchLabels: { app: 'web,tier in (a)' } }],
  ])('gives no query when the selector %s', (_, selector) => {
    expect(selecting(selector)).toBeUndefined();
  });

  it('gives no query for a kind without pods', () => {
    expect(podSelectorOf(live('v1', 'Service', { spec: { selector: { matchLabels: { app: 'web' } } } }))).toBeUndefined();
  });

  it('never throws on a hostile selector', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        (selector) =>
          void selecting(isJsonObject(selector) ? (selector as JsonObject) : { matchLabels: selector as never, matchExpressions: [selector as never] }),
      ),
    );
  });
});

describe('watchesPods', () => {
  it.each([
    ['apps', 'Deployment', true],
    ['apps', 'StatefulSet', true],
    ['apps', 'DaemonSet', true],
    ['apps', 'ReplicaSet', true],
    ['batch', 'Job', true],
    ['', 'Pod', false],
    ['', 'Service', false],
    ['example.org', 'Deployment', false],
  ])('%s %s: %s', (group, kind, expected) => {
    expect(watchesPods({ group, kind })).toBe(expected);
  });
});
