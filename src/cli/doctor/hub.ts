import type { ApiServer } from '../../adapters/api-server.ts';
import { at, digestOfJson, isJsonObject, type Json } from '../../model/json.ts';
import { crdOf } from '../../resources/crd.ts';
import { group, type Kind, kinds, version } from '../../resources/kinds.ts';
import { credentialsRole, credentialsRules, destinationRoles, hubRules, ownNamespaceRules } from '../../resources/rights.ts';
import { leaseMs } from '../../workers/leader.ts';
import { type Finding, fail, judgeClock, ok, skipped, type Tried, tried, warn } from './finding.ts';
import { judgeRights, type Reviewed, review, rightsOf, type Whose } from './rights.ts';

export type HubFacts = {
  readonly context: string;
  readonly version: Tried<{ readonly name: string; readonly clockAheadMs: number | undefined }>;
  /** By kind; null: there is none. */
  readonly crds: Readonly<Record<Kind, Tried<unknown>>>;
  /** Sluice's own namespace. */
  readonly namespace: string;
  /** The user that Sluice is, whose rights were asked; undefined: those of whoever asks. */
  readonly sluice: string | undefined;
  readonly rights: Tried<readonly Reviewed[]>;
  /** null: nobody has ever led. */
  readonly lease: Tried<unknown>;
};

const applyCrds = 'kubectl apply --server-side -f deploy/crds, of the release that runs';

type Asking = { readonly context: string; readonly namespace: string; readonly user: string | undefined; readonly signal: AbortSignal };

