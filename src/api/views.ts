import type * as application from '../resources/application.ts';
import type * as cluster from '../resources/cluster.ts';
import type { Hub } from '../resources/hub.ts';
import type * as pipeline from '../resources/pipeline.ts';
import type * as release from '../resources/release.ts';
import type * as repository from '../resources/repository.ts';
import { referenceOf, resolveReference } from '../resources/resource.ts';
import { applicationsOf, placementsOf } from '../sync/wanted.ts';
import type { Application, Cluster, Pipeline, Release, ReleaseBrief, Repository, Stage, Standing } from './answers.ts';

/** Custom resources as people read them. Pure but for what the hub has shown this process. */
export type SeenHub = Pick<Hub, 'seen' | 'list'>;

const waitingShown = 3;
const refsShown = 50;

function standingOf(status: { readonly conditions: readonly Condition[] } | undefined): Standing {
  const ready = status?.conditions.find(({ type }) => type === 'Ready');
  if (ready === undefined) return { ready: 'Unknown', reason: 'NotSeen', message: 'Sluice has not looked at it yet', stalled: false };
  const stalled = status?.conditions.some(({ type, status: is }) => type === 'Stalled' && is === 'True') ?? false;
  return { ready: ready.status, reason: ready.reason, message: ready.message, stalled };
}
type Condition = { readonly type: string; readonly status: 'True' | 'False' | 'Unknown'; readonly reason: string; readonly message: string };

export function pipelineView(one: pipeline.Pipeline, hub: SeenHub, { history }: { readonly history: boolean }): Pipeline {
  const { namespace } = one.metadata;
  const releases = releasesOf(one, hub);
  const applications = hub.list('Application', namespace);
  return {
    ...referenceOf(one),
    repository: resolveReference(one, one.spec.repository),
    branch: one.spec.branch,
    suspended: one.spec.suspend,
    standing: standingOf(one.status),
    ...defined({ signer: one.status?.signer }),
    stages: one.spec.stages.map((spec) => {
      const its = one.status?.stages.find(({ name }) => name === spec.name);
      return {
        ...stageView(spec, its, applicationsOf(one, spec, applications), releases),
        history: history ? (its?.history ?? []).map((past) => pastAdmission(past, releases)) : [],
      };
    }),
  };
}

function stageView(
  spec: pipeline.StageSpec,
  status: pipeline.StageStatus | undefined,
  applications: readonly application.Application[],
  releases: readonly release.Release[],
): Stage {
  const waiting = releases.flatMap((each) => {
    const its = each.status?.stages.find(({ name }) => name === spec.name);
    return its?.state === 'waiting' ? [{ release: briefOf(each), reason: its.reason, since: its.since }] : [];
  });
  const trouble = troubleOf(applications);
  const admitted = status?.admitted;
  return {
    name: spec.name,
    after: [...spec.after],
    soakSeconds: spec.verify.soakSeconds,
    applications: {
      total: applications.length,
      synced: applications.filter((each) => each.status?.sync?.state === 'Synced').length,
      healthy: applications.filter((each) => each.status?.health?.health === 'Healthy').length,
    },
    ...defined({ trouble, foreign: status?.foreign, admitted: admitted === undefined ? undefined : admission(admitted, releases) }),
    waiting: waiting.slice(0, waitingShown),
    waitingCount: waiting.length,
    history: [],
  };
}

const severity = ['Degraded', 'Missing', 'Unknown', 'Progressing'];

function troubleOf(applications: readonly application.Application[]): Stage['trouble'] {
  const ill = applications.flatMap((each) => {
    const { health, sync } = each.status ?? {};
    if (sync?.state === 'Failed') return [{ application: each.metadata.name, health: 'Failed', message: sync.message, rank: -1 }];
    const rank = severity.indexOf(health?.health ?? '');
    return health === undefined || rank < 0 ? [] : [{ application: each.metadata.name, health: health.health, message: health.message, rank }];
  });
  const worst = ill.toSorted((a, b) => a.rank - b.rank || (a.application < b.application ? -1 : 1))[0];
  return worst === undefined ? undefined : { application: worst.application, health: worst.health, message: worst.message };
}

