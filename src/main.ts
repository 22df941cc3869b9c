import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { openApiServer } from './adapters/api-server.ts';
import { openBullmqQueues } from './adapters/bullmq-queues.ts';
import { openClusters } from './adapters/clusters.ts';
import { destinationsOf } from './adapters/destination.ts';
import { destinationWatches } from './adapters/destination-watches.ts';
import { openGitReceivePack } from './adapters/git-receive-pack.ts';
import { openGitSource } from './adapters/git-source.ts';
import { openGitea } from './adapters/gitea.ts';
import { openHub } from './adapters/hub.ts';
import { inClusterKubeconfig } from './adapters/in-cluster.ts';
import { leaderLeases } from './adapters/leader-lease.ts';
import { programPath } from './adapters/program-path.ts';
import { openMetrics } from './adapters/prometheus.ts';
import { openRenderTools } from './adapters/render-tools.ts';
import { openEvents } from './api/events.ts';
import { healthRoutes } from './api/health-routes.ts';
import { type Inspect, openInspections } from './api/inspections.ts';
import { localRoutes } from './api/local-routes.ts';
import { metricsRoute } from './api/metrics-route.ts';
import { closeServer, createServer } from './api/server.ts';
import { type Config, parseConfig } from './config.ts';
import { ownerOf } from './diff/ownership.ts';
import { describeProblems } from './model/parsed.ts';
import { isPortError } from './model/port-error.ts';
import { type Reference, referenceText, sameReference } from './model/reference.ts';
import type { Ports } from './promotion/ports.ts';
import { openRenderCache } from './render/cache.ts';
import { inputsOf, render } from './render/render.ts';
import { openSigner } from './signer.ts';
import type { Source } from './source/source.ts';
import { type Inspection, inspect } from './sync/inspect.ts';
import { openLiveObjects } from './sync/observe.ts';
import { openRepositorySecrets } from './sync/repository-access.ts';
import { webhookRoutes } from './webhooks/webhook-routes.ts';
import { type Controller, nudgeEverything, openController } from './workers/controller.ts';
import { takePart } from './workers/leader.ts';
import { measured } from './workers/measures.ts';
import { promoteStep } from './workers/promote-step.ts';
import { refreshStep } from './workers/refresh-step.ts';
import { reportStep } from './workers/report-step.ts';
import { startSentinel } from './workers/sentinel.ts';
import { syncStep } from './workers/sync-step.ts';
import { startWorkers } from './workers/worker.ts';

const renderCacheBytes = 128 * 1024 * 1024;
const liveObjectsKept = 5_000;
const gitTimeoutMs = 60_000;
const stopWithinMs = 10_000;
const pageFolder = join(import.meta.dirname, '../web/dist');

const parsed = parseConfig(process.env);
if (!parsed.ok) {
  console.error(`Sluice cannot start:\n${describeProblems(parsed.problems)}`);
  process.exit(2);
}
const { config, secrets } = parsed.value;
// A process that is started again in the same place is the same one: it need not wait for its own lease to run out.
const identity = `${hostname()}:${config.listen.port === 0 ? process.pid : config.listen.port}`;
const log = pino({ level: config.logLevel });
const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort(new Error(`received ${name}`)));

try {
  await serve();
} catch (error) {
  if (!stopping.signal.aborted) {
    if (!isPortError(error)) throw error;
    console.error(`Sluice cannot start: ${error.message}`);
    process.exit(1);
  }
}

