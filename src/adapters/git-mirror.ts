import { join } from 'node:path';
import { PortError } from '../model/port-error.ts';
import type { Ref, RepositoryAccess } from '../source/source.ts';
import type { GitThreadSettings } from './git-messages.ts';
import { commitOf, type GitObject } from './git-objects.ts';
import { type FetchingStore, openPackStore } from './git-pack-store.ts';
import { openSystemStore } from './git-system.ts';
import { repositoryText, type UploadPack } from './git-upload-pack.ts';

/** What one thread keeps of one repository: a cache that may be thrown away at any moment. */
export type Mirror = {
  /** Remembers what the host says now, so that a fetch of a tip can be told from one of an older commit. */
  advertised(refs: readonly Ref[]): void;
  fetch(access: RepositoryAccess, ref: Ref, signal: AbortSignal): Promise<{ readonly receivedBytes: number }>;
  read(access: RepositoryAccess, id: string, signal: AbortSignal): Promise<GitObject | undefined>;
  close(): Promise<void>;
};

export type MirrorSettings = GitThreadSettings & {
  readonly uploadPack: UploadPack;
  readonly oneAtATime: <T>(run: () => Promise<T>) => Promise<T>;
  readonly note: (message: string, facts: Readonly<Record<string, string | number>>) => void;
};

const maxHaves = 32;
// A branch that was rewritten brings its whole history when asked for without a depth: given up at this size, then asked for alone.
const maxStepBytes = 32 * 1024 * 1024;
const systemGitPatience = 10;

