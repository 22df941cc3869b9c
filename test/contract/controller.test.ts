import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openApiServer } from '../../src/adapters/api-server.ts';
import { openClusters } from '../../src/adapters/clusters.ts';
import { destinationWatches } from '../../src/adapters/destination-watches.ts';
import { openHub } from '../../src/adapters/hub.ts';
import { applicationLabel, ownerOf } from '../../src/diff/ownership.ts';
import type { GroupKind } from '../../src/model/manifest.ts';
import { referenceText } from '../../src/model/reference.ts';
import type { ApplicationStatus } from '../../src/resources/application.ts';
import type { Cluster } from '../../src/resources/cluster.ts';
import { parentManifest } from '../../src/sync/parent.ts';
import { openController } from '../../src/workers/controller.ts';
import { application, cluster } from '../builders.ts';
import { realParts } from '../real-parts.ts';
import { applyCrds } from './crds.ts';

const { hub: real, staging, production } = realParts();
const namespace = `controller-${randomBytes(4).toString('hex')}`;
const installation = namespace;
const web = { namespace, name: 'web' };
const owner = ownerOf(installation, web, namespace);
const { signal } = new AbortController();
const nudged: string[] = [];
const soon = (expectation: () => void | Promise<void>) => vi.waitFor(expectation, { timeout: 30_000, interval: 50 });
const kubectlApply = (on: typeof real, ...objects: readonly object[]) =>
  on.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input: objects.map((object) => JSON.stringify(object)).join('\n---\n') });
const clusterObject = (name: string, secret: string) => ({
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'Cluster',
  metadata: { name, namespace },
  spec: { connection: { type: 'kubeconfig', kubeconfig: { secretRef: { name: secret } } } },
});
const secretObject = (name: string, kubeconfig: string) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData: { kubeconfig } });
const configMap = (name: string, data: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels: { [applicationLabel]: owner.hash } },
  data,
});
const parentOf = (...kinds: readonly GroupKind[]) => parentManifest(owner, { kinds, namespaces: [] }, undefined);
const configMaps = { group: '', kind: 'ConfigMap' };
const widgets = { group: `${namespace}.example.org`, kind: 'Widget' };

async function forgetNudges(): Promise<void> {
  // What was caused before must not be taken for what comes next: events come in the order of the server's writes.
  const count = () => nudged.length;
  let before = -1;
  await vi.waitFor(
    () => {
      const now = count();
      const quiet = now === before;
      before = now;
      expect(quiet).toBe(true);
    },
    { timeout: 10_000, interval: 300 },
  );
  nudged.length = 0;
}

const server = openApiServer(real.sluiceKubeconfig, { port: 'hub', name: 'the hub', trusted: true });
const log = pino({ level: process.env.SLUICE_TEST_LOG ?? 'silent' });
const hub = openHub({ server, log });
const clusters = openClusters({ hub, hubServer: server, open: openApiServer, isTrusted: () => false, log });
const controller = openController({
  hub,
  watches: destinationWatches({ serverOf: clusters.serverOf, missingMs: 500 }),
  nudges: { nudge: async (verb, reference) => void nudged.push(`${verb} ${referenceText(reference)}`) },
  installation,
  ownerHash: (reference) => ownerOf(installation, reference, '').hash,
  log,
  times: { cluster: { closeAfterMs: 200, probeEveryMs: 1000 } },
});

const seenCluster = (name: string): Cluster => {
  const found = hub.seen('Cluster', { namespace, name });
  if (found === undefined) throw new Error(`no Cluster ${name}`);
  return found;
};
const readiness = (name: string) => seenCluster(name).status?.conditions.find(({ type }) => type === 'Ready');
const syncedSince = (name: string) => seenCluster(name).status?.watch?.syncedSince;

beforeAll(async () => {
  await applyCrds(real);
  await Promise.all([real, staging, production].map((each) => each.kubectl(['create', 'namespace', namespace])));
  const { apiVersion, kind, spec } = application({ spec: { destination: { namespace } } });
  await kubectlApply(
    real,
    secretObject('staging', staging.sluiceKubeconfig),
    secretObject('production', production.sluiceKubeconfig),
    secretObject('nowhere', staging.sluiceKubeconfig.replace(/server: .*/, 'server: https://127.0.0.1:1')),
    clusterObject('staging', 'staging'),
    clusterObject('production', 'production'),
    { apiVersion, kind, metadata: web, spec },
  );
  hub.start(controller.take);
  await hub.whenSynced(AbortSignal.timeout(20_000));
  controller.begin();
});

