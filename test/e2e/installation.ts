import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { auditLogFile, type ControlPlane } from '../../tools/control-plane.ts';
import type { SluiceEnvironment } from '../../tools/demo-sluice.ts';
import type { Installation } from '../../tools/demo-world.ts';
import { ensureParts } from '../../tools/parts.ts';
import { run } from '../../tools/run-program.ts';

export type InstalledRole = 'api' | 'controller' | 'worker';

/** Of deploy/separate, and the one of deploy/all-in-one. */
type DeploymentName = `sluice-${InstalledRole}` | 'sluice';

export const deploy = join(import.meta.dirname, '../../deploy');
export const namespace = 'sluice-system';
const crds = ['applications', 'clusters', 'pipelines', 'releases', 'repositories'].map((plural) => `crd/${plural}.sluice.dev`);

/** deploy/separate on the hub and deploy/destination on the others, by the commands of docs/install.md. */
export const separateInstallation: Installation = {
  namespaces: [namespace, 'sluice-destination'],
  async hub(hub) {
    await hub.kubectl(['apply', '--server-side', '--validate=strict', '-k', join(deploy, 'separate')]);
    await hub.kubectl(['wait', '--for=condition=Established', '--timeout=30s', ...crds]);
    await hub.kubectl(['create', 'namespace', 'shop']);
    await hub.kubectl(allowCredentialsOf('shop'));
  },
  async destination(cluster) {
    await cluster.kubectl(['apply', '--server-side', '--validate=strict', '-k', join(deploy, 'destination')]);
    await cluster.kubectl(['wait', '--for=jsonpath={.data.token}', 'secret/sluice-token', '-n', 'sluice-destination', '--timeout=30s']);
    const { kubectl } = await ensureParts({ say: () => {} });
    const env = { KUBECONFIG: cluster.kubeconfigFile('admin'), PATH: `${dirname(kubectl)}:${process.env.PATH}` };
    return run('sh', [join(deploy, 'destination/kubeconfig.sh')], { env });
  },
  environment: (hub) => podEnvironment(hub, 'sluice-api'),
};

/** What docs/install.md tells the administrator to do for each namespace that holds Repositories or Clusters. */
export const allowCredentialsOf = (hubNamespace: string): readonly string[] => [
  ...['-n', hubNamespace, 'create', 'rolebinding', 'sluice-credentials'],
  ...['--clusterrole=sluice-credentials', `--group=system:serviceaccounts:${namespace}`],
];

type Variable = { readonly name: string; readonly value?: string; readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } } };
type Deployment = {
  readonly metadata: { readonly namespace: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: readonly [
          { readonly env: readonly Variable[]; readonly envFrom: readonly { readonly configMapRef: { readonly name: string } }[] },
        ];
      };
    };
  };
};

/** Of the pod, paths and addresses of this machine apart: the cache, Redis and where it listens are those of the run. */
const ofThisMachine = new Set(['SLUICE_CACHE_DIR', 'SLUICE_REDIS_URL', 'SLUICE_LISTEN_HOST']);

/** The settings that the Deployment gives its container, and a kubeconfig with a token of its ServiceAccount. */
export async function podEnvironment(hub: ControlPlane, deployment: DeploymentName): Promise<SluiceEnvironment> {
  const read = async <T>(what: string): Promise<T> => JSON.parse(await hub.kubectl(['get', what, '-n', namespace, '-o', 'json'])) as T;
  const { metadata, spec } = await read<Deployment>(`deployment/${deployment}`);
  const { serviceAccountName, containers } = spec.template.spec;
  const [container] = containers;
  const shared = await Promise.all(
    container.envFrom.map(({ configMapRef }) => read<{ data: Readonly<Record<string, string>> }>(`configmap/${configMapRef.name}`)),
  );
  const own = container.env.map(({ name, value, valueFrom }): readonly [string, string | undefined] => [
    name,
    valueFrom?.fieldRef?.fieldPath === 'metadata.namespace' ? metadata.namespace : value,
  ]);
  const settings = [...shared.flatMap(({ data }) => Object.entries(data)), ...own].filter(([name]) => !ofThisMachine.has(name));
  return { ...Object.fromEntries(settings), SLUICE_HUB_KUBECONFIG: await kubeconfigFileOf(hub, serviceAccountName) };
}

/** A file with a token of the ServiceAccount, good for an hour. */
async function kubeconfigFileOf(hub: ControlPlane, serviceAccount: string): Promise<string> {
  const file = join(dirname(hub.kubeconfigFile('admin')), `${serviceAccount}.kubeconfig`);
  await writeFile(file, await kubeconfigOf(hub, serviceAccount), { mode: 0o600 });
  return file;
}

export async function kubeconfigOf(hub: ControlPlane, serviceAccount: string): Promise<string> {
  const token = (await hub.kubectl(['create', 'token', serviceAccount, '-n', namespace, '--duration=1h'])).trim();
  const admins = parse(hub.kubeconfig('admin')) as { readonly users: readonly { readonly name: string }[] };
  return stringify({ ...admins, users: admins.users.map(({ name }) => ({ name, user: { token } })) });
}

type AuditEvent = {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly impersonatedUser?: object;
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
};
export type Asked = { readonly who: string; readonly what: string; readonly code: number };

/** What the service accounts have asked this API server for by themselves, impersonation being one such thing: `verb resource.group/subresource`. */
export async function askedOf(cluster: ControlPlane): Promise<readonly Asked[]> {
  const lines = (await readFile(join(dirname(cluster.kubeconfigFile('admin')), auditLogFile), 'utf8')).split('\n').filter((line) => line.endsWith('}'));
  return lines.flatMap((line) => {
    const { verb, user, impersonatedUser, objectRef, responseStatus } = JSON.parse(line) as AuditEvent;
    const who = user.username.replace(/^system:serviceaccount:[^:]+:/, '');
    if (impersonatedUser !== undefined) return [{ who, what: 'impersonate serviceaccounts', code: 200 }];
    if (objectRef === undefined) return [];
    const { resource, apiGroup, subresource } = objectRef;
    const what = `${verb} ${resource}${apiGroup === undefined ? '' : `.${apiGroup}`}${subresource === undefined ? '' : `/${subresource}`}`;
    return [{ who, what, code: responseStatus?.code ?? 200 }];
  });
}

type RoleFile = {
  readonly metadata: { readonly name: string };
  readonly rules?: readonly { readonly apiGroups: readonly string[]; readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
};

/** Everything that the named role of a file in deploy/rights allows, in the words of `askedOf`. */
export async function grantedBy(file: string, name: string): Promise<readonly string[]> {
  const roles = parseAllDocuments(await readFile(join(deploy, 'rights', file), 'utf8')).map((document) => document.toJS() as RoleFile);
  const rules = roles.filter(({ metadata }) => metadata.name === name).flatMap(({ rules: own = [] }) => own);
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.map((verb) => {
          const [plural, subresource] = resource.split('/');
          return `${verb} ${plural}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`;
        }),
      ),
    ),
  );
}
