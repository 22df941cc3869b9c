import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { expect, vi } from 'vitest';
import type { Application } from '../../src/resources/application.ts';
import type { SluiceEnvironment } from '../../tools/demo-sluice.ts';
import { startWorld, type World } from '../../tools/demo-world.ts';
import { type Files, openWorkingClone, type WorkingClone } from '../../tools/git.ts';
import { ensureParts } from '../../tools/parts.ts';

/** The hub's namespace that owns the Repository `config` and the Cluster `staging` here. */
export const home = 'ground';
/** May use both, but no rule of the Cluster names it. */
export const stranger = 'stranger';
/** May use neither. */
export const outsider = 'outsider';

type Status = NonNullable<Application['status']>;

/** A config repository, hub namespaces and a Cluster beside the shop: one room, a namespace of the destination, for each thing that is tried. */
export type Ground = AsyncDisposable & {
  readonly world: World;
  readonly repositoryUrl: string;
  /** The config repository, for what is no ordinary file. */
  readonly clone: WorkingClone;
  /** What webhooks of the config repository are signed with. */
  readonly webhookSecret: string;
  /** Makes the destination namespace `room-<name>` with the service account `deployer`, who is `admin` in it and nothing elsewhere. */
  openRoom(name: string): Promise<string>;
  /** Writes (undefined: deletes) files of the config repository and pushes them in one commit; answers its id. */
  push(files: Files): Promise<string>;
  toHub(...objects: readonly object[]): Promise<void>;
  toDestination(...objects: readonly object[]): Promise<void>;
  status(name: string, namespace?: string): Promise<Status | undefined>;
  /** Waits until the Application's status matches. */
  untilStatus(name: string, expected: object, options?: { readonly namespace?: string; readonly withinMs?: number }): Promise<Status>;
  /** `kubectl get --watch` on the Application, whether it exists yet or not: every status from now on. */
  followStatus(name: string): Promise<StatusWatch>;
  /** Everything of these kinds in a room that Kubernetes did not put there by itself. */
  objects<T = LiveObject>(room: string, kinds: string): Promise<readonly T[]>;
};

export type StatusWatch = AsyncDisposable & { seen(): readonly Status[] };

export type LiveObject = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string; readonly labels?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
};

export const soon = <T>(expectation: () => T | Promise<T>, timeout = 60_000): Promise<T> => vi.waitFor(expectation, { timeout, interval: 100 });

