import { describe, expect, it } from 'vitest';
import { selectorMatches } from '../../src/workers/pod-selector.ts';
import { openPodWatches, whatMatters } from '../../src/workers/pod-watches.ts';
import type { Handlers, PodFacts, SeenPod } from '../../src/workers/watches.ts';

const facts = (given: Partial<PodFacts> = {}): PodFacts => ({
  name: 'web-1',
  ownerUid: 'rs',
  ownerName: 'web',
  createdAtMs: 0,
  podTemplateHash: 'a',
  controllerRevisionHash: undefined,
  podTemplateGeneration: undefined,
  phase: 'Pending',
  ready: false,
  deleting: false,
  reasons: [],
  unschedulable: undefined,
  ...given,
});
const waiting = (reason: string, restartCount: number, message = '') => facts({ reasons: [{ container: 'main', reason, message, restartCount, lastEnd: '' }] });

describe('a label query', () => {
  it.each([
    ['app=web', { app: 'web' }, true],
    ['app=web', { app: 'api' }, false],
    ['app=web', {}, false],
    ['app=', { app: '' }, true],
    ['app=web,tier in (a,b)', { app: 'web', tier: 'b' }, true],
    ['app=web,tier in (a,b)', { app: 'web', tier: 'c' }, false],
    ['tier notin (a,b)', { tier: 'c' }, true],
    ['tier notin (a,b)', {}, true],
    ['tier notin (a,b)', { tier: 'a' }, false],
    ['!legacy,app', { app: 'web' }, true],
    ['!legacy,app', { app: 'web', legacy: '' }, false],
    ['app.kubernetes.io/name=web', { 'app.kubernetes.io/name': 'web' }, true],
    ['what (is this', { app: 'web' }, true],
  ])('%s chooses %j: %s', (selector, labels, expected) => {
    expect(selectorMatches(selector, labels)).toBe(expected);
  });
});

describe('of a pod it matters', () => {
  it.each<[string, PodFacts, PodFacts, boolean]>([
    ['that it became ready', facts(), facts({ ready: true }), true],
    ['in which phase it is', facts(), facts({ phase: 'Running' }), true],
    ['that it is being deleted', facts(), facts({ deleting: true }), true],
    ['that no node takes it', facts(), facts({ unschedulable: { sinceMs: 1, message: '0/1 nodes' } }), true],
    ['why a container waits', waiting('ContainerCreating', 0), waiting('ImagePullBackOff', 0), true],
    ['that it has crashed three times', waiting('CrashLoopBackOff', 2), waiting('CrashLoopBackOff', 3), true],
    ['not how often it crashed after that', waiting('CrashLoopBackOff', 3), waiting('CrashLoopBackOff', 9), false],
    ['not in which words', waiting('ImagePullBackOff', 0, 'a'), waiting('ImagePullBackOff', 0, 'b'), false],
  ])('%s', (_, before, now, expected) => {
    expect(whatMatters(before) !== whatMatters(now)).toBe(expected);
  });
});

describe('the pods of what is rolling out', () => {
  function setUp() {
    const open = new Map<string, Handlers<SeenPod>['onEvent']>();
    const nudged: string[] = [];
    const watches = openPodWatches({
      open(key, _where, onEvent) {
        open.set(key, onEvent);
        return { stop: async () => void open.delete(key) };
      },
      onClosed: (key) => void open.delete(key),
      onFacts: (applications) => nudged.push(...applications.map(({ name }) => name)),
    });
    const see = (key: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', app: string, pod: PodFacts) =>
      open.get(key)?.({ type, object: { namespace: 'web', labels: { app }, facts: pod } });
    return { watches, open, nudged, see };
  }
  const unsettled = (name: string, selector: string, namespace = 'web') => ({ application: { namespace: 'shop', name }, namespace, selector });

  it('are watched by their selector, of several selectors all of the namespace, and no longer than needed', async () => {
    const { watches, open } = setUp();
    watches.want([unsettled('web', 'app=web'), unsettled('web', 'app=web', 'other')]);
    expect([...open.keys()]).toEqual(['pods web app=web', 'pods other app=web']);
    watches.want([unsettled('web', 'app=web'), unsettled('api', 'app=api')]);
    expect([...open.keys()]).toEqual(['pods web *']);
    watches.want([unsettled('api', 'app=api')]);
    expect([...open.keys()]).toEqual(['pods web *']);
    watches.want([]);
    expect([...open.keys()]).toEqual([]);
    await watches.stop();
  });

  it('nudge the Application whose selector chooses them, once for every change that matters', () => {
    const { watches, see, nudged } = setUp();
    watches.want([unsettled('web', 'app=web'), unsettled('api', 'app=api')]);
    see('pods web *', 'ADDED', 'web', facts());
    see('pods web *', 'MODIFIED', 'web', facts());
    expect(nudged).toEqual(['web']);
    see('pods web *', 'MODIFIED', 'web', waiting('ImagePullBackOff', 0));
    see('pods web *', 'MODIFIED', 'other', waiting('ImagePullBackOff', 0));
    expect(nudged).toEqual(['web', 'web']);
    see('pods web *', 'ADDED', 'api', facts({ name: 'api-1' }));
    see('pods web *', 'DELETED', 'web', facts());
    expect(nudged).toEqual(['web', 'web', 'api', 'web']);
  });
});