/** Opens one repository's mirror in a folder of its own. */
export function openMirror(folder: string, settings: MirrorSettings): Mirror {
  const { maxPackBytes, maxPacks, timeoutMs, uploadPack, oneAtATime, note } = settings;
  const exclusively = serial();
  const advertisedNow = new Map<string, string>();
  const lines = new Set<string>(); // refs that were fetched before
  const tips = new Map<string, string>(); // what to state as had: the newest commit of each ref and commits fetched alone, newest last
  let shallow = new Set<string>();
  let generation = 0;
  let store: Promise<FetchingStore> | undefined;

  const opened = (): Promise<FetchingStore> => (store ??= openPackStore({ folder: nextFolder(), uploadPack, oneAtATime, cacheIdleMs: settings.cacheIdleMs }));

  function nextFolder(): string {
    generation += 1;
    return join(folder, String(generation));
  }

  async function swapIn(fresh: FetchingStore): Promise<void> {
    const old = await store;
    store = Promise.resolve(fresh);
    await old?.close();
  }

  /** Nothing read from a store in doubt is used again: the commits of each ref come anew, one by one, beside it. */
  async function rebuild(access: RepositoryAccess, why: string, signal: AbortSignal): Promise<void> {
    note('rebuilding the mirror of a repository', { repository: repositoryText(access), why });
    const fresh = await openPackStore({ folder: nextFolder(), uploadPack, oneAtATime, cacheIdleMs: settings.cacheIdleMs });
    const had = [...tips];
    shallow = new Set();
    tips.clear();
    try {
      for (const [name, commit] of had) await refill(fresh, access, name, commit, signal);
    } catch (error) {
      await fresh.close();
      for (const [name, commit] of had) tips.set(name, commit);
      throw error;
    }
    await swapIn(fresh);
  }

  async function refill(fresh: FetchingStore, access: RepositoryAccess, name: string, commit: string, signal: AbortSignal): Promise<void> {
    try {
      await receiveInto(fresh, access, commit, 1, maxPackBytes, signal);
      tips.set(name, commit);
    } catch (error) {
      const gone = error instanceof PortError && error.code === 'NOT_FOUND';
      const needsSystemGit = error instanceof Error && takenOver.has(error.name); // the next fetch finds that out itself
      if (!gone && !needsSystemGit) throw error;
    }
  }

  async function receiveInto(
    into: FetchingStore,
    access: RepositoryAccess,
    want: string,
    depth: number | undefined,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<number> {
    const haves = [...tips.values()].reverse().slice(0, maxHaves);
    const received = await into.fetch(access, { want, haves, shallow: [...shallow], depth }, maxBytes, signal);
    for (const id of received.shallow) shallow.add(id);
    for (const id of received.unshallow) shallow.delete(id);
    return received.receivedBytes;
  }

  /** A tip that moved on brings all commits since; anything else comes alone. */
  async function receive(access: RepositoryAccess, ref: Ref, signal: AbortSignal): Promise<number> {
    const into = await opened();
    const movedOn = lines.has(ref.name) && tips.size > 0 && advertisedNow.get(ref.name) === ref.commit;
    try {
      if (movedOn) return await receiveInto(into, access, ref.commit, undefined, Math.min(maxStepBytes, maxPackBytes), signal);
    } catch (error) {
      if (!(error instanceof Error && error.name === 'PackTooLarge')) throw error;
    }
    return receiveInto(into, access, ref.commit, 1, maxPackBytes, signal);
  }

  async function receiveAnyhow(access: RepositoryAccess, ref: Ref, signal: AbortSignal): Promise<number> {
    try {
      return await receive(access, ref, signal);
    } catch (error) {
      if (error instanceof Error && takenOver.has(error.name)) {
        await handOver(access, error, signal);
        return receive(access, ref, signal);
      }
      if (error instanceof PortError || signal.aborted) throw error;
      await rebuild(access, messageOf(error), signal);
      return receive(access, ref, signal);
    }
  }

  async function handOver(access: RepositoryAccess, error: Error, signal: AbortSignal): Promise<void> {
    note("the system's git takes a repository over", { repository: repositoryText(access), why: error.message });
    const limit = error.name === 'PackTooLarge' ? `${error.message} (maxPackBytes)` : error.message;
    const fresh = await openSystemStore({ folder: nextFolder(), timeoutMs: timeoutMs * systemGitPatience, why: `${repositoryText(access)}: ${limit}` });
    signal.throwIfAborted();
    shallow = new Set();
    tips.clear();
    await swapIn(fresh);
  }

  async function isHere(access: RepositoryAccess, commitId: string, signal: AbortSignal): Promise<boolean> {
    try {
      const found = await (await opened()).read(commitId);
      return found?.type === 'commit' && (await (await opened()).read(commitOf(commitId, found.bytes).tree)) !== undefined;
    } catch (error) {
      await rebuild(access, messageOf(error), signal);
      return (await (await opened()).read(commitId)) !== undefined;
    }
  }

  function remember(ref: Ref): void {
    lines.add(ref.name);
    const key = advertisedNow.get(ref.name) === ref.commit ? ref.name : ref.commit;
    tips.delete(key);
    tips.set(key, ref.commit);
    const oldest = tips.keys().next().value;
    if (tips.size > 2 * maxHaves && oldest !== undefined) tips.delete(oldest);
  }

  return {
    advertised(refs) {
      for (const { name, commit } of refs) advertisedNow.set(name, commit);
    },

    fetch: async (access, ref, signal) =>
      exclusively(async () => {
        signal.throwIfAborted();
        let receivedBytes = 0;
        if (!(await isHere(access, ref.commit, signal))) {
          if ((await opened()).packs() >= maxPacks) await rebuild(access, `more than ${maxPacks} packs`, signal);
          receivedBytes = await receiveAnyhow(access, ref, signal);
          // The host leaves out what it was told is here, which may have been lost since.
          if (tips.size > 0 && !(await isHere(access, ref.commit, signal))) {
            await rebuild(access, `commit ${ref.commit} did not arrive`, signal);
            receivedBytes += (await isHere(access, ref.commit, signal)) ? 0 : await receiveAnyhow(access, ref, signal);
          }
          if (!(await isHere(access, ref.commit, signal))) {
            throw new PortError(
              'source',
              'INVALID',
              `${repositoryText(access)}: the host sent a pack without commit ${ref.commit}, which ${ref.name} should have`,
              { cause: undefined },
            );
          }
        }
        remember(ref);
        return { receivedBytes };
      }),

    async read(access, id, signal) {
      const from = await opened();
      try {
        return await from.read(id);
      } catch (error) {
        await exclusively(async () => {
          if ((await opened()) === from) await rebuild(access, messageOf(error), signal);
        });
        return (await opened()).read(id);
      }
    },

    async close() {
      await (await store)?.close();
    },
  };
}

const takenOver: ReadonlySet<string> = new Set(['PackTooLarge', 'OldProtocol']);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs what it is given one after the other, whatever became of the one before. */
export function serial(): <T>(run: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(run: () => Promise<T>): Promise<T> => {
    const next = last.then(run, run);
    last = next.catch(() => undefined);
    return next;
  };
}
