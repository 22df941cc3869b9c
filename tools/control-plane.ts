import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Parts } from './parts.ts';
import { type Child, type Command, startChild, waitUntilReady, withFreePorts } from './process.ts';
import { run, type Say } from './run-program.ts';

export type Role = 'hub' | 'destination';
export type User = 'admin' | 'sluice';

/** A real Kubernetes control plane on the loopback: API server, etcd, controllers, scheduler and one simulated node. */
export type ControlPlane = AsyncDisposable & {
  readonly name: string;
  readonly url: string;
  /** YAML text with the address, the server's certificate and the user's token. */
  kubeconfig(user: User): string;
  /** The same as a file that only this user of the machine can read. */
  kubeconfigFile(user: User): string;
  /** What makes kubectl ask this control plane as admin. */
  readonly kubectlOptions: readonly string[];
  /** Runs kubectl as admin and answers what it printed. Throws with what it said on stderr. */
  kubectl(args: readonly string[], options?: { readonly input?: string; readonly as?: User }): Promise<string>;
  /** For fault tests: the API server is killed, and started again on the same port with the same data. */
  stopApiServer(): Promise<void>;
  startApiServer(): Promise<void>;
  stop(): Promise<void>;
};

type Options = {
  readonly parts: Parts;
  /** Where its data, logs and credentials go; made when missing. */
  readonly dir: string;
  readonly name: string;
  /** Which of the rights in deploy/rights the user `sluice` gets here. */
  readonly roles: readonly Role[];
  /** Whoever has a client certificate of this authority (PEM) is let in as its common name. */
  readonly clientCaFile?: string;
  /** Writes down who of the namespaces with these names asks for what: `auditLogFile` of the folder. */
  readonly auditNamespaces?: readonly string[];
  readonly say?: Say;
};

/** One JSON object a line, kind Event of audit.k8s.io/v1, in the folder of a control plane with `auditNamespaces`. */
export const auditLogFile = 'audit.log';

const stages = join(import.meta.dirname, 'kwok-stages.yaml');
const bindings = join(import.meta.dirname, 'sluice-bindings.yaml');
const nodeName = 'node-1';

const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: nodeName,
    annotations: { 'kwok.x-k8s.io/node': 'fake', 'node.alpha.kubernetes.io/ttl': '0' },
    labels: { 'kubernetes.io/hostname': nodeName, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
  },
};

