import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../adapters/api-server.ts';
import { type Material, parseKubeconfig } from '../../adapters/kubeconfig.ts';
import { at } from '../../model/json.ts';
import type { Manifest } from '../../model/manifest.ts';
import { accepted } from '../../model/parsed.ts';
import { destinationRoles } from '../../resources/rights.ts';
import { type Answer, refuse } from '../answer.ts';
import type { ChosenContext } from '../kubeconfig.ts';

/** How Sluice gets into a cluster: with a service account made for it there, or with the credentials of the context. */
export type CredentialsKind = 'service-account' | 'context';

/** A kubeconfig that needs nothing of this machine. `warnings` say what Sluice will not take as it is. Holds credentials: never printed. */
export type PortableKubeconfig = { readonly text: string; readonly warnings: readonly string[] };

const account = { name: 'sluice', namespace: 'sluice-destination', tokenSecret: 'sluice-token' };

const rbac = 'rbac.authorization.k8s.io';

/** As deploy/destination has it: who Sluice is on another cluster, what it may do there, and the Secret that Kubernetes puts its token into. */
export const identityObjects: readonly Manifest[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: account.namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account.name, namespace: account.namespace }, automountServiceAccountToken: false },
  ...Object.entries(destinationRoles).flatMap(([name, rules]): Manifest[] => [
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules: rules.map((rule) => ({ ...rule })) },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name: account.name, namespace: account.namespace }],
    },
  ]),
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: account.tokenSecret, namespace: account.namespace, annotations: { 'kubernetes.io/service-account.name': account.name } },
    type: 'kubernetes.io/service-account-token',
  },
];

/** The token of that service account, once Kubernetes has made it. Throws what ApiServer.send throws. */
export async function readAccountToken(server: Pick<ApiServer, 'name' | 'send'>, signal: AbortSignal, withinMs = 30_000): Promise<Answer<string>> {
  const untilMs = Date.now() + withinMs;
  const path = `/api/v1/namespaces/${account.namespace}/secrets/${account.tokenSecret}`;
  for (;;) {
    const token = at((await server.send({ method: 'GET', path, signal })).body, 'data', 'token');
    if (typeof token === 'string' && token !== '') return accepted(Buffer.from(token, 'base64').toString());
    if (Date.now() > untilMs) {
      const message = `got no token within ${withinMs / 1000} s: does this cluster's controller manager make tokens of service accounts? --destination-credentials context takes those of the context`;
      return refuse('NoAccountToken', { at: `Secret ${account.namespace}/${account.tokenSecret} at ${server.name}`, message });
    }
    await sleep(200, undefined, { signal });
  }
}

/** The server of a context with a token in place of its user. */
export const kubeconfigWithToken = (chosen: ChosenContext, token: string): Promise<Answer<PortableKubeconfig>> => portable(chosen, { token });

/** A context as it is, with the contents of the files that it names. */
export const kubeconfigOfContext = (chosen: ChosenContext): Promise<Answer<PortableKubeconfig>> => portable(chosen, undefined);

async function portable(chosen: ChosenContext, user: { readonly token: string } | undefined): Promise<Answer<PortableKubeconfig>> {
  const parsed = parseKubeconfig(chosen.text, { trusted: true });
  const place = `context ${chosen.context}`;
  if (!parsed.ok) return refuse('Invalid', ...parsed.problems.map((problem) => ({ at: `${place}: ${problem.at}`, message: problem.message })));
  const { server, tlsServerName, skipTlsVerify, ca, plugin, ...own } = parsed.value;
  const warnings: string[] = [];
  const trust = 'which Sluice refuses unless SLUICE_TRUSTED_CLUSTERS names the Cluster';
  if (skipTlsVerify)
    warnings.push(`${place} does not check the server's certificate (insecure-skip-tls-verify), ${trust}: better give it certificate-authority-data`);
  if (user === undefined && plugin !== undefined)
    warnings.push(
      `${place} gets its credentials from ${plugin.type === 'exec' ? 'a program (exec)' : 'an auth-provider'}, ${trust}; --destination-credentials service-account needs no program`,
    );
  try {
    const [caText, certificate, key, token] = await Promise.all([ca, own.certificate, own.key, own.token].map(textOf));
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'cluster',
      contexts: [{ name: 'cluster', context: { cluster: 'cluster', user: 'sluice' } }],
      clusters: [
        {
          name: 'cluster',
          cluster: {
            server,
            'tls-server-name': tlsServerName,
            'insecure-skip-tls-verify': skipTlsVerify || undefined,
            'certificate-authority-data': base64(caText),
          },
        },
      ],
      users: [
        {
          name: 'sluice',
          user: user ?? {
            token,
            'client-certificate-data': base64(certificate),
            'client-key-data': base64(key),
            ...(plugin === undefined ? {} : { [plugin.type]: plugin.settings }),
          },
        },
      ],
    };
    return accepted({ text: JSON.stringify(config, undefined, 2), warnings });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return refuse('FileUnreadable', { at: place, message: `names a file of credentials that cannot be read (${code}): renew the kubeconfig` });
  }
}

const base64 = (text: string | undefined): string | undefined => (text === undefined ? undefined : Buffer.from(text).toString('base64'));

async function textOf(material: Material | undefined): Promise<string | undefined> {
  if (material === undefined) return undefined;
  return 'text' in material ? material.text : await readFile(material.file, 'utf8');
}

/** Whether a loopback address stands there, which a Sluice in a pod or on another machine cannot reach. */
export function isOnLoopback({ text }: ChosenContext): boolean {
  const parsed = parseKubeconfig(text, { trusted: true });
  return parsed.ok && /^https?:\/\/(127\.|localhost[:/]|localhost$|\[::1\])/.test(parsed.value.server);
}
