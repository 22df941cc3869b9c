import { pino } from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import { PortError } from '../../src/model/port-error.ts';
import { type Reference, referenceText } from '../../src/model/reference.ts';
import type { Application } from '../../src/resources/application.ts';
import { type Controller, nudgeEverything, openController } from '../../src/workers/controller.ts';
import type { SeenMember, SeenParent, SeenPod } from '../../src/workers/watches.ts';
import { application, cluster, type Given, pipeline, release, repository } from '../builders.ts';
import { type AnyResource, fakeHub } from '../fakes/fake-hub.ts';
import { fakeWatches } from '../fakes/fake-watches.ts';

const log = pino({ level: 'silent' });
const staging: Reference = { namespace: 'shop', name: 'staging' };
const away = new PortError('destination', 'UNREACHABLE', 'Cluster shop/staging: nobody answers', { cause: undefined });
const deployments = { group: 'apps', kind: 'Deployment' };
const parent = (kinds: SeenParent['kinds'], name = 'sluice-web'): SeenParent => ({ namespace: 'web', name, owner: 'shop/web', kinds });
const unsettled = (status: Given<'Application'>['status']): Application => application({ ...(status === undefined ? {} : { status }) });
const pod = (ready: boolean): SeenPod => ({
  namespace: 'web',
  labels: { app: 'web' },
  facts: {
    name: 'web-1',
    ownerUid: undefined,
    ownerName: undefined,
    createdAtMs: 0,
    podTemplateHash: undefined,
    controllerRevisionHash: undefined,
    podTemplateGeneration: undefined,
    phase: 'Running',
    ready,
    deleting: false,
    reasons: [],
    unschedulable: undefined,
  },
});

type SetUp = { readonly resources?: readonly AnyResource[]; readonly clock?: () => Date };

function setUp({ resources = [repository(), cluster(), application()], clock = () => new Date() }: SetUp = {}) {
  const world = fakeHub(...resources);
  const destination = fakeWatches();
  const nudged: string[] = [];
  const controller: Controller = openController({
    hub: world.hub,
    watches: destination.watches,
    nudges: { nudge: async (verb, reference) => void nudged.push(`${verb} ${referenceText(reference)}`) },
    installation: 'default',
    ownerHash: ({ namespace, name }) => `hash of ${namespace}/${name}`,
    log,
    now: clock,
    times: { cluster: { closeAfterMs: 20, probeEveryMs: 20 }, status: { renewEveryMs: 10_000, lookEveryMs: 20 } },
  });
  world.onChange(controller.take);
  onTestFinished(() => controller.stop());
  const clusterNow = () => world.get('Cluster', staging).status;
  const soon = (expectation: () => void) => vi.waitFor(expectation, { timeout: 5000, interval: 5 });
  return { world, destination, nudged, controller, clusterNow, soon };
}

it('nudges everything when it begins, and nothing before', async () => {
  const { world, controller, nudged, soon } = setUp();
  world.put(application({ name: 'early' }));
  controller.begin();
  await soon(() => expect(nudged.toSorted()).toEqual(['refresh shop/config', 'sync shop/early', 'sync shop/web']));
});

it('follows the kinds that applyset parents name, and lets go of them after a while', async () => {
  const { destination, controller, soon, nudged } = setUp();
  controller.begin();
  await soon(() => expect(destination.open()).toEqual(['shop/staging parents']));
  const parents = destination.at<SeenParent>('shop/staging parents');
  parents.onEvent({ type: 'ADDED', object: parent([deployments, { group: '', kind: 'Service' }]) });
  parents.onEvent({ type: 'ADDED', object: parent([deployments], 'sluice-api') });
  expect(destination.open()).toEqual(['shop/staging members Deployment.apps', 'shop/staging members Service', 'shop/staging parents']);
  nudged.length = 0;
  destination.at<SeenMember>('shop/staging members Service').onEvent({ type: 'DELETED', object: { ownerHash: 'hash of shop/web' } });
  destination.at<SeenMember>('shop/staging members Service').onEvent({ type: 'ADDED', object: { ownerHash: 'of somebody else' } });
  await soon(() => expect(nudged).toEqual(['sync shop/web']));
  parents.onEvent({ type: 'MODIFIED', object: parent([deployments]) });
  await soon(() => expect(destination.open()).toEqual(['shop/staging members Deployment.apps', 'shop/staging parents']));
});

it('watches pods only while an Application is not settled', async () => {
  const { world, destination, controller, nudged, soon } = setUp();
  controller.begin();
  world.put(unsettled({ unsettled: [{ namespace: 'web', selector: 'app=web' }] }));
  expect(destination.open()).toContain('shop/staging pods web app=web');
  await soon(() => expect(nudged.length).toBeGreaterThan(0));
  nudged.length = 0;
  const pods = destination.at<SeenPod>('shop/staging pods web app=web');
  pods.onEvent({ type: 'ADDED', object: pod(false) });
  pods.onEvent({ type: 'MODIFIED', object: pod(false) });
  await soon(() => expect(nudged).toEqual(['sync shop/web']));
  world.put(unsettled({ unsettled: [] }));
  await soon(() => expect(destination.open()).toEqual(['shop/staging parents']));
});

