import type { PortErrorCode } from '../model/port-error.ts';
import type { Commit, Ref, RepositoryAccess, TreeEntry } from '../source/source.ts';

/** What the main thread asks the Git thread to do. */
export type GitRequest =
  | { readonly verb: 'refs'; readonly access: RepositoryAccess; readonly prefixes: readonly string[] }
  | { readonly verb: 'fetch'; readonly access: RepositoryAccess; readonly ref: Ref }
  | { readonly verb: 'commit'; readonly access: RepositoryAccess; readonly id: string }
  | { readonly verb: 'rawCommit'; readonly access: RepositoryAccess; readonly id: string }
  | { readonly verb: 'tree'; readonly access: RepositoryAccess; readonly id: string }
  | { readonly verb: 'blob'; readonly access: RepositoryAccess; readonly id: string; readonly maxBytes: number };

export type GitAnswers = {
  readonly refs: readonly Ref[];
  readonly fetch: { readonly receivedBytes: number };
  readonly commit: Commit;
  readonly rawCommit: Uint8Array;
  readonly tree: readonly TreeEntry[];
  readonly blob: Uint8Array;
};

export type GitFailure = { readonly code: PortErrorCode; readonly message: string; readonly cause: string; readonly retryAfterMs: number | undefined };

export type ToGitThread =
  | { readonly type: 'ask'; readonly id: number; readonly request: GitRequest }
  | { readonly type: 'abort'; readonly id: number }
  | { readonly type: 'close' };

export type FromGitThread =
  | { readonly type: 'answer'; readonly id: number; readonly answer: GitAnswers[GitRequest['verb']] }
  | { readonly type: 'failure'; readonly id: number; readonly failure: GitFailure }
  | { readonly type: 'bug'; readonly id: number; readonly text: string }
  | { readonly type: 'note'; readonly message: string; readonly facts: Readonly<Record<string, string | number>> };

export type GitThreadSettings = {
  /** This thread's own folder; nobody else writes there. */
  readonly folder: string;
  /** A pack larger than this is fetched and read by the system's git. */
  readonly maxPackBytes: number;
  /** For one request to the host, from its start to the last byte. */
  readonly timeoutMs: number;
  /** How long packs stay in memory after the last read of their repository. */
  readonly cacheIdleMs: number;
  /** Each fetch adds a pack, and each read looks through all of them: with more than this, the mirror is built anew. */
  readonly maxPacks: number;
};
