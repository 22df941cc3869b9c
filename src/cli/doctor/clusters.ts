import { X509Certificate } from 'node:crypto';
import { type ApiServer, openApiServer } from '../../adapters/api-server.ts';
import { type Kubeconfig, parseKubeconfig } from '../../adapters/kubeconfig.ts';
import { at } from '../../model/json.ts';
import { describeProblems } from '../../model/parsed.ts';
import { type Reference, referenceText, sameReference } from '../../model/reference.ts';
import type { Application } from '../../resources/application.ts';
import type { Cluster } from '../../resources/cluster.ts';
import { referenceOf, resolveReference } from '../../resources/resource.ts';
import { type Finding, fail, judgeClock, ok, skipped, type Tried, tried, warn } from './finding.ts';
import { destinationRights, whoseRights } from './hub.ts';
import { judgeRights, type Reviewed, review, type Whose } from './rights.ts';
import { readSecret, type SecretRead } from './secrets.ts';

/** When a credential ends; undefined: not that one can tell, or never. */
export type Expiry = { readonly of: 'token' | 'client certificate'; readonly atMs: number } | undefined;

/** Whom Applications act as in one namespace of a Cluster. */
export type AccountFacts = {
  readonly namespace: string;
  readonly name: string;
  readonly namespaceThere: Tried<boolean>;
  readonly accountThere: Tried<boolean>;
  readonly rights: Tried<readonly Reviewed[]>;
};

export type ClusterFacts = {
  readonly cluster: Reference;
  readonly connection:
    | { readonly is: 'suspended' }
    | { readonly is: 'unreadable'; readonly says: string; readonly mend: string }
    | {
        readonly is: 'open';
        readonly version: Tried<{ readonly name: string; readonly clockAheadMs: number | undefined }>;
        readonly expiry: Expiry;
        readonly who: string;
        readonly rights: Tried<readonly Reviewed[]>;
        readonly accounts: readonly AccountFacts[];
      };
};

type Hub = { readonly server: ApiServer; readonly sluice: string | undefined; readonly trusted: readonly Reference[]; readonly signal: AbortSignal };

/** Asks a Cluster with the credentials that Sluice has for it; the hub itself with one's own. */
export async function gatherCluster(hub: Hub, cluster: Cluster, applications: readonly Application[]): Promise<ClusterFacts> {
  const reference = referenceOf(cluster);
  if (cluster.spec.suspend) return { cluster: reference, connection: { is: 'suspended' } };
  const own = applications.filter((application) => sameReference(resolveReference(application, application.spec.destination.cluster), reference));
  if (cluster.spec.connection.type === 'hub') {
    return {
      cluster: reference,
      connection: await gatherOpen(
        hub.server,
        { whose: whoseRights(hub.sluice), who: hub.sluice ?? 'the user of this context', expiry: undefined },
        own,
        hub.signal,
      ),
    };
  }
  const secretName = cluster.spec.connection.kubeconfig.secretRef.name;
  const read = await readSecret(hub.server, { namespace: reference.namespace, name: secretName }, hub.signal);
  const text = textOf(read, reference.namespace, secretName);
  if ('is' in text) return { cluster: reference, connection: text };
  const trusted = hub.trusted.some((each) => sameReference(each, reference));
  const parsed = parseKubeconfig(text.kubeconfig, { trusted });
  if (!parsed.ok) {
    const mend = `put a kubeconfig with the token of a service account into Secret ${reference.namespace}/${secretName} (sluice init makes one)`;
    return {
      cluster: reference,
      connection: { is: 'unreadable', says: `its kubeconfig is refused: ${describeProblems(parsed.problems).replaceAll('\n', '; ')}`, mend },
    };
  }
  await using server = openApiServer(text.kubeconfig, { port: 'destination', name: `Cluster ${referenceText(reference)}`, trusted, connections: 8 });
  const whoami = await tried(
    server.send({
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
      signal: hub.signal,
    }),
  );
  const who = whoami.ok ? String(at(whoami.value.body, 'status', 'userInfo', 'username') ?? '') : '';
  return {
    cluster: reference,
    connection: await gatherOpen(server, { whose: { of: 'caller' }, who: who || 'its user', expiry: expiryOf(parsed.value) }, own, hub.signal),
  };
}

function textOf(
  read: SecretRead,
  namespace: string,
  name: string,
): { readonly kubeconfig: string } | Extract<ClusterFacts['connection'], { is: 'unreadable' }> {
  const mend = `create it with the key kubeconfig: kubectl create secret generic ${name} -n ${namespace} --from-file=kubeconfig=FILE`;
  if (!read.ok) return { is: 'unreadable', says: `its Secret ${name} cannot be read: ${read.says}`, mend: 'run this with rights to read it' };
  if (read.value === undefined) return { is: 'unreadable', says: `its Secret ${name} is not there`, mend };
  const { kubeconfig } = read.value;
  return kubeconfig === undefined || kubeconfig === '' ? { is: 'unreadable', says: `its Secret ${name} has no kubeconfig`, mend } : { kubeconfig };
}

type Caller = { readonly whose: Whose; readonly who: string; readonly expiry: Expiry };