afterAll(async () => {
  await controller.stop();
  await clusters[Symbol.asyncDispose]();
  await hub[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await Promise.all([real, staging, production].map((each) => each.kubectl(['delete', 'namespace', namespace, '--wait=false'])));
});

describe('the controller', () => {
  it('says that it sees a Cluster', async () => {
    expect(cluster().spec.suspend).toBe(false);
    await soon(() => expect([readiness('staging')?.reason, readiness('production')?.reason]).toEqual(['Connected', 'Connected']));
    expect(seenCluster('staging').status?.version).toMatch(/^v1\./);
    expect(syncedSince('staging')).toBeDefined();
    await soon(() => expect(nudged).toContain(`sync ${namespace}/web`));
  });

  it('nudges an Application when a member of it is made, changed or removed', async () => {
    const since = syncedSince('staging');
    await kubectlApply(staging, parentOf(configMaps, widgets));
    await soon(() => expect(nudged.length).toBeGreaterThan(1));
    for (const act of [
      () => kubectlApply(staging, configMap('settings', { a: '1' })),
      () => kubectlApply(staging, configMap('settings', { a: '2' })),
      () => staging.kubectl(['-n', namespace, 'delete', 'configmap', 'settings']),
    ]) {
      await forgetNudges();
      await act();
      await soon(() => expect(nudged).toContain(`sync ${namespace}/web`));
    }
    expect(syncedSince('staging')).toBe(since);
  });

  it('begins to see a kind as soon as the Cluster serves it', async () => {
    const plural = `widgets.${widgets.group}`;
    await kubectlApply(staging, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: plural },
      spec: {
        group: widgets.group,
        scope: 'Namespaced',
        names: { kind: 'Widget', plural: 'widgets', singular: 'widget' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }],
      },
    });
    await staging.kubectl(['wait', '--for=condition=Established', `crd/${plural}`]);
    await forgetNudges();
    await soon(() =>
      kubectlApply(staging, {
        apiVersion: `${widgets.group}/v1`,
        kind: 'Widget',
        metadata: { name: 'one', namespace, labels: { [applicationLabel]: owner.hash } },
      }).then(() => {}),
    );
    await soon(() => expect(nudged).toContain(`sync ${namespace}/web`));
    await staging.kubectl(['delete', 'crd', plural]);
    await soon(() => expect(readiness('staging')?.reason).toBe('Connected'));
  });

  it('sees why pods do not start, while an Application is not settled', async () => {
    const write = async (unsettled: ApplicationStatus['unsettled']) => {
      const read = await hub.read('Application', web, signal);
      if (read !== undefined) await hub.writeStatus('Application', read, { conditions: [], history: [], unsettled }, signal);
    };
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'shop/web:broken' }] } };
    await write([{ namespace, selector: 'app=web' }]);
    await forgetNudges();
    await kubectlApply(staging, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace },
      spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template },
    });
    await staging.kubectl(['-n', namespace, 'wait', 'deployment/web', '--for=jsonpath={.status.unavailableReplicas}=1', '--timeout=30s']);
    await staging.kubectl([
      '-n',
      namespace,
      'wait',
      'pod',
      '-l',
      'app=web',
      '--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff',
      '--timeout=30s',
    ]);
    // Made, and waiting for its image: two looks at least.
    await soon(() => expect(nudged.filter((nudge) => nudge === `sync ${namespace}/web`).length).toBeGreaterThanOrEqual(2));
    await write([]);
    await staging.kubectl(['-n', namespace, 'delete', 'deployment', 'web']);
  });

  it('says that a Cluster is away, leaves the others alone, and nudges its Applications when it is back', async () => {
    const others = syncedSince('production');
    await kubectlApply(real, clusterObject('staging', 'nowhere'));
    await soon(() =>
      expect(readiness('staging')).toMatchObject({ status: 'False', reason: 'Unreachable', message: expect.stringContaining(`Cluster ${namespace}/staging`) }),
    );
    expect(syncedSince('staging')).toBeUndefined();
    await forgetNudges();
    await kubectlApply(real, clusterObject('staging', 'missing'));
    await soon(() =>
      expect(readiness('staging')).toMatchObject({ reason: 'NotFound', message: expect.stringContaining(`Secret ${namespace}/missing does not exist`) }),
    );
    await kubectlApply(real, clusterObject('staging', 'staging'));
    await soon(() => expect(readiness('staging')?.reason).toBe('Connected'));
    await soon(() => expect(nudged).toContain(`sync ${namespace}/web`));
    expect(syncedSince('production')).toBe(others);
  });
});