/** Throws nothing but what is a bug: whatever the hub answers is a fact. */
export async function gatherHub(server: ApiServer, { context, namespace, user, signal }: Asking): Promise<HubFacts> {
  const read = (path: string): Promise<Tried<unknown>> => orNull(tried(server.send({ method: 'GET', path, signal }).then(({ body }) => body)));
  const sluice = await whoIsSluice(read, namespace, user);
  const rights = [...rightsOf(hubRules), ...rightsOf(ownNamespaceRules, namespace)];
  const [answered, crds, reviewed, lease] = await Promise.all([
    tried(server.send({ method: 'GET', path: '/version', signal })),
    Promise.all(
      (Object.keys(kinds) as Kind[]).map(
        async (kind) => [kind, await read(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${kinds[kind]}.${group}`)] as const,
      ),
    ),
    review(server, rights, whoseRights(sluice), signal),
    read(`/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases/sluice-controller`),
  ]);
  return {
    context,
    version: answered.ok
      ? { ok: true, value: { name: String(at(answered.value.body, 'gitVersion') ?? ''), clockAheadMs: answered.value.clockAheadMs } }
      : answered,
    crds: Object.fromEntries(crds) as Record<Kind, Tried<unknown>>,
    namespace,
    sluice,
    rights: reviewed,
    lease,
  };
}

/** The service account that deploy/ installs, where it is there; else whoever asks stands for Sluice. */
async function whoIsSluice(read: (path: string) => Promise<Tried<unknown>>, namespace: string, named: string | undefined): Promise<string | undefined> {
  if (named !== undefined) return named;
  const account = await read(`/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/sluice`);
  return account.ok && account.value !== null ? `system:serviceaccount:${namespace}:sluice` : undefined;
}

const orNull = async (asked: Promise<Tried<unknown>>): Promise<Tried<unknown>> => {
  const answer = await asked;
  return !answer.ok && answer.code === 'NOT_FOUND' ? { ok: true, value: null } : answer;
};

export const whoseRights = (sluice: string | undefined): Whose => (sluice === undefined ? { of: 'caller' } : { of: 'user', user: sluice });

/** Whether Sluice may read the Secrets of the namespaces that hold some for it. */
export async function examineCredentials(
  server: ApiServer,
  sluice: string | undefined,
  namespaces: readonly string[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const findings = namespaces.map(async (namespace) => {
    const reviewed = await review(server, rightsOf(credentialsRules, namespace), whoseRights(sluice), signal);
    const mend = `kubectl create rolebinding ${credentialsRole} -n ${namespace} --clusterrole=${credentialsRole} --group=system:serviceaccounts:<Sluice's namespace> (sluice init makes it)`;
    return judgeRights({ check: 'rights', about: `Secrets of ${namespace}` }, sluice ?? 'the user of this context', reviewed, mend);
  });
  return Promise.all(findings);
}

/** The rights for a cluster that is deployed to. */
export const destinationRights = [
  ...rightsOf(Object.values(destinationRoles).flat()),
  ...rightsOf([
    { apiGroups: [''], resources: ['pods', 'configmaps', 'services'], verbs: ['list', 'watch'] },
    { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: ['list', 'watch'] },
  ]),
];

export function judgeHub(facts: HubFacts, nowMs: number): readonly Finding[] {
  const about = `hub (context ${facts.context})`;
  const subject = { check: 'hub', about };
  if (!facts.version.ok) return [fail(subject, facts.version.says, 'name the hub with --context or --kubeconfig, and see that it answers `kubectl version`')];
  const { name, clockAheadMs } = facts.version.value;
  const crds = (Object.keys(kinds) as Kind[]).map((kind) => judgeCrd(kind, facts.crds[kind]));
  return [
    ok(subject, `answers, ${name}`),
    judgeClock(about, clockAheadMs),
    ...crds,
    judgeRights(
      { check: 'rights', about },
      facts.sluice ?? 'the user of this context',
      facts.rights,
      'apply what deploy/ gives Sluice at the hub, or name its user with --sluice-user',
    ),
    judgeLease(facts, nowMs + (clockAheadMs ?? 0)),
  ];
}

function judgeCrd(kind: Kind, crd: Tried<unknown>): Finding {
  const subject = { check: 'CRD', about: `${kinds[kind]}.${group}` };
  if (!crd.ok) return skipped(subject, `cannot be read: ${crd.says}`);
  if (crd.value === null) return fail(subject, 'is not there', applyCrds);
  const versions: unknown = at(crd.value, 'spec', 'versions');
  const found: unknown = Array.isArray(versions) ? versions.find((each) => at(each, 'name') === version) : undefined;
  if (found === undefined || at(found, 'served') !== true) return fail(subject, `does not serve ${version}`, applyCrds);
  const conditions: unknown = at(crd.value, 'status', 'conditions');
  const established = Array.isArray(conditions) && conditions.some((each) => at(each, 'type') === 'Established' && at(each, 'status') === 'True');
  if (!established) return fail(subject, 'is not established', 'see its conditions: kubectl describe crd; a name of it may be taken by another kind');
  const own: unknown = at(crdOf(kind), 'spec', 'versions', 0);
  const same = schemaDigest(found) === schemaDigest(own) && at(found, 'subresources', 'status') !== undefined;
  if (!same) return fail(subject, 'has the schema of another release: fields would be lost or refused', applyCrds);
  return ok(subject, `is that of this release (${schemaDigest(own).slice(0, 8)})`);
}

const schemaDigest = (served: unknown): string => digestOfJson(asStored(at(served, 'schema', 'openAPIV3Schema') as Json | undefined));

/** The API server leaves out lists and maps of a schema that are empty; a default that is empty it keeps. */
function asStored(schema: Json | undefined): Json | undefined {
  if (Array.isArray(schema)) return schema.map((item) => asStored(item) ?? null);
  if (!isJsonObject(schema)) return schema;
  const kept = Object.entries(schema).filter(([key, value]) => !(key === 'properties' && isEmpty(value)) && !(key === 'required' && isEmpty(value)));
  return Object.fromEntries(kept.map(([key, value]) => [key, key === 'default' ? value : asStored(value)]));
}

const isEmpty = (value: Json | undefined): boolean => (Array.isArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0);

function judgeLease({ lease, namespace }: HubFacts, serverNowMs: number): Finding {
  const subject = { check: 'leader', about: `Lease ${namespace}/sluice-controller` };
  const start = 'start Sluice with the role controller (its log says why it does not lead), or name its namespace with --sluice-namespace';
  if (!lease.ok) return skipped(subject, `cannot be read: ${lease.says}`);
  if (lease.value === null) return fail(subject, 'is not there: no controller has ever led here', start);
  const holder = at(lease.value, 'spec', 'holderIdentity');
  const renewed = Date.parse(String(at(lease.value, 'spec', 'renewTime')));
  if (typeof holder !== 'string' || holder === '') return fail(subject, 'nobody holds it: the last controller has stopped', start);
  const ageMs = serverNowMs - renewed;
  if (Number.isNaN(ageMs)) return warn(subject, `${holder} holds it and does not say since when`, start);
  if (ageMs > leaseMs) return fail(subject, `${holder} renewed it last ${Math.round(ageMs / 1000)} s ago`, start);
  return ok(subject, `${holder} leads`);
}