/** Starts one and answers when its node takes pods. Throws with the end of a log when a part does not come up. */
export async function startControlPlane({ parts, dir, name, roles, clientCaFile, auditNamespaces = [], say = () => {} }: Options): Promise<ControlPlane> {
  await mkdir(join(dir, 'certificates'), { recursive: true, mode: 0o700 });
  const tokens: Readonly<Record<User, string>> = { admin: randomBytes(24).toString('hex'), sluice: randomBytes(24).toString('hex') };
  await writeFile(join(dir, 'tokens.csv'), `${tokens.admin},admin,admin,"system:masters"\n${tokens.sluice},sluice,sluice\n`, { mode: 0o600 });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(join(dir, 'service-account.key'), privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  const logFile = (part: string) => join(dir, `${part}.log`);
  const kubeconfigFile = (user: User) => join(dir, `${user}.kubeconfig`);

  const options = [...(clientCaFile === undefined ? [] : [`--client-ca-file=${clientCaFile}`]), ...(await auditOptions(dir, auditNamespaces))];
  const serverCommand = (etcdPort: number, port: number): Command => apiServerCommand(parts, dir, name, etcdPort, port, options);

  const began = performance.now();
  const { etcd, apiServerPort, first } = await withFreePorts(2, async ([etcdPort, port]) => {
    const startedEtcd = await startChild({ name: `${name} etcd`, command: parts.etcd, args: etcdArgs(dir, etcdPort ?? 0), logFile: logFile('etcd') });
    const startedServer = await startChild(serverCommand(etcdPort ?? 0, port ?? 0)).catch(async (error: unknown) => {
      await startedEtcd.stop(0);
      throw error;
    });
    try {
      await waitUntilReady(startedServer, () => apiServerIsReady(dir, port ?? 0, tokens.admin));
    } catch (error) {
      await Promise.all([startedServer.stop(0), startedEtcd.stop(0)]);
      throw error;
    }
    return {
      etcd: startedEtcd,
      apiServerPort: port ?? 0,
      first: { server: startedServer, command: serverCommand(etcdPort ?? 0, port ?? 0) },
    };
  });
  let apiServer = first.server;
  const url = `https://127.0.0.1:${apiServerPort}`;
  const certificate = await readFile(join(dir, 'certificates/apiserver.crt'), 'utf8');
  const kubeconfig = (user: User) => kubeconfigText(name, url, certificate, user, tokens[user]);
  for (const user of ['admin', 'sluice'] as const) await writeFile(kubeconfigFile(user), kubeconfig(user), { mode: 0o600 });
  say(`${name}: API server up after ${seconds(began)}`);

  const controllers = new Map<string, Child>();
  async function startControllers(): Promise<void> {
    for (const command of controllerCommands(parts, dir, name, kubeconfigFile('admin'))) {
      if (controllers.get(command.name)?.isRunning() !== true) controllers.set(command.name, await startChild(command));
    }
  }
  const stop = async () => {
    await Promise.all([...controllers.values(), apiServer].map((child) => child.stop(0)));
    await etcd.stop(0);
  };
  const kubectl: ControlPlane['kubectl'] = (args, { input, as = 'admin' } = {}) =>
    run(parts.kubectl, ['--kubeconfig', kubeconfigFile(as), '--cache-dir', join(dir, `kubectl-cache-${as}`), ...args], { input });

  try {
    await startControllers();
    await kubectl(['create', '-f', '-'], { input: JSON.stringify(node) });
    for (const role of roles) await giveRights(kubectl, role);
    const manager = controllers.get(`${name} kube-controller-manager`) ?? apiServer;
    await waitUntilReady(manager, async () => nodeTakesPods((await ask(dir, apiServerPort, tokens.admin, `/api/v1/nodes/${nodeName}`)).body));
  } catch (error) {
    await stop();
    throw error;
  }
  say(`${name}: takes pods after ${seconds(began)}`);

  return {
    name,
    url,
    kubeconfig,
    kubeconfigFile,
    kubectlOptions: ['--kubeconfig', kubeconfigFile('admin')],
    kubectl,
    stop,
    [Symbol.asyncDispose]: stop,
    stopApiServer: () => apiServer.stop(0),
    async startApiServer() {
      if (apiServer.isRunning()) return;
      apiServer = await startChild(first.command);
      await waitUntilReady(apiServer, () => apiServerIsReady(dir, apiServerPort, tokens.admin));
      await startControllers();
    },
  };
}

const rightsFolder = join(import.meta.dirname, '../deploy/rights');

/** The files of deploy/ that say what Sluice may do on a cluster with this role, without the namespace and the bindings. */
export function rightsFiles(role: Role): readonly string[] {
  const names = role === 'hub' ? ['cluster-roles.yaml', 'own-namespace.yaml'] : ['cluster-roles.yaml'];
  return names.map((name) => join(rightsFolder, role, name));
}

/** Gives the user `sluice` the rights of deploy/ on a cluster with this role. */
export async function giveRights(kubectl: ControlPlane['kubectl'], role: Role): Promise<void> {
  await kubectl(['apply', '--server-side', '-f', bindings, '-l', `sluice.dev/role=${role}`]);
  await kubectl(['apply', '--server-side', ...rightsFiles(role).flatMap((file) => ['-f', file])]);
}

/** The data of a run is thrown away, so nothing is flushed to disk. */
const etcdArgs = (dir: string, port: number): readonly string[] => [
  `--data-dir=${join(dir, 'etcd')}`,
  `--listen-client-urls=http://127.0.0.1:${port}`,
  `--advertise-client-urls=http://127.0.0.1:${port}`,
  '--listen-peer-urls=http://127.0.0.1:0',
  '--unsafe-no-fsync',
  '--log-level=warn',
];

/** Pods need no tokens without the ServiceAccount admission plugin; a loopback address cannot stand in the `kubernetes` endpoints. */
const apiServerCommand = (parts: Parts, dir: string, name: string, etcdPort: number, port: number, options: readonly string[]): Command => ({
  name: `${name} kube-apiserver`,
  command: parts.kubeApiserver,
  logFile: join(dir, 'kube-apiserver.log'),
  args: [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${join(dir, 'certificates')}`,
    `--token-auth-file=${join(dir, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${join(dir, 'service-account.key')}`,
    `--service-account-key-file=${join(dir, 'service-account.key')}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--disable-admission-plugins=ServiceAccount',
    '--endpoint-reconciler-type=none',
    ...options,
  ],
});

async function auditOptions(dir: string, namespaces: readonly string[]): Promise<readonly string[]> {
  if (namespaces.length === 0) return [];
  const policy = join(dir, 'audit-policy.json');
  const rule = { level: 'Metadata', userGroups: namespaces.map((namespace) => `system:serviceaccounts:${namespace}`) };
  await writeFile(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules: [rule] }));
  return [`--audit-policy-file=${policy}`, `--audit-log-path=${join(dir, auditLogFile)}`];
}

function controllerCommands(parts: Parts, dir: string, name: string, kubeconfig: string): readonly Command[] {
  const command = (part: string, path: string, args: readonly string[]): Command => ({
    name: `${name} ${part}`,
    command: path,
    logFile: join(dir, `${part}.log`),
    args,
  });
  return [
    command('kube-controller-manager', parts.kubeControllerManager, [
      `--kubeconfig=${kubeconfig}`,
      '--leader-elect=false',
      '--secure-port=0',
      `--service-account-private-key-file=${join(dir, 'service-account.key')}`,
      // quick to see the node's first heartbeat, slow to give it up on a busy machine
      '--node-monitor-period=500ms',
      '--node-monitor-grace-period=5m',
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
    ]),
    command('kube-scheduler', parts.kubeScheduler, [
      `--kubeconfig=${kubeconfig}`,
      '--leader-elect=false',
      '--secure-port=0',
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
    ]),
    command('kwok', parts.kwok, [
      `--kubeconfig=${kubeconfig}`,
      '--manage-all-nodes',
      `--config=${stages}`,
      '--node-ip=127.0.0.1',
      '--node-lease-duration-seconds=0',
    ]),
  ];
}

async function apiServerIsReady(dir: string, port: number, token: string): Promise<boolean> {
  return (await ask(dir, port, token, '/readyz')).status === 200;
}

/** A new node is tainted until the controller manager has seen its first heartbeat. */
function nodeTakesPods(body: string): boolean {
  const { spec, status } = JSON.parse(body) as { spec?: { taints?: unknown }; status?: { conditions?: readonly { type: string; status: string }[] } };
  return spec?.taints === undefined && status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;
}

/** The server's self-signed certificate is read each time: it does not exist before the server's first start. */
async function ask(dir: string, port: number, token: string, path: string): Promise<{ readonly status: number | undefined; readonly body: string }> {
  const ca = await readFile(join(dir, 'certificates/apiserver.crt'));
  return new Promise((resolve, reject) => {
    const question = request({ host: '127.0.0.1', port, path, ca, agent: false, timeout: 2000, headers: { authorization: `Bearer ${token}` } }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => resolve({ status: answer.statusCode, body })).on('error', reject);
    });
    question.on('timeout', () => question.destroy(new Error('no answer within 2 s'))).on('error', reject);
    question.end();
  });
}

const kubeconfigText = (name: string, url: string, certificate: string, user: string, token: string): string =>
  `apiVersion: v1
kind: Config
current-context: ${name}
clusters:
  - name: ${name}
    cluster:
      server: ${url}
      certificate-authority-data: ${Buffer.from(certificate).toString('base64')}
contexts:
  - name: ${name}
    context: { cluster: ${name}, user: ${user} }
users:
  - name: ${user}
    user: { token: ${token} }
`;

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;
