import { digestOfJson } from '../model/json.ts';
import { isPortError } from '../model/port-error.ts';
import type { Reference } from '../model/reference.ts';
import type { Application } from '../resources/application.ts';
import type { Pipeline } from '../resources/pipeline.ts';
import type { Release, ReleaseSpec } from '../resources/release.ts';
import type { Repository, TrackedRef } from '../resources/repository.ts';
import { mayBeUsedFrom, referenceOf } from '../resources/resource.ts';
import { filesAt } from '../source/files.ts';
import { firstParentsBetween } from '../source/history.ts';
import { resolveRevision } from '../source/revision.ts';
import type { Commit, Files, RepositoryAccess } from '../source/source.ts';
import { commitOf } from './checkout.ts';
import type { Ports } from './ports.ts';
import { followersOf, hasToBeRebuilt, isEnvironmentBranch, isFollowed, isRecord, missesOther, missingRefs, prefixesOf, trackedRefs } from './refs.ts';
import { renderSourceOf } from './render-source.ts';
import { placementsOf } from './wanted.ts';

export type RefreshOutcome = {
  readonly repository: Repository;
  /** What the host has now, to be remembered; undefined when nothing moved. */
  readonly refs: readonly TrackedRef[];
  readonly applications: readonly Reference[];
  readonly pipelines: readonly Reference[];
};

/** Commits between two Releases are looked for this far back. */
const longestGap = 500;
const mostIncluded = 100;

/**
 * Finds out what a Repository's host has now and whom it concerns: fetch once -> refs -> Releases -> [affected applications, pipelines].
 * The refs are in status before anybody is nudged, so that whoever is nudged reads them. Doing it again does nothing more.
 */
export async function refreshOnce(repository: Repository, ports: Ports, signal: AbortSignal): Promise<RefreshOutcome> {
  const access = await ports.accessTo(repository, signal);
  const following = followersOf(repository, ports.hub.list('Application'), ports.hub.list('Pipeline'));
  const pipelines = following.pipelines.filter((pipeline) => mayBeUsedFrom(repository, pipeline.metadata.namespace));
  const prefixes = prefixesOf({ ...following, pipelines });

  const advertised = prefixes.length === 0 ? [] : (await ports.source.refs(access, prefixes, signal)).filter((ref) => isFollowed(ref, prefixes));
  const before = repository.status?.refs ?? [];
  const refs = trackedRefs(before, advertised, (name) => highestSequence(name, pipelines, ports), ports.now());
  const moved = refs.filter((ref) => !isRecord(ref) && !before.includes(ref));
  await previousReleases(pipelines, moved, access, ports, signal);
  for (const ref of moved) await ports.source.fetch(access, ref, signal);

  const missing = missingRefs(repository.status, advertised, pipelines);
  const remembered = await remember(repository, refs, missing, ports, signal);
  const context: Context = { repository: remembered, access, refs, ports, signal };
  const released = await releasesFor(pipelines, following.applications, context);
  const missedBefore = repository.status?.missing ?? [];
  const movedBranches = refs.filter((ref) => isEnvironmentBranch(ref) && !before.includes(ref)).map(({ name }) => name);
  return {
    repository: remembered,
    refs,
    applications: (await affectedApplications(following.applications, context)).map(referenceOf),
    pipelines: pipelines
      .filter(
        (pipeline) =>
          released.includes(pipeline) ||
          missesOther(pipeline, missedBefore, missing) ||
          movedBranches.some((name) => name.startsWith(`refs/heads/env/${pipeline.metadata.name}/`)),
      )
      .map(referenceOf),
  };
}

type Context = {
  readonly repository: Repository;
  readonly access: RepositoryAccess;
  readonly refs: readonly TrackedRef[];
  readonly ports: Ports;
  readonly signal: AbortSignal;
};

/** A process that has just started fetches where it left off before the new tip, else the commits in between would not arrive. */
async function previousReleases(
  pipelines: readonly Pipeline[],
  moved: readonly TrackedRef[],
  access: RepositoryAccess,
  ports: Ports,
  signal: AbortSignal,
): Promise<void> {
  for (const pipeline of pipelines) {
    const ref = moved.find(({ name }) => name === `refs/heads/${pipeline.spec.branch}`);
    const newest = releasesOf(pipeline, ports).at(-1);
    if (ref === undefined || newest === undefined) continue;
    await commitOf(ports.source, access, { revision: newest.spec.revision, ref: ref.name }, signal).catch((error: unknown) => {
      // A rewritten branch no longer has it: the Release says so.
      if (!isPortError(error, 'NOT_FOUND', 'INVALID')) throw error;
    });
  }
}

async function remember(
  repository: Repository,
  refs: readonly TrackedRef[],
  missing: readonly string[],
  { hub }: Ports,
  signal: AbortSignal,
): Promise<Repository> {
  const before = repository.status;
  const sameRefs = before?.refs.length === refs.length && refs.every((ref) => before.refs.includes(ref));
  const sameMissing = (before?.missing ?? []).join() === missing.join();
  const same = sameRefs && sameMissing && before.observedGeneration === repository.metadata.generation;
  if (same) return repository;
  return hub.writeStatus(
    'Repository',
    repository,
    { conditions: before?.conditions ?? [], refs: [...refs], missing: [...missing], observedGeneration: repository.metadata.generation },
    signal,
  );
}

