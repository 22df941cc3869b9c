import type { JsonObject } from '../../model/json.ts';
import type { Manifest } from '../../model/manifest.ts';
import { accepted, type Parsed, type Problem, refused } from '../../model/parsed.ts';
import { apiVersion } from '../../resources/kinds.ts';
import { credentialsRole } from '../../resources/rights.ts';
import type { Answers, GitHostName, StageDestination } from './answers.ts';
import { type Layout, nameOf, type Proposal } from './layout.ts';

/** What the repository and its host said. */
export type Found = {
  readonly host: GitHostName;
  readonly branch: string;
  readonly layout: Layout;
  /** The namespace that the kustomization of a path puts its objects into, by path. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** Whether Git asks for a token. */
  readonly credentials: boolean;
};

/** A cluster that stages are deployed to. `access` undefined: the hub itself. */
export type DestinationPlan = {
  readonly cluster: string;
  readonly access: Pick<StageDestination, 'context' | 'kubeconfig'> | undefined;
  readonly stages: readonly string[];
  /** What an administrator of it applies once: namespaces, the service account, what it may do. */
  readonly objects: readonly Manifest[];
};

/** A Secret of the hub, by the names of its keys: values come later, and never into a plan. */
export type SecretPlan = { readonly name: string; readonly keys: readonly ('token' | 'webhookSecret' | 'kubeconfig')[]; readonly cluster?: string };

/** Everything that `sluice init` makes, without any secret. */
export type InstallationPlan = {
  readonly namespace: string;
  readonly pipeline: string;
  readonly destinations: readonly DestinationPlan[];
  readonly secrets: readonly SecretPlan[];
  /** The hub's namespace, who may read its Secrets, and what is in it beside them, in the order in which they name one another. */
  readonly hub: readonly Manifest[];
};

/** Refused when two stages would write the same objects. */
export function planInstallation(answers: Answers, found: Found): Parsed<InstallationPlan> {
  const { name, namespace } = answers;
  const { stages, proposals } = found.layout;
  const unknown = Object.keys(answers.destinations).filter((stage) => !stages.includes(stage));
  const destinations = destinationsOf(answers, stages);
  const placed = proposals.map((proposal) => placeOf(proposal, answers, found, destinations));
  const problems: Problem[] = [
    ...unknown.map((stage) => ({ at: `--destination-… ${stage}=`, message: `names no stage: there are ${stages.join(', ')}` })),
    ...overlaps(placed),
    ...contradictions(answers, found),
    ...doubles(placed),
  ];
  if (problems.length > 0) return refused(...problems);

  const git = gitSecret(answers, found);
  return accepted({
    namespace,
    pipeline: name,
    destinations: destinations.map(({ cluster, access, stages: own }) => ({
      cluster,
      access,
      stages: own,
      objects: unique(placed.filter((each) => each.cluster === cluster).map((each) => each.namespace)).flatMap((each) => destinationObjects(each, answers)),
    })),
    secrets: [
      ...(git === undefined ? [] : [git]),
      ...destinations.flatMap(({ cluster, access }): SecretPlan[] =>
        access === undefined ? [] : [{ name: `${cluster}-kubeconfig`, keys: ['kubeconfig'], cluster }],
      ),
    ],
    hub: [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      credentialsBinding(answers),
      resource('Repository', name, namespace, {
        url: answers.url,
        host: found.host,
        ...(git === undefined ? {} : { secretRef: { name: git.name } }),
      }),
      ...destinations.map((destination) => clusterResource(destination, placed, answers)),
      ...placed.map((each) => applicationResource(each, answers)),
      pipelineResource(answers, found),
    ],
  });
}

/** Secrets are opened to Sluice namespace by namespace. */
const credentialsBinding = ({ namespace, sluiceNamespace }: Answers): Manifest => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name: credentialsRole, namespace },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: credentialsRole },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: `system:serviceaccounts:${sluiceNamespace}` }],
});

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];

type Destination = Omit<DestinationPlan, 'objects'>;
type Placed = Proposal & { readonly cluster: string; readonly namespace: string };

/** Stages of one context share a Cluster, which has the name of the stage when it is one only. */
function destinationsOf({ destinations }: Answers, stages: readonly string[]): readonly Destination[] {
  const accessOf = (stage: string): Destination['access'] => {
    const { context, kubeconfig } = destinations[stage] ?? {};
    if (context === undefined && kubeconfig === undefined) return undefined;
    return { ...(context === undefined ? {} : { context }), ...(kubeconfig === undefined ? {} : { kubeconfig }) };
  };
  const byAccess = Map.groupBy(stages, (stage) => JSON.stringify(accessOf(stage) ?? null));
  return [...byAccess.values()].map((own): Destination => {
    const access = accessOf(own[0] ?? '');
    return { cluster: access === undefined ? 'hub' : (own.length === 1 ? own[0] : nameOf(own)) || 'cluster', access, stages: own };
  });
}

