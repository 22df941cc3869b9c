import { createHmac, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ControlPlane, type Role, startControlPlane } from './control-plane.ts';
import type { BorrowedCluster } from './demo-borrowed-cluster.ts';
import { type DemoCluster, destinationFile, exampleLayout, hubResources, type ShopLayout, type Stage } from './demo-resources.ts';
import { type SluiceEnvironment, type SluiceProcess, sluiceProcess } from './demo-sluice.ts';
import { type Gitea, startGitea } from './gitea.ts';
import { ensurePage } from './page.ts';
import type { Parts } from './parts.ts';
import { withFreePorts } from './process.ts';
import { type Redis, startRedis } from './redis.ts';
import { openRunFolder, type RunFolder } from './run-folder.ts';
import type { Say } from './run-program.ts';

/** The config repository on the Git host; empty until the first push. */
export type ShopRepository = {
  readonly name: string;
  readonly cloneUrl: string;
  readonly webhookUrl: string;
  readonly webhookId: number;
  readonly webhookSecret: string;
};

/** Everything that the story of the shop needs, running: hub, staging and production, Redis, a Git host, and Sluice with the shop's resources. */
export type DemoWorld<Cluster extends DemoCluster = DemoCluster> = AsyncDisposable & {
  readonly shop: ShopLayout;
  readonly parts: Parts;
  /** The folder of this run: logs, kubeconfigs, data. Removed at the end. */
  readonly dir: string;
  readonly hub: Cluster;
  readonly staging: Cluster;
  readonly production: Cluster;
  readonly redis: Redis;
  readonly gitea: Gitea;
  readonly repository: ShopRepository;
  readonly sluice: SluiceProcess;
  startSluice(overrides?: SluiceEnvironment): Promise<void>;
  stopSluice(): Promise<void>;
  killSluice(): Promise<void>;
};

/** On three control planes of its own. */
export type World = DemoWorld<ControlPlane>;

type Options = {
  readonly say: Say;
  readonly parts: Parts;
  /** Settings of Sluice that differ from what the demo gives it. */
  readonly environment?: SluiceEnvironment;
  /** False: Sluice learns of pushes by polling only. */
  readonly webhook?: boolean;
  readonly pollSeconds?: number;
};

/** Who Sluice is on the clusters of a world, in place of the user `sluice` of tools/sluice-bindings.yaml. */
export type Installation = {
  /** Where its service accounts are: what they ask for is written into the audit logs of the control planes. */
  readonly namespaces: readonly string[];
  /** Makes the empty hub serve the custom resources and gives Sluice its rights there. */
  hub(hub: ControlPlane): Promise<void>;
  /** Answers the kubeconfig by which Sluice uses this cluster. */
  destination(cluster: ControlPlane): Promise<string>;
  /** For the world's own process; SLUICE_HUB_KUBECONFIG among it. Asked after `hub`. */
  environment(hub: ControlPlane): Promise<SluiceEnvironment>;
};

const crds = join(import.meta.dirname, '../deploy/crds');
const repositoryName = 'shop';

/** Starts something that is stopped with the world. */
type Started = <T extends AsyncDisposable>(starting: Promise<T>) => Promise<T>;

/** The clusters of a world, coming up, and how Sluice gets to them. */
type Clusters<Cluster extends DemoCluster> = {
  readonly shop: ShopLayout;
  readonly hub: Promise<Cluster>;
  readonly staging: Promise<Cluster>;
  readonly production: Promise<Cluster>;
  /** By which Sluice uses the stages that are clusters of their own. */
  kubeconfigs(stages: Readonly<Record<Stage, Cluster>>): Promise<Readonly<Partial<Record<Stage, string>>>>;
  /** Settings of Sluice that these clusters need, its kubeconfig for the hub among them. */
  environment(hub: Cluster): Promise<SluiceEnvironment>;
};

/** Starts all of it in parallel; ready when Sluice has answered a signed call of the webhook. What was started is stopped when a part fails. */
export function startWorld(options: Options & { readonly installation?: Installation }): Promise<World> {
  return start(options, async (folder, started) => ownClusters(options, folder, started));
}

/** The same with one cluster of the user's for hub and stages, each a namespace there. */
export function startBorrowedWorld(options: Options & { readonly borrowed: BorrowedCluster }): Promise<DemoWorld> {
  return start(options, (folder) => borrowedClusters(options.borrowed, folder));
}

const demoInstallation: Omit<Installation, 'namespaces'> = {
  async hub(cluster) {
    await cluster.kubectl(['apply', '--server-side', '-f', crds]);
    await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', crds]);
  },
  destination: async (cluster) => cluster.kubeconfig('sluice'),
  environment: async (hub) => ({ SLUICE_HUB_KUBECONFIG: hub.kubeconfigFile('sluice') }),
};

function ownClusters(
  { say, parts, installation }: Options & { readonly installation?: Installation },
  folder: RunFolder,
  started: Started,
): Clusters<ControlPlane> {
  const controlPlane = (name: string, role: Role) => {
    const identities = installation === undefined ? { roles: [role] } : { roles: [], auditNamespaces: installation.namespaces };
    return started(startControlPlane({ parts, dir: join(folder.path, name), name, ...identities, say }));
  };
  const destination = async (name: string) => {
    const cluster = await controlPlane(name, 'destination');
    await cluster.kubectl(['apply', '--server-side', '-f', destinationFile]);
    return cluster;
  };
  const installed = installation ?? demoInstallation;
  const hub = controlPlane('hub', 'hub').then(async (cluster) => {
    await installed.hub(cluster);
    say('hub: the five kinds of sluice.dev are served');
    return cluster;
  });
  return {
    shop: exampleLayout,
    hub,
    staging: destination('staging'),
    production: destination('production'),
    async kubeconfigs(stages) {
      const [staging, production] = await Promise.all([installed.destination(stages.staging), installed.destination(stages.production)]);
      return { staging, production };
    },
    environment: (cluster) => installed.environment(cluster),
  };
}

