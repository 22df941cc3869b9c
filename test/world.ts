import { randomUUID } from 'node:crypto';
import { type Reference, referenceText } from '../src/model/reference.ts';
import type { Push, PushOutcome } from '../src/promotion/environment-branch.ts';
import type { Ports } from '../src/promotion/ports.ts';
import { generateSigningKey, parseSigningKey } from '../src/promotion/signing-key.ts';
import { openRenderCache } from '../src/render/cache.ts';
import { inputsOf, render } from '../src/render/render.ts';
import type { Renderer } from '../src/render/renderer.ts';
import { openLiveObjects } from '../src/sync/observe.ts';
import type { Verb } from '../src/workers/nudges.ts';
import { promoteStep } from '../src/workers/promote-step.ts';
import { refreshStep } from '../src/workers/refresh-step.ts';
import { syncStep } from '../src/workers/sync-step.ts';
import type { Step } from '../src/workers/worker.ts';
import { type FakeDestination, fakeDestination } from './fakes/fake-destination.ts';
import { type FakeHub, fakeHub } from './fakes/fake-hub.ts';
import { type FakeRepository, fakeRepository, fakeSource } from './fakes/fake-source.ts';

/** What outlives a hub: the Git host, the clusters, and time. */
type Survivors = { readonly repository: FakeRepository; readonly destination: FakeDestination; now(): Date };

const unmeasured = { synced() {}, judged() {} };
const quiet = { debug() {}, info() {}, warn() {} };

type Options = { readonly namespaces?: readonly string[]; readonly survivedBy?: Survivors; readonly renderer?: Renderer };

/**
 * The whole service in memory: the real stories over fakes, a clock that only moves when told, and a queue that runs one look at a time.
 * Only immediate nudges run by themselves; `pass` lets time go by and runs the timers that come due.
 */
export function openWorld({ namespaces = ['web'], survivedBy, renderer = noTools }: Options = {}) {
  const hub: FakeHub = fakeHub();
  const repository = survivedBy?.repository ?? fakeRepository();
  const destination: FakeDestination = survivedBy?.destination ?? fakeDestination({ namespaces });
  const heads = { get: (ref: string) => repository.head(ref), set: (ref: string, commit: string | undefined) => repository.point(ref, commit) };
  const pushes: Push[] = [];
  let meanwhile: ((push: Push) => void) | undefined;
  const environmentBranch = {
    async push(push: Push): Promise<PushOutcome> {
      const before = meanwhile;
      meanwhile = undefined;
      before?.(push);
      pushes.push(push);
      if (heads.get(push.ref) !== push.expectedHead) return { outcome: 'moved', head: heads.get(push.ref) };
      repository.receive(push.ref, [{ type: 'commit', bytes: push.commit.bytes }, ...(push.objects ?? [])]);
      return { outcome: 'pushed' };
    },
  };
  const key = parseSigningKey(generateSigningKey(Buffer.alloc(32, 7)).privateKeyPem);
  if (!key.ok) throw new Error('the signing key does not parse');

  let nowMs = survivedBy?.now().getTime() ?? Date.UTC(2026, 0, 1, 12);
  const waiting: { readonly verb: Verb; readonly reference: Reference }[] = [];
  const timers = new Map<string, { readonly verb: Verb; readonly reference: Reference; readonly atMs: number }>();
  const cache = openRenderCache({ maxBytes: 1_000_000 });

  const ports: Ports = {
    hub: hub.hub,
    source: fakeSource(repository),
    accessTo: async () => repository.access,
    render: (request, signal) => render(request, { renderer, cache }, signal),
    inputsOf: (request) => inputsOf(request, cache),
    destinations: destination.destinations,
    liveObjects: openLiveObjects(1000),
    installation: 'test',
    worker: 'test-worker',
    newId: randomUUID,
    now: () => new Date(nowMs),
    environmentBranch,
    readRawCommit: (access, id, signal) => repository.source.rawCommit(access, id, signal),
    signer: { key: key.value, name: 'Sluice', email: 'sluice@example.org' },
  };

  const nudges = {
    async nudge(verb: Verb, reference: Reference) {
      if (!waiting.some((each) => each.verb === verb && referenceText(each.reference) === referenceText(reference))) waiting.push({ verb, reference });
    },
    async nudgeIn(verb: Verb, reference: Reference, inMs: number) {
      timers.set(`${verb}/${referenceText(reference)}`, { verb, reference, atMs: nowMs + inMs });
    },
  };
  const steps: Readonly<Record<Verb, Step>> = {
    refresh: refreshStep(ports, nudges, quiet, () => 0.5),
    sync: syncStep(ports, nudges, quiet, unmeasured),
    promote: promoteStep(ports, nudges, quiet, unmeasured),
    report: async () => ({}),
  };

  async function look(verb: Verb, reference: Reference): Promise<void> {
    const { lookAgainInMs } = await steps[verb](reference, new AbortController().signal);
    if (lookAgainInMs === 0) await nudges.nudge(verb, reference);
    else if (lookAgainInMs !== undefined) await nudges.nudgeIn(verb, reference, lookAgainInMs);
  }

  async function settle(): Promise<void> {
    for (let looks = 0; waiting.length > 0; looks += 1) {
      if (looks > 500) throw new Error(`never settles: ${waiting.map(({ verb, reference }) => `${verb} ${referenceText(reference)}`).join(', ')}`);
      const next = waiting.shift();
      if (next !== undefined) await look(next.verb, next.reference);
    }
  }

  return {
    hub,
    repository,
    destination,
    heads,
    pushes,
    /** Runs before the next push reaches the host: for a push by somebody else, or an error. */
    beforeNextPush(happens: (push: Push) => void) {
      meanwhile = happens;
    },
    ports,
    nudges,
    settle,
    now: () => new Date(nowMs),
    look,
    /** Commits to main, as a person pushes, and lets everything that follows happen. */
    async push(files: Readonly<Record<string, string | undefined>>, message = 'change'): Promise<string> {
      const commit = repository.commit(files, { message });
      await nudges.nudge('refresh', { namespace: 'shop', name: 'config' });
      await settle();
      return commit;
    },
    /** Something happened on a cluster. */
    async sync(...names: readonly string[]): Promise<void> {
      for (const name of names) await nudges.nudge('sync', { namespace: 'shop', name });
      await settle();
    },
    /** Lets time go by, timers and all. */
    async pass(ms: number): Promise<void> {
      const untilMs = nowMs + ms;
      for (;;) {
        const [next] = [...timers].toSorted(([, a], [, b]) => a.atMs - b.atMs);
        if (next === undefined || next[1].atMs > untilMs) break;
        timers.delete(next[0]);
        nowMs = Math.max(nowMs, next[1].atMs);
        await nudges.nudge(next[1].verb, next[1].reference);
        await settle();
      }
      nowMs = untilMs;
    },
    application: (name: string) => hub.get('Application', { namespace: 'shop', name }),
    pipeline: (name: string) => hub.get('Pipeline', { namespace: 'shop', name }),
  };
}

export type World = ReturnType<typeof openWorld>;

const noTools: Renderer = {
  versions: { kustomize: 'none', helm: 'none' },
  async kustomize() {
    return { ok: false as const, message: 'there is no kustomize in this test' };
  },
  async helm() {
    return { ok: false as const, message: 'there is no helm in this test' };
  },
};
