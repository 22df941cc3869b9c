import { sameReference } from '../model/reference.ts';
import type { Application } from '../resources/application.ts';
import type { Pipeline } from '../resources/pipeline.ts';
import type { Repository, RepositoryStatus, TrackedRef } from '../resources/repository.ts';
import { referenceOf, resolveReference } from '../resources/resource.ts';
import { refsOf } from '../source/revision.ts';
import type { Ref } from '../source/source.ts';
import { hasBranch } from './wanted.ts';

/** What of a Repository somebody follows. */
export type Following = { readonly applications: readonly Application[]; readonly pipelines: readonly Pipeline[] };

export function followersOf(repository: Repository, applications: readonly Application[], pipelines: readonly Pipeline[]): Following {
  const own = referenceOf(repository);
  return {
    applications: applications.filter((application) => sameReference(resolveReference(application, application.spec.source.repository), own)),
    pipelines: pipelines.filter((pipeline) => sameReference(resolveReference(pipeline, pipeline.spec.repository), own)),
  };
}

const notesRef = 'refs/notes/sluice';

/** The refs to ask the host for: what Applications name, the Pipelines' source branches, the environment branches and the notes on verdicts. */
export function prefixesOf({ applications, pipelines }: Following): readonly string[] {
  const targets = applications.flatMap(({ spec }) => (spec.source.targetRevision === undefined ? [] : refsOf(spec.source.targetRevision)));
  const branches = pipelines.flatMap(({ metadata, spec }) => [`refs/heads/${spec.branch}`, `refs/heads/env/${metadata.name}/`, notesRef]);
  return [...new Set([...targets, ...branches])].toSorted();
}

/** Only exact names, and environment branches: `refs/heads/main` as a prefix also lists `refs/heads/main-2`. */
export const isFollowed = (ref: Ref, prefixes: readonly string[]): boolean =>
  prefixes.some((prefix) => (prefix.endsWith('/') ? ref.name.startsWith(prefix) : ref.name === prefix));

const sourceRef = ({ spec }: Pipeline): string => `refs/heads/${spec.branch}`;

const environmentRefs = ({ metadata, spec }: Pipeline): readonly string[] =>
  spec.stages.filter(hasBranch).map(({ name }) => `refs/heads/env/${metadata.name}/${name}`);

/** Branches that Pipelines need and the host lacks. An environment branch comes into being with its stage's first promotion: it is missing once it was there. */
export function missingRefs(
  before: Pick<RepositoryStatus, 'refs' | 'missing'> | undefined,
  advertised: readonly Ref[],
  pipelines: readonly Pipeline[],
): readonly string[] {
  const seen = new Set([...(before?.refs ?? []).map(({ name }) => name), ...(before?.missing ?? [])]);
  const needed = pipelines.flatMap((pipeline) => [sourceRef(pipeline), ...environmentRefs(pipeline).filter((name) => seen.has(name))]);
  return [...new Set(needed)].filter((name) => advertised.every((ref) => ref.name !== name)).toSorted();
}

/** Whether a branch of a Pipeline went missing or came back. */
export const missesOther = (pipeline: Pipeline, before: readonly string[], now: readonly string[]): boolean =>
  [sourceRef(pipeline), ...environmentRefs(pipeline)].some((name) => before.includes(name) !== now.includes(name));

export const isEnvironmentBranch = ({ name }: { readonly name: string }): boolean => name.startsWith('refs/heads/env/');

/** What Sluice writes itself: nobody reads files there. */
export const isRecord = (ref: { readonly name: string }): boolean => isEnvironmentBranch(ref) || ref.name === notesRef;

/**
 * Whether Git holds more of a Pipeline than the hub does, as it does for a hub that was made anew. It is read back first: a Release made before
 * would come before all that are read.
 */
export function hasToBeRebuilt(pipeline: Pipeline, refs: readonly Ref[]): boolean {
  const stages = pipeline.status?.stages ?? [];
  if (stages.length === 0 && refs.some(({ name }) => name === notesRef)) return true;
  return pipeline.spec.stages.some((spec) => {
    const known = stages.find(({ name }) => name === spec.name);
    const branch = refs.find(({ name }) => name === `refs/heads/env/${pipeline.metadata.name}/${spec.name}`);
    return hasBranch(spec) && branch !== undefined && known?.admitted === undefined && known?.foreign?.commit !== branch.commit;
  });
}

/**
 * The refs as they are remembered now. A ref that moved gets the next number in its own sequence, and every number lies above the branch's
 * `lowest`, so that the Releases of a Repository that was made anew still come after those that exist.
 */
export function trackedRefs(before: readonly TrackedRef[], refs: readonly Ref[], lowest: (name: string) => number, now: Date): TrackedRef[] {
  return refs
    .map(({ name, commit }) => {
      const known = before.find((ref) => ref.name === name);
      if (known?.commit === commit && known.sequence >= lowest(name)) return known;
      return {
        name,
        commit,
        sequence: Math.max(known?.sequence ?? 0, lowest(name)) + 1,
        movedAt: known?.commit === commit ? known.movedAt : now.toISOString(),
      };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