/** Where the objects of a kustomization go is what it says itself; else where the stage goes. Stages that share a cluster have a namespace each. */
function placeOf(proposal: Proposal, { name, destinations: said }: Answers, { namespaces }: Found, destinations: readonly Destination[]): Placed {
  const destination = destinations.find(({ stages }) => stages.includes(proposal.stage));
  const shared = destination === undefined || destination.access === undefined || destination.stages.length > 1;
  const namespace = said[proposal.stage]?.namespace ?? namespaces.get(proposal.path) ?? (shared ? `${name}-${proposal.stage}` : name);
  return { ...proposal, cluster: destination?.cluster ?? 'hub', namespace };
}

/** What two stages of one cluster and one namespace render has the same names. */
function overlaps(placed: readonly Placed[]): readonly Problem[] {
  const stagesOf = Map.groupBy(placed, ({ cluster, namespace }) => `${cluster} ${namespace}`);
  return [...stagesOf.values()].flatMap((together) => {
    const stages = unique(together.map(({ stage }) => stage));
    const [first] = together;
    if (first === undefined || stages.length < 2) return [];
    const advice = `give the stages namespaces of their own (a field \`namespace\` of each kustomization, or --destination-namespace STAGE=NAMESPACE where none says one), or clusters of their own (--destination-context STAGE=CONTEXT)`;
    return [
      { at: `stages ${stages.join(' and ')}`, message: `would write the same objects, for both go to namespace ${first.namespace} of one cluster: ${advice}` },
    ];
  });
}

function contradictions({ destinations }: Answers, { layout, namespaces }: Found): readonly Problem[] {
  return layout.proposals.flatMap(({ stage, path }) => {
    const [said, written] = [destinations[stage]?.namespace, namespaces.get(path)];
    if (said === undefined || written === undefined || said === written) return [];
    return [
      {
        at: path,
        message: `its kustomization puts its objects into namespace ${written}, not into ${said}: leave --destination-namespace ${stage}=${said} out, or change the field`,
      },
    ];
  });
}

function doubles(placed: readonly Placed[]): readonly Problem[] {
  const byName = Map.groupBy(placed, ({ app, stage }) => `${app}-${stage}`);
  return [...byName].flatMap(([name, same]) =>
    same.length < 2 ? [] : [{ at: same.map(({ path }) => path).join(', '), message: `would all be the Application ${name}: leave some out with --path` }],
  );
}

/** The account that Applications act as, with the rights of a ClusterRole in its own namespace and none elsewhere. */
function destinationObjects(namespace: string, { serviceAccount, clusterRole }: Answers): readonly Manifest[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: serviceAccount, namespace }, automountServiceAccountToken: false },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: serviceAccount, namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: clusterRole },
      subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace }],
    },
  ];
}

function gitSecret({ name }: Answers, { host, credentials }: Found): SecretPlan | undefined {
  const keys = [...(credentials ? (['token'] as const) : []), ...(host === 'git' ? [] : (['webhookSecret'] as const))];
  return keys.length === 0 ? undefined : { name: `${name}-git`, keys };
}

const resource = (kind: string, name: string, namespace: string, spec: JsonObject, labels?: Readonly<Record<string, string>>): Manifest => ({
  apiVersion,
  kind,
  metadata: { name, namespace, ...(labels === undefined ? {} : { labels }) },
  spec,
});

function clusterResource({ cluster, access }: Destination, placed: readonly Placed[], { namespace, serviceAccount }: Answers): Manifest {
  const namespaces = unique(placed.filter((each) => each.cluster === cluster).map((each) => each.namespace));
  return resource('Cluster', cluster, namespace, {
    connection: access === undefined ? { type: 'hub', hub: {} } : { type: 'kubeconfig', kubeconfig: { secretRef: { name: `${cluster}-kubeconfig` } } },
    rules: [{ hubNamespaces: [namespace], namespaces, serviceAccounts: [serviceAccount] }],
  });
}

function applicationResource(
  { app, stage, path, valueFiles, cluster, namespace: destination }: Placed,
  { name, namespace, serviceAccount }: Answers,
): Manifest {
  const helm = valueFiles === undefined ? {} : { helm: { releaseName: app, valueFiles } };
  return resource(
    'Application',
    `${app}-${stage}`,
    namespace,
    {
      source: { repository: { name }, path, ...helm },
      destination: { cluster: { name: cluster }, namespace: destination },
      serviceAccountName: serviceAccount,
    },
    { pipeline: name, stage },
  );
}

/** Each stage comes after the one before it; a stage that another waits for has to stay healthy for a while. */
function pipelineResource({ name, namespace, soakSeconds }: Answers, { branch, layout: { stages } }: Found): Manifest {
  return resource('Pipeline', name, namespace, {
    repository: { name },
    branch,
    stages: stages.map((stage, index) => ({
      name: stage,
      ...(index === 0 ? {} : { after: [stages[index - 1] ?? ''] }),
      selector: { matchLabels: { pipeline: name, stage } },
      ...(index < stages.length - 1 && soakSeconds > 0 ? { verify: { soakSeconds } } : {}),
    })),
  });
}