async function borrowedClusters({ layout, cluster, sluiceKubeconfig, environment }: BorrowedCluster, folder: RunFolder): Promise<Clusters<DemoCluster>> {
  const file = join(folder.path, 'sluice.kubeconfig');
  await writeFile(file, sluiceKubeconfig, { mode: 0o600 });
  const named = (name: string) => Promise.resolve({ ...cluster, name });
  return {
    shop: layout,
    hub: named('hub'),
    staging: named('staging'),
    production: named('production'),
    kubeconfigs: async () => ({}),
    environment: async () => ({ SLUICE_HUB_KUBECONFIG: file, ...environment }),
  };
}

type OpenClusters<Cluster extends DemoCluster> = (folder: RunFolder, started: Started) => Promise<Clusters<Cluster>>;

async function start<Cluster extends DemoCluster>(
  { say, parts, environment = {}, webhook = true, pollSeconds }: Options,
  openClusters: OpenClusters<Cluster>,
): Promise<DemoWorld<Cluster>> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await openRunFolder());
  const started: Started = (starting) => starting.then((thing) => stack.use(thing));
  const webhookSecret = randomBytes(24).toString('hex');
  await ensurePage({ say });
  const clusters = await openClusters(folder, started);
  const { shop } = clusters;

  const redisStarting = started(startRedis({ parts, dir: join(folder.path, 'redis') }));
  const giteaStarting = started(startGitea({ parts, dir: join(folder.path, 'gitea'), say })).then(async (gitea) => ({
    gitea,
    ...(await gitea.createRepository(repositoryName)),
  }));
  const sluiceStarting = Promise.all([clusters.hub, redisStarting]).then(async ([hub, redis]) =>
    started(startSluice({ parts, dir: folder.path, redis, environment: { ...(await clusters.environment(hub)), ...environment }, say })),
  );

  const [hub, staging, production, redis, { gitea, cloneUrl }, sluice] = await together([
    clusters.hub,
    clusters.staging,
    clusters.production,
    redisStarting,
    giteaStarting,
    sluiceStarting,
  ]);

  const webhookUrl = `${sluice.url}/webhooks/${shop.namespaces.hub}/${repositoryName}`;
  const resources = await hubResources({
    shop,
    repositoryUrl: cloneUrl,
    ...(pollSeconds === undefined ? {} : { pollSeconds }),
    gitToken: gitea.token,
    webhookSecret,
    kubeconfigs: await clusters.kubeconfigs({ staging, production }),
  });
  await hub.kubectl(['apply', '--server-side', '-f', '-'], { input: resources });
  const webhookId = webhook ? await gitea.addWebhook({ repository: repositoryName, url: webhookUrl, secret: webhookSecret }) : 0;
  await waitForWebhook(webhookUrl, webhookSecret, sluice);
  say("the shop's resources are on the hub, and the webhook is answered");

  const running = stack.move();
  return {
    shop,
    parts,
    dir: folder.path,
    hub,
    staging,
    production,
    redis,
    gitea,
    repository: { name: repositoryName, cloneUrl, webhookUrl, webhookId, webhookSecret },
    sluice,
    startSluice: (overrides) => sluice.start(overrides),
    stopSluice: () => sluice.stop().then(() => {}),
    killSluice: () => sluice.kill(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

type SluiceOptions = {
  readonly parts: Parts;
  readonly dir: string;
  readonly redis: Redis;
  readonly environment: SluiceEnvironment;
  readonly say: Say;
};

function startSluice({ parts, dir, redis, environment, say }: SluiceOptions): Promise<SluiceProcess> {
  const began = performance.now();
  const cacheDir = join(dir, 'sluice-cache');
  return withFreePorts(1, async ([port = 0]) => {
    await mkdir(cacheDir, { recursive: true, mode: 0o700 });
    const sluice = sluiceProcess({
      port,
      logFile: join(dir, 'sluice.log'),
      environment: {
        SLUICE_REDIS_URL: redis.url,
        SLUICE_KUSTOMIZE_BIN: parts.kustomize,
        SLUICE_HELM_BIN: parts.helm,
        SLUICE_CACHE_DIR: cacheDir,
        ...environment,
      },
    });
    await sluice.start();
    say(`Sluice: ready after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    return sluice;
  });
}

/** Waits for all, also when one fails, so that nothing comes up after the rest was stopped. */
async function together<const T extends readonly Promise<unknown>[]>(promises: T) {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** Signed as Gitea signs, with an event that changes no ref: answered as soon as Sluice has seen the Repository and its Secret. */
async function waitForWebhook(url: string, secret: string, sluice: SluiceProcess): Promise<void> {
  const body = JSON.stringify({ action: 'created' });
  const headers = {
    'content-type': 'application/json',
    'x-gitea-event': 'repository',
    'x-gitea-signature': createHmac('sha256', secret).update(body).digest('hex'),
  };
  const deadline = performance.now() + 30_000;
  for (;;) {
    const answer = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(5000) });
    if (answer.status === 202) return;
    if (performance.now() > deadline) {
      const said = [`POST ${url} answered ${answer.status}: ${await answer.text()}`, ...(await sluice.warnings())];
      throw new Error(`Sluice did not take a signed call of the webhook within 30 s.\n${said.join('\n')}`);
    }
    await answer.body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
