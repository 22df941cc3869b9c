import type { RepositoryAccess } from '../source/source.ts';

export type CommitStatusState = 'pending' | 'success' | 'failure';

/** What stands on a commit, one per context: a newer one of the same context takes its place. */
export type CommitStatus = {
  /** The full id. */
  readonly commit: string;
  /** Who says it, e.g. `sluice/shop/staging`. */
  readonly context: string;
  readonly state: CommitStatusState;
  /** At most 140 characters: what the strictest host takes. */
  readonly description: string;
  /** Where people read more: an http or https address. */
  readonly targetUrl?: string;
};

/** The host of a Repository, as far as it shows people what became of their commits. */
export type GitHost = {
  /**
   * Posts a status; posting it twice shows it once. Throws PortError('git-host', …): UNAUTHORIZED, FORBIDDEN, NOT_FOUND (repository or commit),
   * INVALID (also an address that no host API can be found at), UNREACHABLE and TIMEOUT, with `retryAfterMs` when the host asks for fewer requests.
   */
  postStatus(request: { readonly access: RepositoryAccess } & CommitStatus, signal: AbortSignal): Promise<void>;
};
