import { type BoundedMap, openBoundedMap } from './bounded-map.ts';
import { type Closures, openClosures } from './closure.ts';

/** How often an answer was there (or already being made by somebody else), and how often it had to be made. */
export type RenderCounts = { hits: number; misses: number; filesParsed: number };

/** What was rendered, by content. It holds nothing that cannot be made again. */
export type RenderCache = {
  readonly closures: Closures;
  /** Grows only; for metrics and tests. */
  readonly counts: RenderCounts;
  /**
   * The answer kept under the key, or the one that `make` gives now; callers that come meanwhile wait for the same one.
   * An answer that throws is not kept. The signal ends the caller's wait, not that of others: one of them makes the answer then.
   */
  once<T extends Weighed>(key: string, make: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** The same for what is made at once, without waiting. */
  parsedOnce<T extends Weighed>(key: string, make: () => T): T;
};

/** `bytes`: about what the value takes in memory. */
export type Weighed = { readonly bytes: number };

/** One cache for a process. `maxBytes` bounds what is kept, as estimated: about half for renders, half for single files. */
export function openRenderCache({ maxBytes }: { readonly maxBytes: number }): RenderCache {
  const counts: RenderCounts = { hits: 0, misses: 0, filesParsed: 0 };
  const renders: BoundedMap<Weighed> = openBoundedMap(maxBytes / 2);
  const parsedFiles: BoundedMap<Weighed> = openBoundedMap(maxBytes / 2);
  const running = new Map<string, { readonly answer: Promise<Weighed>; readonly signal: AbortSignal }>();

  async function once<T extends Weighed>(key: string, make: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      signal.throwIfAborted();
      const kept = renders.get(key);
      const others = running.get(key);
      if (kept !== undefined || others !== undefined) {
        const answer = kept ?? (await settled(others, signal));
        if (answer === 'given up') continue;
        counts.hits++;
        // A key belongs to one kind of answer, since it is a digest of the request.
        return answer as T;
      }
      return lead(key, make, signal);
    }
  }

  async function lead<T extends Weighed>(key: string, make: () => Promise<T>, signal: AbortSignal): Promise<T> {
    counts.misses++;
    const answer = make();
    running.set(key, { answer, signal });
    try {
      const value = await answer;
      renders.set(key, value, value.bytes);
      return value;
    } finally {
      running.delete(key);
    }
  }

  return {
    closures: openClosures(),
    counts,
    once,
    parsedOnce<T extends Weighed>(key: string, make: () => T): T {
      const kept = parsedFiles.get(key);
      if (kept !== undefined) return kept as T;
      counts.filesParsed++;
      const value = make();
      parsedFiles.set(key, value, value.bytes);
      return value;
    },
  };
}

/** Waits for somebody else's answer. When that caller was told to stop, its failure says nothing to us. */
async function settled(
  others: { readonly answer: Promise<Weighed>; readonly signal: AbortSignal } | undefined,
  signal: AbortSignal,
): Promise<Weighed | 'given up'> {
  if (others === undefined) return 'given up';
  const aborted = Promise.withResolvers<never>();
  const stop = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([others.answer, aborted.promise]);
  } catch (error) {
    if (!signal.aborted && others.signal.aborted) return 'given up';
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
