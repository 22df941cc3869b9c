import { isDeepStrictEqual } from 'node:util';
import { type Reference, referenceText, sameReference } from '../model/reference.ts';
import type { Application } from '../resources/application.ts';
import type { Hub } from '../resources/hub.ts';
import type { Pipeline } from '../resources/pipeline.ts';
import type { Release } from '../resources/release.ts';
import { referenceOf, resolveReference } from '../resources/resource.ts';
import { pendingSync, syncRequestedAnnotation } from '../sync/sync-request.ts';
import { applicationsOf, placementsOf } from '../sync/wanted.ts';
import type { HubChange } from './hub-changes.ts';
import type { Verb } from './nudges.ts';

export type Nudge = { readonly verb: Verb; readonly reference: Reference };

/** How many Releases of a Pipeline may still have something to be told to the Git host. */
const reportedReleases = 20;

/**
 * Who has to look after a custom resource changed.
 * No verb is nudged by the part of a status that it writes itself, or every look would cause the next one.
 */
export function nudgesFor(change: HubChange, lists: Pick<Hub, 'list'>): readonly Nudge[] {
  switch (change.kind) {
    case 'Repository':
      return hasNewSpec(change) ? forRepository(change.reference, change.now !== undefined, lists) : [];
    case 'Cluster':
      return hasNewSpec(change) ? syncs(applicationsOn(change.reference, lists)) : [];
    case 'Application':
      return unique(forApplication(change, lists));
    case 'Pipeline':
      return unique(forPipeline(change, lists));
    case 'Release':
      return change.now !== undefined && !isDeepStrictEqual(change.before?.status?.stages, change.now.status?.stages ?? [])
        ? [{ verb: 'report', reference: change.reference }]
        : [];
    default:
      return change satisfies never;
  }
}

/** After a start, and when the queue was lost: everything that may have something to do. */
export function allNudges(lists: Pick<Hub, 'list'>): readonly Nudge[] {
  return [
    ...lists.list('Repository').map((repository): Nudge => ({ verb: 'refresh', reference: referenceOf(repository) })),
    ...lists.list('Pipeline').map((pipeline): Nudge => ({ verb: 'promote', reference: referenceOf(pipeline) })),
    ...syncs(lists.list('Application')),
    ...newestReleases(lists.list('Release')).map((release): Nudge => ({ verb: 'report', reference: referenceOf(release) })),
  ];
}

export const applicationsOn = (cluster: Reference, lists: Pick<Hub, 'list'>): readonly Application[] =>
  lists.list('Application').filter((application) => sameReference(resolveReference(application, application.spec.destination.cluster), cluster));

type Changed = {
  readonly before?: { readonly metadata: { readonly uid: string; readonly generation: number } };
  readonly now?: { readonly metadata: { readonly uid: string; readonly generation: number } };
};

const hasNewSpec = ({ before, now }: Changed): boolean =>
  before?.metadata.generation !== now?.metadata.generation || before?.metadata.uid !== now?.metadata.uid;

const syncs = (applications: readonly Application[]): readonly Nudge[] =>
  applications.map((application) => ({ verb: 'sync', reference: referenceOf(application) }));

/** Its users say in their own status that it is missing, or that it does not allow them. */
function forRepository(repository: Reference, exists: boolean, lists: Pick<Hub, 'list'>): readonly Nudge[] {
  const applications = lists
    .list('Application')
    .filter((application) => sameReference(resolveReference(application, application.spec.source.repository), repository));
  const pipelines = lists.list('Pipeline').filter((pipeline) => sameReference(resolveReference(pipeline, pipeline.spec.repository), repository));
  return [
    ...(exists ? [{ verb: 'refresh', reference: repository } as const] : []),
    ...syncs(applications),
    ...pipelines.map((pipeline): Nudge => ({ verb: 'promote', reference: referenceOf(pipeline) })),
  ];
}

function forApplication({ before, now, reference }: Extract<HubChange, { kind: 'Application' }>, lists: Pick<Hub, 'list'>): readonly Nudge[] {
  const pipelines = lists.list('Pipeline', reference.namespace);
  const promotes = [before, now]
    .flatMap((application) => (application === undefined ? [] : placementsOf(application, pipelines)))
    .map(({ pipeline }): Nudge => ({ verb: 'promote', reference: referenceOf(pipeline) }));
  if (now === undefined) return promotes;
  if (hasNewSpec({ ...(before === undefined ? {} : { before }), now }) || !isDeepStrictEqual(before?.metadata.labels, now.metadata.labels)) {
    // Its branch may be one that nobody followed before.
    return [{ verb: 'sync', reference }, { verb: 'refresh', reference: resolveReference(now, now.spec.source.repository) }, ...promotes];
  }
  const proven = isDeepStrictEqual(before && provenBy(before), provenBy(now)) ? [] : promotes;
  // Whoever asks for a sync means the newest commit too.
  return isAskedFor(before, now)
    ? [{ verb: 'sync', reference }, { verb: 'refresh', reference: resolveReference(now, now.spec.source.repository) }, ...proven]
    : proven;
}

const isAskedFor = (before: Application | undefined, now: Application): boolean =>
  pendingSync(now) !== undefined && before?.metadata.annotations?.[syncRequestedAnnotation] !== now.metadata.annotations?.[syncRequestedAnnotation];

/** What a promotion judges an Application by. */
export function provenBy({ status }: Application): unknown {
  const { observedGeneration, commit, inputs, digest, sync, health, conditions } = status ?? {};
  const stalled = conditions?.find(({ type }) => type === 'Stalled')?.status;
  return [observedGeneration, commit, inputs, digest, sync?.state, sync?.appliedAt, health?.health, health?.since, stalled];
}

function forPipeline({ before, now, reference }: Extract<HubChange, { kind: 'Pipeline' }>, lists: Pick<Hub, 'list'>): readonly Nudge[] {
  const applications = lists.list('Application', reference.namespace);
  const selectedBy = (pipeline: Pipeline | undefined) =>
    pipeline === undefined ? [] : pipeline.spec.stages.flatMap((stage) => applicationsOf(pipeline, stage, applications));
  if (now === undefined) return syncs(selectedBy(before));
  if (hasNewSpec({ ...(before === undefined ? {} : { before }), now })) {
    return [
      { verb: 'refresh', reference: resolveReference(now, now.spec.repository) },
      { verb: 'promote', reference },
      ...syncs([...selectedBy(before), ...selectedBy(now)]),
    ];
  }
  // What a stage runs is its status: `promote` wrote it, and nudges those Applications whose inputs it changes and no others.
  return [];
}

function newestReleases(releases: readonly Release[]): readonly Release[] {
  const byPipeline = Map.groupBy(releases, ({ metadata, spec }) => `${metadata.namespace}/${spec.pipeline}`);
  return [...byPipeline.values()].flatMap((own) => own.toSorted((a, b) => b.spec.sequence - a.spec.sequence).slice(0, reportedReleases));
}

const unique = (nudges: readonly Nudge[]): readonly Nudge[] => [
  ...new Map(nudges.map((nudge) => [`${nudge.verb} ${referenceText(nudge.reference)}`, nudge])).values(),
];
