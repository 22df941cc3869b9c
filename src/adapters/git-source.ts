import { rm } from 'node:fs/promises';
import { isPortError } from '../model/port-error.ts';
import { referenceText } from '../model/reference.ts';
import type { Commit, RepositoryAccess, Source, TreeEntry } from '../source/source.ts';
import { makeOwnFolder, sweepFolders } from './git-folders.ts';
import { openObjectCache } from './git-object-cache.ts';
import { type GitThread, startGitThread } from './git-thread-client.ts';

/** What is logged of mirrors: a constant message, and its facts as fields (pino's order). */
export type GitSourceLog = { warn(facts: object, message: string): void; info(facts: object, message: string): void };

export type GitSourceSettings = {
  /** Where mirrors are kept; each process makes its own folder in it, and removes it in the end. */
  readonly cacheDir: string;
  /** A larger pack is left to the system's git (default 256 MiB). */
  readonly maxPackBytes?: number;
  /** For one request to a Git host (default 60 s). */
  readonly timeoutMs?: number;
  /** How long packs stay in memory after the last read of their repository (default 60 s). */
  readonly cacheIdleMs?: number;
  /** With more fetches than this, a mirror is built anew (default 200). */
  readonly maxPacks?: number;
  readonly log?: GitSourceLog;
};

const maxCommits = 50_000;
const maxTreeEntries = 500_000;
const maxBlobBytes = 64 * 1024 * 1024;

/** Git repositories over HTTP(S): objects come and are read in one worker thread; what was read last is kept here by id. */
export function openGitSource({
  cacheDir,
  maxPackBytes = 256 * 1024 * 1024,
  timeoutMs = 60_000,
  cacheIdleMs = 60_000,
  maxPacks = 200,
  log,
}: GitSourceSettings): Source & AsyncDisposable {
  const commits = openObjectCache<Commit>(maxCommits, () => 1);
  const trees = openObjectCache<readonly TreeEntry[]>(maxTreeEntries, (entries) => entries.length + 1);
  const blobs = openObjectCache<Uint8Array>(maxBlobBytes, (bytes) => bytes.byteLength + 100);
  const fetches = sharedRuns<{ readonly receivedBytes: number }>();
  let thread: Promise<GitThread> | undefined;
  let closed = false;
  let swept: Promise<void> | undefined;

  async function start(): Promise<GitThread> {
    await (swept ??= sweepFolders(cacheDir));
    const folder = await makeOwnFolder(cacheDir);
    return startGitThread(
      { folder, maxPackBytes, timeoutMs, cacheIdleMs, maxPacks },
      {
        onNote: (message, facts) => {
          commits.clear(); // a mirror was begun anew, with the newest commits only
          log?.info(facts, message);
        },
        onExit: (error) => {
          thread = undefined; // the next request starts another, which fetches anew
          commits.clear();
          void rm(folder, { recursive: true, force: true });
          if (!closed) log?.warn({ error: error?.message }, 'the Git thread has ended');
        },
      },
    );
  }

  const running = async (): Promise<GitThread> => {
    if (closed) throw new Error('the Git source is closed');
    return (thread ??= start());
  };

  async function remembered<T>(
    cache: { get(key: string): T | undefined; set(key: string, value: T): void },
    access: RepositoryAccess,
    id: string,
    read: () => Promise<T>,
  ): Promise<T> {
    const key = `${keyOf(access)} ${id}`;
    const known = cache.get(key);
    if (known !== undefined) return known;
    const value = await read();
    cache.set(key, value);
    return value;
  }

  /** A commit that is remembered counts as fetched with all its files: when they are not here, whoever asks again fetches it anew. */
  async function partOfCommit<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (isPortError(error, 'NOT_FOUND')) commits.clear();
      throw error;
    }
  }

  return {
    refs: async (access, prefixes, signal) => (prefixes.length === 0 ? [] : (await running()).ask({ verb: 'refs', access, prefixes }, signal)),
    fetch: async (access, ref, signal) =>
      fetches(`${keyOf(access)} ${ref.name} ${ref.commit}`, async (shared) => (await running()).ask({ verb: 'fetch', access, ref }, shared), signal),
    commit: async (access, id, signal) => remembered(commits, access, id, async () => (await running()).ask({ verb: 'commit', access, id }, signal)),
    rawCommit: async (access, id, signal) => (await running()).ask({ verb: 'rawCommit', access, id }, signal),
    tree: async (access, id, signal) =>
      remembered(trees, access, id, async () => partOfCommit(async () => (await running()).ask({ verb: 'tree', access, id }, signal))),
    async blob(access, id, maxBytes, signal) {
      const ask = async (): Promise<Uint8Array> => partOfCommit(async () => (await running()).ask({ verb: 'blob', access, id, maxBytes }, signal));
      const bytes = await remembered(blobs, access, id, ask);
      return bytes.byteLength <= maxBytes ? bytes : ask(); // it was read under a higher limit: the thread words the refusal
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await (await thread)?.close();
    },
  };
}

const keyOf = ({ repository, url }: RepositoryAccess): string => `${referenceText(repository)} ${url}`;

/** Callers with the same key share one run; it is aborted when the last of them has gone. */
function sharedRuns<T>() {
  type Run = { readonly result: Promise<T>; readonly controller: AbortController; callers: number };
  const runs = new Map<string, Run>();

  function begin(key: string, run: (signal: AbortSignal) => Promise<T>): Run {
    const controller = new AbortController();
    const begun: Run = {
      controller,
      callers: 0,
      result: run(controller.signal).finally(() => {
        if (runs.get(key) === begun) runs.delete(key);
      }),
    };
    begun.result.catch(() => undefined); // callers that have gone do not look any more
    runs.set(key, begun);
    return begun;
  }

  return async (key: string, run: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> => {
    signal.throwIfAborted();
    const shared = runs.get(key) ?? begin(key, run);
    shared.callers += 1;
    const { promise: left, reject: leave } = Promise.withResolvers<never>();
    const onAbort = (): void => leave(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([shared.result, left]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      shared.callers -= 1;
      if (shared.callers === 0 && runs.get(key) === shared) {
        runs.delete(key);
        shared.controller.abort();
      }
    }
  };
}