async function serve(): Promise<void> {
  const renders = openRenderCache({ maxBytes: renderCacheBytes });
  const metrics = openMetrics({
    hub: { list: (kind, namespace) => hub.list(kind, namespace) },
    queueDepths: () => queue.depths(),
    renderCounts: renders.counts,
  });
  const onAnswer = metrics.requested;
  await using hubServer = openApiServer(hubKubeconfig(config), { port: 'hub', name: 'the hub', trusted: true, onAnswer });
  await using hub = openHub({ server: hubServer, namespace: config.namespace, log });
  const isTrusted = (cluster: Reference) => config.trustedClusters.some((trusted) => sameReference(trusted, cluster));
  await using clusters = openClusters({ hub, hubServer, open: (kubeconfig, options) => openApiServer(kubeconfig, { ...options, onAnswer }), isTrusted, log });
  await using source = openGitSource({ cacheDir: join(config.cacheDir, 'git'), maxPackBytes: config.maxPackBytes, timeoutMs: gitTimeoutMs, log });
  await using environmentBranch = openGitReceivePack({ timeoutMs: gitTimeoutMs });
  await using closing = new AsyncDisposableStack();

  const queue = openBullmqQueues({
    redis: { ...config.redis, ...(secrets.redisPassword === undefined ? {} : { password: secrets.redisPassword }) },
    installation: config.installation,
    log,
  });
  closing.defer(() => queue.close());

  const repositories = openRepositorySecrets(hub, () => new Date());

  let controller: Controller | undefined;
  const events = openEvents();
  let look: Inspect = lookElsewhere;
  const inspections = openInspections({ inspect: (application, signal) => look(application, signal), now: () => new Date() });
  hub.start((change) => {
    controller?.take(change);
    if (change.kind === 'Application') inspections.forget(change.reference);
    events.tell(change);
  });
  await hub.whenSynced(stopping.signal);

  if (config.roles.includes('worker')) {
    const ports = await openPorts();
    look = (application, signal) => inspect(application, ports, signal);
    const gitea = openGitea();
    const steps = {
      refresh: measured('refresh', refreshStep(ports, queue.patient, log), metrics),
      sync: measured('sync', syncStep(ports, queue.patient, log, metrics), metrics),
      promote: measured('promote', promoteStep(ports, queue.patient, log, metrics), metrics),
      report: measured(
        'report',
        reportStep({ ...ports, gitHostOf: ({ spec }) => (spec.host === 'gitea' ? gitea : undefined), targetUrlOf: () => config.publicUrl }, log),
        metrics,
      ),
    };
    const workers = startWorkers({ queue, steps, concurrency: config.concurrency, log, stopWithinMs });
    closing.defer(() => workers.stop());
    await workers.ready();
  }
  if (config.roles.includes('controller')) {
    const election = takePart({ leases: leaderLeases(hubServer, config.namespace), identity, log, lead });
    closing.defer(() => election.stop());
  }
  const sentinel = startSentinel({ mark: queue.mark, onLost: () => nudgeEverything(hub, queue.patient), log });
  closing.defer(() => sentinel.stop());

  const server = createServer({ log });
  await server.register(healthRoutes, {
    checks: {
      hub: async () => {
        if (!hub.synced()) throw new Error('the custom resources have not been listed');
      },
      redis: () => queue.ping(),
    },
  });
  await server.register(metricsRoute, metrics);
  if (config.roles.includes('api')) {
    await server.register(webhookRoutes, {
      secretOf: async (reference) => {
        const repository = hub.seen('Repository', reference);
        if (repository === undefined || repository.spec.host !== 'gitea') return undefined;
        const secret = await repositories.webhookSecret(repository, stopping.signal);
        return secret === undefined ? undefined : { host: 'gitea', secret };
      },
      onPush: (reference) => queue.nudge('refresh', reference),
    });
    await server.register(localRoutes, { api: { hub, events, inspections }, page: { folder: pageFolder }, logLevel: 'warn' });
  }
  closing.defer(() => closeServer(server, stopWithinMs));
  await server.listen({ host: config.listen.host, port: config.listen.port });

  log.info({ roles: config.roles, installation: config.installation }, 'serving');
  await new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve(), { once: true }));
  log.info({}, 'stopping');

  /** For a worker: the other roles render nothing and have no right to the signing key. */
  async function openPorts(): Promise<Ports> {
    const [kustomizeBin, helmBin] = await Promise.all([
      programPath(config.kustomizeBin, process.env.PATH ?? '', 'SLUICE_KUSTOMIZE_BIN'),
      programPath(config.helmBin, process.env.PATH ?? '', 'SLUICE_HELM_BIN'),
    ]);
    const renderer = await openRenderTools({ kustomizeBin, helmBin });
    const { versions, confinement } = renderer;
    log.info({ ...versions, withoutNetwork: confinement.withoutNetwork, withMemoryLimit: confinement.withMemoryLimit }, 'rendering');
    return {
      hub,
      source: { ...source, fetch: fetchAndCount },
      accessTo: (repository, signal) => repositories.access(repository, signal),
      render: (request, signal) => render(request, { renderer, cache: renders }, signal),
      inputsOf: (request) => inputsOf(request, renders),
      destinations: destinationsOf(clusters),
      liveObjects: openLiveObjects(liveObjectsKept),
      installation: config.installation,
      worker: identity,
      newId: randomUUID,
      now: () => new Date(),
      environmentBranch,
      readRawCommit: (access, id, signal) => source.rawCommit(access, id, signal),
      signer: await openSigner(hub, config.namespace, stopping.signal),
    };
  }

  async function fetchAndCount(...[access, ref, signal]: Parameters<Source['fetch']>): ReturnType<Source['fetch']> {
    const fetched = await source.fetch(access, ref, signal);
    metrics.gitFetched(referenceText(access.repository), fetched.receivedBytes);
    return fetched;
  }

  function lead(): () => Promise<void> {
    const { installation } = config;
    const ownerHash = (application: Reference): string => ownerOf(installation, application, '').hash;
    const led = openController({ hub, watches: destinationWatches(clusters), nudges: queue.patient, installation, ownerHash, log });
    controller = led;
    led.begin();
    return async () => {
      controller = undefined;
      await led.stop();
    };
  }
}

/** Only workers render and have credentials of clusters. */
async function lookElsewhere(): Promise<Inspection> {
  return { objects: [], problems: [], why: 'this process has not the role worker, so it may not look at clusters; what the status says is shown' };
}

function hubKubeconfig({ hub }: Config): string {
  if (hub.type === 'kubeconfig') return readFileSync(hub.path, 'utf8');
  return inClusterKubeconfig(process.env.KUBERNETES_SERVICE_HOST ?? '', process.env.KUBERNETES_SERVICE_PORT ?? '443');
}