export async function openGround({ environment = {} }: { readonly environment?: SluiceEnvironment } = {}): Promise<Ground> {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await startWorld({ say: () => {}, parts: await ensureParts({ say: () => {} }), environment }));
  const { hub, staging, gitea, sluice } = world;
  const { cloneUrl } = await gitea.createRepository('config');
  const clone = stack.use(await openWorkingClone({ gitea, repository: 'config' }));
  const apply = (cluster: typeof hub, objects: readonly object[]) =>
    cluster
      .kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }) })
      .then(() => {});

  const webhookSecret = randomBytes(24).toString('hex');
  const secret = (name: string, stringData: Readonly<Record<string, string>>) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: home },
    stringData,
  });
  await apply(hub, [
    ...[home, stranger, outsider].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    secret('config-git', { token: gitea.token, webhookSecret }),
    secret('staging-kubeconfig', { kubeconfig: staging.kubeconfig('sluice') }),
    resource('Repository', 'config', { url: cloneUrl, host: 'gitea', secretRef: { name: 'config-git' }, pollSeconds: 5, allowedNamespaces: [stranger] }),
    resource('Cluster', 'staging', {
      connection: { type: 'kubeconfig', kubeconfig: { secretRef: { name: 'staging-kubeconfig' } } },
      allowedNamespaces: [stranger],
      rules: [{ hubNamespaces: [home], namespaces: ['room-*'], serviceAccounts: ['deployer', 'nobody'] }],
    }),
  ]);
  await gitea.addWebhook({ repository: 'config', url: `${sluice.url}/webhooks/${home}/config`, secret: webhookSecret });

  const status: Ground['status'] = async (name, namespace = home) => {
    const text = await hub.kubectl(['get', 'applications.sluice.dev', name, '-n', namespace, '-o', 'json']);
    return (JSON.parse(text) as Application).status;
  };
  const opened = stack.move();
  return {
    world,
    repositoryUrl: cloneUrl,
    clone,
    webhookSecret,
    async openRoom(name) {
      const namespace = `room-${name}`;
      await apply(staging, [
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
        { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'deployer', namespace } },
        binding('RoleBinding', { name: 'deployer', namespace }, 'admin', namespace),
      ]);
      return namespace;
    },
    async push(files) {
      for (const [path, content] of Object.entries(files)) await (content === undefined ? clone.remove(path) : clone.write(path, content));
      const commit = await clone.commit(Object.keys(files).slice(0, 3).join(', '));
      await clone.push();
      return commit;
    },
    toHub: (...objects) => apply(hub, objects),
    toDestination: (...objects) => apply(staging, objects),
    status,
    untilStatus: (name, expected, { namespace = home, withinMs = 60_000 } = {}) =>
      soon(async () => {
        const now = await status(name, namespace);
        expect(now).toMatchObject(expected);
        return now as Status;
      }, withinMs),
    followStatus: (name) => followStatus(world, name),
    async objects(room, kinds) {
      const { items } = JSON.parse(await staging.kubectl(['get', kinds, '-n', room, '-o', 'json']));
      return items.filter(({ kind, metadata: { name } }: LiveObject) => !(kind === 'ConfigMap' && name === 'kube-root-ca.crt'));
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function followStatus({ hub, parts }: World, name: string): Promise<StatusWatch> {
  const which = ['applications.sluice.dev', '-n', home, `--field-selector=metadata.name=${name}`];
  const child = spawn(parts.kubectl, ['--kubeconfig', hub.kubeconfigFile('admin'), 'get', ...which, '--watch', '--output-watch-events', '-o', 'json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  const statuses: Status[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { status } = (JSON.parse(line) as { readonly object: Application }).object;
    if (status !== undefined) statuses.push(status);
  });
  return {
    seen: () => statuses,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export const resource = <S extends object>(kind: string, name: string, spec: S, namespace = home) => ({
  apiVersion: 'sluice.dev/v1alpha1',
  kind,
  metadata: { name, namespace },
  spec,
});

/** An Application of the folder that has its name, deployed to the room as `deployer`. */
export function application(name: string, room: string, { namespace = home, path = name, repository = 'config', ...others }: ApplicationOptions = {}) {
  const spec = {
    source: { repository: { name: repository, namespace: home }, path, targetRevision: others.targetRevision ?? 'main' },
    destination: { cluster: { name: 'staging', namespace: home }, namespace: room },
    ...('serviceAccountName' in others ? {} : { serviceAccountName: 'deployer' }),
    ...(others.serviceAccountName === undefined ? {} : { serviceAccountName: others.serviceAccountName }),
    sync: { retry: { initialSeconds: 1, maxSeconds: 2 } },
  };
  return resource('Application', name, spec, namespace);
}

type ApplicationOptions = {
  readonly namespace?: string;
  readonly path?: string;
  readonly repository?: string;
  readonly targetRevision?: string;
  /** Undefined: none. */
  readonly serviceAccountName?: string | undefined;
};

/** Gives the ClusterRole to the room's `deployer`. */
export const binding = (kind: 'RoleBinding' | 'ClusterRoleBinding', metadata: object, clusterRole: string, room: string) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata,
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: clusterRole },
  subjects: [{ kind: 'ServiceAccount', name: 'deployer', namespace: room }],
});

export const configMap = (name: string, data: Readonly<Record<string, string>> = {}, annotations: Readonly<Record<string, string>> = {}) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, annotations }, data });

/** The tag `broken` cannot be pulled. */
export const deployment = (name: string, tag: string) =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name, image: `registry.example/${name}:${tag}`, ports: [{ containerPort: 80 }] }] },
      },
    },
  });

/** A text that holds all of these. */
export const message = (...texts: readonly string[]) => expect.stringMatching(new RegExp(texts.map((text) => `(?=[^]*${RegExp.escape(text)})`).join('')));
/** The status of an Application that a person has to mend, and that says all of this. */
export const stalledBy = (...texts: readonly string[]) => ({
  sync: { state: 'Failed', message: message(...texts) },
  conditions: expect.arrayContaining([expect.objectContaining({ type: 'Stalled', status: 'True', message: message(...texts) })]),
});
