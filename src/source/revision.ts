import { accepted, type Parsed, refused } from '../model/parsed.ts';
import type { Ref } from './source.ts';

const commitId = /^[0-9a-f]{40}$/;
const shortCommitId = /^[0-9a-f]{7,39}$/;
const versionRange = /^[\^~<>=v]|[*x]|\|\|/;

/** What a targetRevision comes to now. A commit id has no ref. */
export type ResolvedRevision = { readonly ref?: string; readonly commit: string };

/** The full names of the refs that a targetRevision may mean, the one that wins first. A commit id means none. */
export function refsOf(targetRevision: string): readonly string[] {
  if (commitId.test(targetRevision)) return [];
  if (targetRevision.startsWith('refs/')) return [targetRevision];
  return [`refs/heads/${targetRevision}`, `refs/tags/${targetRevision}`];
}

/** The commit that a targetRevision names among the host's refs; of a branch and a tag of one name the branch, unless it is written in full. */
export function resolveRevision(targetRevision: string, refs: readonly Ref[]): Parsed<ResolvedRevision> {
  if (commitId.test(targetRevision)) return accepted({ commit: targetRevision });
  const names = refsOf(targetRevision);
  const found = names.map((name) => refs.find((ref) => ref.name === name)).find((ref) => ref !== undefined);
  if (found !== undefined) return accepted({ ref: found.name, commit: found.commit });
  return refused({
    at: 'targetRevision',
    message: `'${targetRevision}' names nothing in the repository (looked for ${names.join(' and ')}); ${advice(targetRevision)}`,
  });
}

function advice(targetRevision: string): string {
  if (shortCommitId.test(targetRevision)) return 'write a commit id with all its 40 digits, or push a branch or tag of that name';
  if (versionRange.test(targetRevision)) return 'version ranges are not supported yet: write the name of a branch or tag, or a commit id';
  return 'push a branch or tag of that name, or correct it';
}