function admission(admitted: pipeline.Admission, releases: readonly release.Release[]): NonNullable<Stage['admitted']> {
  const { ordinal, admittedAt, verdict, reason, verdictAt, deadlineAt, soak, record } = admitted;
  return {
    release: briefNamed(admitted, releases),
    ordinal,
    admittedAt,
    verdict,
    reason,
    deadlineAt,
    ...defined({
      verdictAt,
      soak: soak === undefined ? undefined : { countedMs: soak.countedMs, observedAt: soak.observedAt },
      commit: record?.commit,
      pushed: record?.pushed,
    }),
  };
}

function pastAdmission(past: pipeline.StageStatus['history'][number], releases: readonly release.Release[]): Stage['history'][number] {
  const { ordinal, admittedAt, verdict, reason, verdictAt, endedAt, commit } = past;
  return { release: briefNamed(past, releases), ordinal, admittedAt, verdict, reason, endedAt, ...defined({ verdictAt, commit }) };
}

/** Releases go away in time, admissions stay. */
function briefNamed(
  { release: name, revision, sequence }: { readonly release: string; readonly revision: string; readonly sequence: number },
  releases: readonly release.Release[],
): ReleaseBrief {
  const found = releases.find((each) => each.metadata.name === name);
  return found === undefined ? { name, revision, sequence } : briefOf(found);
}

const briefOf = ({ metadata, spec: { revision, sequence, subject, author, committedAt } }: release.Release): ReleaseBrief => ({
  name: metadata.name,
  revision,
  sequence,
  subject,
  author,
  committedAt,
});

/** Newest first. */
export const releasesOf = (one: pipeline.Pipeline, hub: SeenHub): readonly release.Release[] =>
  hub
    .list('Release', one.metadata.namespace)
    .filter(({ spec }) => spec.pipeline === one.metadata.name)
    .toSorted((a, b) => b.spec.sequence - a.spec.sequence);

export function releaseView(one: release.Release): Release {
  return {
    ...briefOf(one),
    namespace: one.metadata.namespace,
    pipeline: one.spec.pipeline,
    included: one.spec.included.length,
    rewritten: one.spec.rewritten,
    ...defined({ summary: one.status?.summary }),
    stages: one.status?.stages ?? [],
  };
}

export function applicationView(one: application.Application, hub: SeenHub): Application {
  const { source, destination, sync, suspend, serviceAccountName } = one.spec;
  const { revision, phase, health, objects, history = [] } = one.status ?? {};
  const [placement] = placementsOf(one, hub.list('Pipeline', one.metadata.namespace));
  const running = hub.list('Release', one.metadata.namespace).find(({ spec }) => spec.revision === revision);
  return {
    ...referenceOf(one),
    repository: resolveReference(one, source.repository),
    path: source.path,
    cluster: resolveReference(one, destination.cluster),
    destinationNamespace: destination.namespace,
    suspended: suspend,
    policy: { automated: sync.automated, prune: sync.prune, selfHeal: sync.selfHeal },
    standing: standingOf(one.status),
    history,
    ...defined({
      targetRevision: source.targetRevision,
      serviceAccountName,
      stage: placement === undefined ? undefined : { pipeline: placement.pipeline.metadata.name, name: placement.stage.name },
      revision,
      subject: running?.spec.subject,
      phase,
      sync: one.status?.sync,
      health,
      objects,
    }),
  };
}

export function repositoryView(one: repository.Repository): Repository {
  return {
    ...referenceOf(one),
    url: one.spec.url,
    host: one.spec.host,
    suspended: one.spec.suspend,
    standing: standingOf(one.status),
    refs: (one.status?.refs ?? [])
      .toSorted((a, b) => (a.movedAt < b.movedAt ? 1 : -1))
      .slice(0, refsShown)
      .map(({ name, commit, movedAt }) => ({ name, commit, movedAt })),
    missing: (one.status?.missing ?? []).slice(0, refsShown),
  };
}

export function clusterView(one: cluster.Cluster): Cluster {
  return {
    ...referenceOf(one),
    suspended: one.spec.suspend,
    standing: standingOf(one.status),
    ...defined({ version: one.status?.version, watchedSince: one.status?.watch?.syncedSince }),
  };
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The fields that have a value. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