it('says in the status of a Cluster since when it sees everything, and renews that', async () => {
  const { world, controller, clusterNow, soon } = setUp();
  controller.begin();
  await soon(() => expect(clusterNow()?.watch?.syncedSince).toBeDefined());
  expect(clusterNow()).toMatchObject({ version: 'v1.36.0', observedGeneration: 1 });
  expect(clusterNow()?.conditions.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True', reason: 'Connected' });
  world.put(cluster({ spec: { allowedNamespaces: ['other'] } }));
  await soon(() => expect(clusterNow()?.observedGeneration).toBe(2));
});

it('says that a Cluster is away once that lasts, leaves the others alone, and nudges its Applications when it is back', async () => {
  let nowMs = Date.UTC(2026, 0, 1);
  const production = cluster({ name: 'production' });
  const elsewhere = application({ name: 'elsewhere', spec: { destination: { cluster: { name: 'production' } } } });
  const { world, destination, controller, clusterNow, nudged, soon } = setUp({
    resources: [repository(), cluster(), production, application(), elsewhere],
    clock: () => new Date(nowMs),
  });
  controller.begin();
  await soon(() => expect(clusterNow()?.watch?.syncedSince).toBeDefined());
  await soon(() => expect(nudged).toHaveLength(3));
  nudged.length = 0;

  const parents = destination.at<SeenParent>('shop/staging parents');
  parents.onLost(away);
  nowMs += 6000;
  await soon(() => expect(clusterNow()?.watch).toEqual({ renewedAt: expect.any(String) }));
  expect(clusterNow()?.conditions.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False', reason: 'Unreachable', message: away.message });
  await soon(() => expect(world.get('Cluster', { namespace: 'shop', name: 'production' }).status?.watch?.syncedSince).toBeDefined());

  parents.onSynced({ relisted: false });
  await soon(() => expect(clusterNow()?.watch?.syncedSince).toBe(new Date(nowMs).toISOString()));
  await soon(() => expect(nudged).toEqual(['sync shop/web']));
});

it('finds a Cluster away whose streams only seem to stand', async () => {
  let nowMs = Date.UTC(2026, 0, 1);
  const { destination, controller, clusterNow, soon } = setUp({ clock: () => new Date(nowMs) });
  controller.begin();
  await soon(() => expect(clusterNow()?.watch?.syncedSince).toBeDefined());
  destination.answers(away);
  await soon(() => {
    nowMs += 3000;
    expect(clusterNow()?.watch?.syncedSince).toBeUndefined();
  });
});

it('connects anew when the connection of a Cluster changes, and leaves a suspended or removed one', async () => {
  const { world, destination, controller, clusterNow, soon } = setUp();
  controller.begin();
  const before = destination.at('shop/staging parents');
  world.put(cluster({ spec: { connection: { kubeconfig: { secretRef: { name: 'other' } } } } }));
  await soon(() => expect(destination.open()).toEqual(['shop/staging parents']));
  expect(destination.at('shop/staging parents')).not.toBe(before);
  world.put(cluster({ spec: { suspend: true } }));
  await soon(() => expect(clusterNow()?.conditions.find(({ type }) => type === 'Ready')).toMatchObject({ reason: 'Suspended' }));
  expect(destination.open()).toEqual([]);
  expect(clusterNow()?.watch).toBeUndefined();
  world.remove('Cluster', staging);
});

it('keeps nudges until the queue takes them', async () => {
  const { hub } = fakeHub(repository(), application());
  const nudged: string[] = [];
  let refusals = 3;
  const controller = openController({
    hub,
    watches: fakeWatches().watches,
    nudges: {
      async nudge(verb, reference) {
        if (refusals-- > 0) throw new PortError('queue', 'UNREACHABLE', 'Redis does not answer', { cause: undefined });
        nudged.push(`${verb} ${referenceText(reference)}`);
      },
    },
    installation: 'default',
    ownerHash: referenceText,
    log,
  });
  onTestFinished(() => controller.stop());
  controller.begin();
  await vi.waitFor(() => expect(nudged.toSorted()).toEqual(['refresh shop/config', 'sync shop/web']), { timeout: 10_000, interval: 20 });
});

it('nudges everything for a lost queue, and says when it could not', async () => {
  const { hub } = fakeHub(repository(), pipeline(), application(), release());
  const nudged: string[] = [];
  await nudgeEverything(hub, { nudge: async (verb, reference) => void nudged.push(`${verb} ${referenceText(reference)}`) });
  expect(nudged.toSorted()).toEqual(['promote shop/shop', 'refresh shop/config', 'report shop/shop-1', 'sync shop/web']);
  await expect(nudgeEverything(hub, { nudge: () => Promise.reject(away) })).rejects.toBe(away);
});