/** Makes the Releases that are due and says for which Pipelines something is to be done. */
async function releasesFor(pipelines: readonly Pipeline[], applications: readonly Application[], context: Context): Promise<readonly Pipeline[]> {
  const due: Pipeline[] = [];
  for (const pipeline of pipelines) {
    const rebuilding = hasToBeRebuilt(pipeline, context.refs);
    if (rebuilding) due.push(pipeline);
    const tip = context.refs.find(({ name }) => name === `refs/heads/${pipeline.spec.branch}`);
    const spec = tip === undefined || rebuilding ? undefined : await releaseDue(pipeline, applications, tip, context);
    if (spec === undefined) continue;
    await context.ports.hub.createRelease(pipeline, releaseName(pipeline, spec), spec, context.signal);
    due.push(pipeline);
  }
  return due;
}

const releaseName = (pipeline: Pipeline, spec: Pick<ReleaseSpec, 'sequence' | 'revision'>): string =>
  `${pipeline.metadata.name}-${spec.sequence}-${spec.revision.slice(0, 8)}`;

/** A tip is a Release when what the Pipeline's Applications read differs from the newest Release, or when it is the first. */
async function releaseDue(
  pipeline: Pipeline,
  applications: readonly Application[],
  tip: TrackedRef,
  { access, ports, signal }: Context,
): Promise<ReleaseSpec | undefined> {
  const newest = releasesOf(pipeline, ports).at(-1) ?? (await newestAdmitted(pipeline, ports, signal));
  if (newest?.spec.revision === tip.commit) return undefined;

  const commit = await commitOf(ports.source, access, { revision: tip.commit, ref: tip.name }, signal);
  const described = await describeRelease(pipeline, applications, { commit, sequence: tip.sequence, access }, ports, signal);
  if (newest?.spec.inputs === described.inputs) return undefined;

  const history = await firstParentsBetween((id) => ports.source.commit(access, id, signal), newest?.spec.revision, tip.commit, longestGap);
  const between = history.kind === 'continued' ? history.commits.slice(0, -1).map(({ id }) => id) : [];
  return { ...described, included: newest === undefined ? [] : between.slice(-mostIncluded), rewritten: history.kind === 'rewritten' };
}

/** A Release that this process has not seen yet, as right after a hub was rebuilt. */
async function newestAdmitted(pipeline: Pipeline, { hub }: Ports, signal: AbortSignal): Promise<Release | undefined> {
  const [newest] = (pipeline.status?.stages ?? [])
    .flatMap(({ admitted }) => (admitted === undefined ? [] : [admitted]))
    .toSorted((a, b) => b.sequence - a.sequence);
  return newest === undefined ? undefined : hub.read('Release', { namespace: pipeline.metadata.namespace, name: newest.release }, signal);
}

/** What a Release says of its commit, whatever came before it. */
export async function describeRelease(
  pipeline: Pipeline,
  applications: readonly Application[],
  { commit, sequence, access }: { readonly commit: Commit; readonly sequence: number; readonly access: RepositoryAccess },
  ports: Ports,
  signal: AbortSignal,
): Promise<ReleaseSpec> {
  return {
    pipeline: pipeline.metadata.name,
    revision: commit.id,
    tree: commit.tree,
    sequence,
    inputs: await inputsOfPipeline(pipeline, applications, filesAt(ports.source, access, commit, signal), ports),
    subject: subjectOf(commit),
    author: commit.author.slice(0, 256),
    committedAt: commit.committedAt.toISOString(),
    included: [],
    rewritten: false,
  };
}

async function inputsOfPipeline(pipeline: Pipeline, applications: readonly Application[], files: Files, ports: Ports): Promise<string> {
  const selected = applications.filter((application) => placementsOf(application, [pipeline]).length > 0);
  const inputs = await Promise.all(selected.map(async (application) => [application.metadata.name, await ports.inputsOf(renderSourceOf(application, files))]));
  return digestOfJson(inputs.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)));
}

/** Releases of a Pipeline by rising sequence, as this process last saw them. */
export const releasesOf = (pipeline: Pipeline, { hub }: Pick<Ports, 'hub'>): readonly Release[] =>
  hub
    .list('Release', pipeline.metadata.namespace)
    .filter(({ spec }) => spec.pipeline === pipeline.metadata.name)
    .toSorted((a, b) => a.spec.sequence - b.spec.sequence);

/** The highest sequence of the Releases of a branch, and of what its stages run. */
function highestSequence(ref: string, pipelines: readonly Pipeline[], ports: Ports): number {
  const concerned = pipelines.filter(({ spec }) => `refs/heads/${spec.branch}` === ref);
  const admitted = concerned.flatMap(({ status }) => status?.stages.map((stage) => stage.admitted?.sequence ?? 0) ?? []);
  return Math.max(0, ...admitted, ...concerned.map((pipeline) => releasesOf(pipeline, ports).at(-1)?.spec.sequence ?? 0));
}

/** Applications that follow a ref by themselves and would read something else now than they last did. Nobody has to say which paths concern them. */
async function affectedApplications(applications: readonly Application[], { refs, access, ports, signal }: Context): Promise<readonly Application[]> {
  const checks = await Promise.all(
    applications.map(async (application) => {
      const { targetRevision } = application.spec.source;
      const resolved = targetRevision === undefined ? undefined : resolveRevision(targetRevision, refs);
      if (resolved === undefined) return false;
      if (!resolved.ok || application.status?.inputs === undefined || application.status.sync?.state === 'Failed') return true;
      if (resolved.value.commit === application.status.commit) return false;
      try {
        const commit = await commitOf(ports.source, access, { revision: resolved.value.commit, ref: resolved.value.ref }, signal);
        return (await ports.inputsOf(renderSourceOf(application, filesAt(ports.source, access, commit, signal)))) !== application.status.inputs;
      } catch (error) {
        if (isPortError(error)) return true;
        throw error;
      }
    }),
  );
  return applications.filter((_, index) => checks[index]);
}

const subjectOf = (commit: Commit): string => (commit.message.split('\n')[0] ?? '').slice(0, 256);
