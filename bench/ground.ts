import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ControlPlane, startControlPlane } from '../tools/control-plane.ts';
import { type SluiceProcess, sluiceProcess } from '../tools/demo-sluice.ts';
import { openWorkingClone, type WorkingClone } from '../tools/git.ts';
import { type Gitea, startGitea } from '../tools/gitea.ts';
import { ensureParts, type Parts } from '../tools/parts.ts';
import { withFreePorts } from '../tools/process.ts';
import { startRedis } from '../tools/redis.ts';
import { openRunFolder } from '../tools/run-folder.ts';
import type { Say } from '../tools/run-program.ts';
import { openRawCluster, type RawCluster, type Seen, type Watch } from './raw-cluster.ts';
import { openWebhookTap } from './webhook-tap.ts';

const crds = join(import.meta.dirname, '../deploy/crds');
const hubNamespace = 'bench';
const webhookSecret = 'of this run only, on the loopback only';
const serviceAccount = 'deployer';

/** The real parts, running: one control plane as hub and destination, Redis, a Git host, and Sluice as a process of its own. */
export type Ground = AsyncDisposable & {
  readonly parts: Parts;
  readonly cluster: ControlPlane;
  readonly raw: RawCluster;
  readonly sluice: SluiceProcess;
  /** A folder of this run. */
  folder(name: string): Promise<string>;
  /** A namespace that Applications may deploy to. */
  namespace(name: string): Promise<void>;
  repository(name: string): Promise<BenchRepository>;
  /** Changes of what Sluice says: `applications`, `repositories`. */
  watchHub(resource: string): Promise<Watch>;
};

export type BenchApplication = { readonly name: string; readonly path: string; readonly namespace: string };

/** A config repository with a webhook to Sluice. */
export type BenchRepository = {
  readonly clone: WorkingClone;
  /** Commits what was written into the clone and answers the commit's id. */
  commit(message: string): Promise<string>;
  push(): Promise<Pushed>;
  declare(applications: readonly BenchApplication[]): Promise<void>;
};

export type Pushed = {
  /** performance.now: when `git push` was started, and when the Git host's webhook had arrived. */
  readonly pushedAt: number;
  readonly webhookAt: number;
};

/** @param profileDir  where Sluice writes a CPU profile when it ends (open it in the developer tools of Chromium) */
export async function openGround({ say, profileDir }: { readonly say: Say; readonly profileDir?: string | undefined }): Promise<Ground> {
  await using stack = new AsyncDisposableStack();
  const parts = await ensureParts({ say });
  const run = stack.use(await openRunFolder());
  const [cluster, redis, gitea] = await Promise.all([
    startControlPlane({ parts, dir: join(run.path, 'cluster'), name: 'bench', roles: ['hub', 'destination'] }).then((started) => stack.use(started)),
    startRedis({ parts, dir: join(run.path, 'redis') }).then((started) => stack.use(started)),
    startGitea({ parts, dir: join(run.path, 'gitea') }).then((started) => stack.use(started)),
  ]);
  await cluster.kubectl(['apply', '--server-side', '-f', crds]);
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', crds]);
  await cluster.kubectl(['create', 'namespace', hubNamespace]);
  await applyResources(cluster, [
    secret('cluster-kubeconfig', { kubeconfig: cluster.kubeconfig('sluice') }),
    resource('Cluster', 'here', {
      connection: { type: 'kubeconfig', kubeconfig: { secretRef: { name: 'cluster-kubeconfig' } } },
      rules: [{ hubNamespaces: [hubNamespace], namespaces: ['*'], serviceAccounts: [serviceAccount] }],
    }),
  ]);
  const sluice = await withFreePorts(1, async ([port = 0]) => {
    const cacheDir = join(run.path, 'sluice-cache');
    await mkdir(cacheDir, { recursive: true, mode: 0o700 });
    const started = stack.use(
      sluiceProcess({
        port,
        logFile: join(run.path, 'sluice.log'),
        environment: {
          SLUICE_HUB_KUBECONFIG: cluster.kubeconfigFile('sluice'),
          SLUICE_REDIS_URL: redis.url,
          SLUICE_KUSTOMIZE_BIN: parts.kustomize,
          SLUICE_HELM_BIN: parts.helm,
          SLUICE_CACHE_DIR: cacheDir,
          ...(profileDir === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profileDir}` }),
        },
      }),
    );
    await started.start();
    return started;
  });
  const raw = stack.use(openRawCluster(cluster));
  say('the parts are running');
  const running = stack.move();
  return {
    parts,
    cluster,
    raw,
    sluice,
    folder: (name) => run.folder(name),
    namespace: (name) => applyResources(cluster, namespaceResources(name)),
    repository: (name) => openRepository({ name, cluster, gitea, sluice, stack: running }),
    watchHub: (resource) => raw.watch(`/apis/sluice.dev/v1alpha1/namespaces/${hubNamespace}/${resource}`),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Whether an Application's status says that this commit is applied, pruned and healthy. */
export const isDone =
  (application: string, commit: string) =>
  ({ metadata, status }: Seen): boolean =>
    metadata.name === application && status?.commit === commit && status.phase === 'done';

type Opening = {
  readonly name: string;
  readonly cluster: ControlPlane;
  readonly gitea: Gitea;
  readonly sluice: SluiceProcess;
  readonly stack: AsyncDisposableStack;
};

async function openRepository({ name, cluster, gitea, sluice, stack }: Opening): Promise<BenchRepository> {
  const tap = stack.use(await openWebhookTap(sluice.url));
  const { cloneUrl } = await gitea.createRepository(name);
  const clone = stack.use(await openWorkingClone({ gitea, repository: name }));
  await clone.write('README.md', `${name}\n`);
  await clone.commit('begin');
  await clone.push();
  await applyResources(cluster, [
    secret(`${name}-git`, { token: gitea.token, webhookSecret }),
    resource('Repository', name, { url: cloneUrl, host: 'gitea', pollSeconds: 3600, secretRef: { name: `${name}-git` } }),
  ]);
  await gitea.addWebhook({ repository: name, url: `${tap.url}/webhooks/${hubNamespace}/${name}`, secret: webhookSecret });
  return {
    clone,
    commit: (message) => clone.commit(message),
    async push() {
      const arrived = tap.next();
      const pushedAt = performance.now();
      await clone.push();
      return { pushedAt, webhookAt: await arrived };
    },
    declare: (applications) =>
      applyResources(
        cluster,
        applications.map((application) =>
          resource('Application', application.name, {
            source: { repository: { name }, path: application.path, targetRevision: 'main' },
            destination: { cluster: { name: 'here' }, namespace: application.namespace },
            serviceAccountName: serviceAccount,
          }),
        ),
      ),
  };
}

async function applyResources(cluster: ControlPlane, items: readonly object[]): Promise<void> {
  await cluster.kubectl(['apply', '--server-side', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
}

const resource = (kind: string, name: string, spec: object) => ({
  apiVersion: 'sluice.dev/v1alpha1',
  kind,
  metadata: { name, namespace: hubNamespace },
  spec,
});

const secret = (name: string, stringData: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: hubNamespace },
  stringData,
});

/** The namespace, and the service account that Applications act as there. */
const namespaceResources = (name: string) => [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: serviceAccount, namespace: name } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: serviceAccount, namespace: name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
    subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace: name }],
  },
];
