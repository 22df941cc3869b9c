import type { Application } from '../resources/application.ts';
import type { Pipeline } from '../resources/pipeline.ts';
import type { Repository, TrackedRef } from '../resources/repository.ts';
import { referenceOf, resolveReference } from '../resources/resource.ts';
import { sameReference } from '../model/reference.ts';
import { refsOf } from '../source/revision.ts';
import type { Ref } from '../source/source.ts';

/** What of a Repository somebody follows. */
export type Following = { readonly applications: readonly Application[]; readonly pipelines: readonly Pipeline[] };

export function followersOf(repository: Repository, applications: readonly Application[], pipelines: readonly Pipeline[]): Following {
  const own = referenceOf(repository);
  return {
    applications: applications.filter((application) => sameReference(resolveReference(application, application.spec.source.repository), own)),
    pipelines: pipelines.filter((pipeline) => sameReference(resolveReference(pipeline, pipeline.spec.repository), own)),
  };
}

/** The refs to ask the host for: what Applications name, the Pipelines' source branches, and the environment branches. */
export function prefixesOf({ applications, pipelines }: Following): readonly string[] {
  const targets = applications.flatMap(({ spec }) => (spec.source.targetRevision === undefined ? [] : refsOf(spec.source.targetRevision)));
  const branches = pipelines.flatMap(({ metadata, spec }) => [`refs/heads/${spec.branch}`, `refs/heads/env/${metadata.name}/`]);
  return [...new Set([...targets, ...branches])].toSorted();
}

/** Only exact names, and environment branches: `refs/heads/main` as a prefix also lists `refs/heads/main-2`. */
export const isFollowed = (ref: Ref, prefixes: readonly string[]): boolean => prefixes.some((prefix) => (prefix.endsWith('/') ? ref.name.startsWith(prefix) : ref.name === prefix));

export const isEnvironmentBranch = ({ name }: { readonly name: string }): boolean => name.startsWith('refs/heads/env/');

/**
 * The refs as they are remembered now. A ref that moved gets the next number in its own sequence; a new one begins after `lowest`, so that the
 * Releases of a Repository that was made anew still come after those that exist.
 */
export function trackedRefs(before: readonly TrackedRef[], refs: readonly Ref[], lowest: number, now: Date): TrackedRef[] {
  return refs
    .map(({ name, commit }) => {
      const known = before.find((ref) => ref.name === name);
      if (known?.commit === commit) return known;
      return { name, commit, sequence: Math.max(known?.sequence ?? 0, known === undefined ? lowest : 0) + 1, movedAt: now.toISOString() };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
