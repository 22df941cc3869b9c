import type { Reference } from '../model/reference.ts';

/** How to reach one Git repository. Never logged. */
export type RepositoryAccess = {
  readonly repository: Reference;
  readonly url: string;
  readonly credentials?: { readonly username: string; readonly password: string } | { readonly token: string };
};

/** A branch or tag as the host advertises it now; `commit` of an annotated tag is the commit that it points to. */
export type Ref = { readonly name: string; readonly commit: string };

export type Commit = {
  readonly id: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: string;
  readonly committedAt: Date;
  readonly message: string;
};

export type TreeEntry = { readonly name: string; readonly type: 'tree' | 'blob' | 'symlink' | 'submodule'; readonly id: string };

/**
 * Git repositories, read only. Objects are addressed by id and so never change; refs are always asked of the host.
 * Every method may throw PortError('source', …): UNAUTHORIZED, NOT_FOUND (repository, commit or object), UNREACHABLE, TIMEOUT, INVALID.
 */
export type Source = {
  /** Branches and tags below the prefixes (`refs/heads/main` is one too), asked of the host: about 200 bytes a time. */
  refs(access: RepositoryAccess, prefixes: readonly string[], signal: AbortSignal): Promise<readonly Ref[]>;
  /** Makes a ref's commit readable. Costs nothing when it is already here; concurrent calls share one fetch. Output: bytes received. */
  fetch(access: RepositoryAccess, ref: Ref, signal: AbortSignal): Promise<{ readonly receivedBytes: number }>;
  /** NOT_FOUND when the commit was never fetched: fetch, and ask again. */
  commit(access: RepositoryAccess, id: string, signal: AbortSignal): Promise<Commit>;
  /** A commit's content as Git stores it: what a signature covers. */
  rawCommit(access: RepositoryAccess, id: string, signal: AbortSignal): Promise<Uint8Array>;
  tree(access: RepositoryAccess, id: string, signal: AbortSignal): Promise<readonly TreeEntry[]>;
  /** INVALID when the file is larger than `maxBytes`. */
  blob(access: RepositoryAccess, id: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
};

/** One commit's files, read by path through the trees: nothing outside the repository can be reached, links are not followed. */
export type Files = {
  /** The commit's tree. */
  readonly tree: string;
  entry(path: string): Promise<TreeEntry | undefined>;
  /** Entries of a folder ('' is the root); undefined when it is no folder. */
  list(path: string): Promise<readonly TreeEntry[] | undefined>;
  read(path: string): Promise<Uint8Array | undefined>;
};
