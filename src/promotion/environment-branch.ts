import type { KeyObject } from 'node:crypto';
import { describeProblems } from '../model/parsed.ts';
import { PortError } from '../model/port-error.ts';
import { type Reference, referenceText } from '../model/reference.ts';
import type { RepositoryAccess } from '../source/source.ts';
import { type CommitObject, classifyHead, commitId, type HeadOwner, signedRecordOf, treeOfCommit } from './record.ts';

export type EnvironmentRef = `refs/heads/env/${string}/${string}`;

/** Where the verdicts are noted: `git notes --ref=sluice`. */
export const notesRef = 'refs/notes/sluice';

/** A tree or a blob that a commit needs and the host does not have yet: its content, without the object's header. */
export type NewObject = { readonly type: 'tree' | 'blob'; readonly bytes: Uint8Array };

export type Push = {
  readonly access: RepositoryAccess;
  readonly ref: EnvironmentRef | typeof notesRef;
  readonly commit: CommitObject;
  /** What goes with the commit; nothing with a promotion, whose tree is on the host. */
  readonly objects?: readonly NewObject[];
  /** The head that the decision saw; undefined makes a new branch. */
  readonly expectedHead: string | undefined;
};

export type PushOutcome =
  | { readonly outcome: 'pushed' }
  /** The branch was not where it was expected. `head` is where it is now, undefined when there is none; our own commit's id means that it is done. */
  | { readonly outcome: 'moved'; readonly head: string | undefined }
  /** The host's rules, or an object that it lacks. `reason` is the host's, with the setting to change where it is known. */
  | { readonly outcome: 'refused'; readonly reason: string };

/** The branches that hold what each stage was given, and the notes on what became of it. */
export type EnvironmentBranch = {
  /**
   * Moves the branch from the expected head to the commit, or leaves it alone: a compare-and-swap. Tree and parents must be on the host already, or among the objects.
   * Throws  PortError('environment-branch', UNAUTHORIZED | FORBIDDEN | NOT_FOUND | INVALID | UNREACHABLE | TIMEOUT | CONFLICT).
   *         After TIMEOUT and UNREACHABLE the push may have happened: read the head before a second try.
   */
  push(push: Push, signal: AbortSignal): Promise<PushOutcome>;
};

/** A commit's content as Git stores it. Throws PortError NOT_FOUND when it is not there. */
export type ReadRawCommit = (access: RepositoryAccess, id: string, signal: AbortSignal) => Promise<Uint8Array>;

/** `env/<pipeline>/<stage>`: one branch per pipeline, so that two pipelines of one repository never move each other's paths. */
export const environmentBranchName = (pipeline: string, stage: string): `env/${string}/${string}` => `env/${pipeline}/${stage}`;

export const environmentRef = (pipeline: string, stage: string): EnvironmentRef => `refs/heads/${environmentBranchName(pipeline, stage)}`;

/**
 * Whose commit a branch's head is, from the commit itself and from the Release commit that it names.
 * Input   readRawCommit: from where the head and the source branch have been fetched to.
 * Throws  what readRawCommit throws; PortError INVALID when it answers another commit than it was asked for.
 */
export async function readHeadOwner(
  head: {
    readonly readRawCommit: ReadRawCommit;
    readonly access: RepositoryAccess;
    readonly id: string;
    readonly publicKeys: readonly KeyObject[];
    readonly pipeline: Reference;
    readonly stage: string;
    readonly previousHead: string | undefined;
  },
  signal: AbortSignal,
): Promise<HeadOwner> {
  const { id, publicKeys, pipeline, stage, previousHead } = head;
  const commit = await readCommit(head, id, signal);
  const record = signedRecordOf(commit, publicKeys);
  if (!record.ok) return { owner: 'foreign', id, why: describeProblems(record.problems) };

  const { revision } = record.value;
  const tree = treeOfCommit(await readCommit(head, revision, signal));
  if (!tree.ok) return { owner: 'foreign', id, why: describeProblems(tree.problems) };
  return classifyHead({ commit, expectation: { publicKeys, pipeline, stage, previousHead, release: { revision, tree: tree.value } } });
}

/** What to do about a foreign head, for a condition. */
export function foreignHeadAdvice(branch: string, previousHead: string | undefined): string {
  const repair = previousHead === undefined ? `git push origin --delete ${branch}` : `git push --force origin ${previousHead}:refs/heads/${branch}`;
  const protection = `protect ${branch} so that only Sluice's account may push to it; a change belongs on the source branch`;
  return `Nothing of it is deployed. Take it back (\`${repair}\`), and ${protection}.`;
}

/** What to do about a branch that somebody deleted, for a condition. */
export function goneBranchAdvice(branch: string, head: string): string {
  const protection = `protect ${branch} so that only Sluice's account may change it`;
  return `What runs stays, and nothing is promoted there until it is back. Restore it (\`git push origin ${head}:refs/heads/${branch}\`), and ${protection}.`;
}

type CommitReader = { readonly readRawCommit: ReadRawCommit; readonly access: RepositoryAccess };

async function readCommit({ readRawCommit, access }: CommitReader, id: string, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = await readRawCommit(access, id, signal);
  if (commitId(bytes) === id) return bytes;
  const reason = `asked for commit ${id}, got ${commitId(bytes)}; the mirror is damaged and has to be rebuilt`;
  throw new PortError('source', 'INVALID', `Repository ${referenceText(access.repository)}: ${reason}`, { cause: undefined });
}