async function gatherOpen(
  server: ApiServer,
  { whose, who, expiry }: Caller,
  applications: readonly Application[],
  signal: AbortSignal,
): Promise<ClusterFacts['connection']> {
  const pairs = new Map(
    applications.flatMap(({ spec }) =>
      spec.serviceAccountName === undefined
        ? []
        : [[`${spec.destination.namespace}/${spec.serviceAccountName}`, { namespace: spec.destination.namespace, name: spec.serviceAccountName }]],
    ),
  );
  const [answered, rights] = await Promise.all([
    tried(server.send({ method: 'GET', path: '/version', signal })),
    review(server, destinationRights, whose, signal),
  ]);
  const version: Extract<ClusterFacts['connection'], { is: 'open' }>['version'] = answered.ok
    ? { ok: true, value: { name: String(at(answered.value.body, 'gitVersion') ?? ''), clockAheadMs: answered.value.clockAheadMs } }
    : answered;
  const accounts = version.ok ? await Promise.all([...pairs.values()].map((pair) => gatherAccount(server, pair, signal))) : [];
  return { is: 'open', version, expiry, who, rights, accounts };
}

/** What most Applications hold. What one of them may not do, its own dry-run says. */
const usual = [
  { group: 'apps', resource: 'deployments' },
  { group: '', resource: 'services' },
  { group: '', resource: 'configmaps' },
];

async function gatherAccount(server: ApiServer, { namespace, name }: Reference, signal: AbortSignal): Promise<AccountFacts> {
  const isThere = async (path: string): Promise<Tried<boolean>> => {
    const answer = await tried(server.send({ method: 'GET', path, signal }));
    if (answer.ok) return { ok: true, value: true };
    return answer.code === 'NOT_FOUND' ? { ok: true, value: false } : answer;
  };
  const rights = usual.flatMap((kind) => ['get', 'create', 'patch', 'delete'].map((verb) => ({ ...kind, verb, namespace })));
  const [namespaceThere, accountThere, reviewed] = await Promise.all([
    isThere(`/api/v1/namespaces/${encodeURIComponent(namespace)}`),
    isThere(`/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(name)}`),
    review(server, rights, { of: 'account', account: { as: 'service-account', namespace, name } }, signal),
  ]);
  return { namespace, name, namespaceThere, accountThere, rights: reviewed };
}

/** Of what stands in the kubeconfig itself; tokens are read, not checked: that is the server's. */
function expiryOf({ token, certificate }: Kubeconfig): Expiry {
  if (token !== undefined && 'text' in token) {
    const atMs = tokenExpiryMs(token.text);
    return atMs === undefined ? undefined : { of: 'token', atMs };
  }
  if (certificate === undefined || !('text' in certificate)) return undefined;
  return { of: 'client certificate', atMs: Date.parse(new X509Certificate(certificate.text).validTo) };
}

/** `exp` of a JSON Web Token, in milliseconds; undefined for other tokens and for one without an end. */
export function tokenExpiryMs(token: string): number | undefined {
  try {
    const exp = at(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()), 'exp');
    return typeof exp === 'number' ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

const dayMs = 86_400_000;
const soonDays = 7;

export function judgeCluster({ cluster, connection }: ClusterFacts, nowMs: number): readonly Finding[] {
  const about = `Cluster ${referenceText(cluster)}`;
  const subject = { check: 'cluster', about };
  switch (connection.is) {
    case 'suspended':
      return [skipped(subject, 'is suspended')];
    case 'unreadable':
      return [fail(subject, connection.says, connection.mend)];
    case 'open': {
      const { version, expiry, who, rights, accounts } = connection;
      if (!version.ok) return [fail(subject, version.says, mendFor(version.code)), ...judgeExpiry(about, expiry, nowMs)];
      return [
        ok(subject, `answers as ${who}, ${version.value.name}`),
        ...judgeExpiry(about, expiry, nowMs),
        judgeClock(about, version.value.clockAheadMs),
        judgeRights({ check: 'rights', about }, who, rights, 'apply what deploy/ gives Sluice on a destination (sluice init does, with its service account)'),
        ...accounts.map((account) => judgeAccount(about, account)),
      ];
    }
    default:
      return connection satisfies never;
  }
}

const mendFor = (code: string): string =>
  code === 'UNAUTHORIZED'
    ? 'renew the kubeconfig in its Secret; sluice init --apply makes a new one'
    : 'see that the address in its kubeconfig is right and reachable from where Sluice runs';

function judgeExpiry(about: string, expiry: Expiry, nowMs: number): readonly Finding[] {
  if (expiry === undefined) return [];
  const subject = { check: 'credentials', about };
  const leftMs = expiry.atMs - nowMs;
  const when = new Date(expiry.atMs).toISOString();
  const mend = 'renew the kubeconfig in its Secret, or use a service account whose token does not expire (sluice init)';
  if (leftMs <= 0) return [fail(subject, `its ${expiry.of} expired at ${when}`, mend)];
  if (leftMs < soonDays * dayMs) return [warn(subject, `its ${expiry.of} expires at ${when}, in less than ${soonDays} days`, mend)];
  return [ok(subject, `its ${expiry.of} is valid until ${when}`)];
}

function judgeAccount(about: string, { namespace, name, namespaceThere, accountThere, rights }: AccountFacts): Finding {
  const subject = { check: 'account', about: `${about}: ${namespace}/${name}` };
  const mend = `create it there and bind it: kubectl create serviceaccount ${name} -n ${namespace}; kubectl create rolebinding ${name} -n ${namespace} --clusterrole=edit --serviceaccount=${namespace}:${name}`;
  if (namespaceThere.ok && !namespaceThere.value)
    return warn(subject, `namespace ${namespace} is not there`, 'create it, or set spec.sync.createNamespace of the Applications');
  if (accountThere.ok && !accountThere.value) return fail(subject, 'the service account that Applications act as is not there', mend);
  return judgeRights(subject, 'it', rights, mend);
}
