import type { PortError } from '../model/port-error.ts';

type Watched = {
  readonly openedAtMs: number;
  readonly phase: 'opening' | 'synced' | 'lost';
  /** Since when it has been synced without a gap; -Infinity when it never had to say anything before. */
  readonly sinceMs: number;
  readonly lostAtMs?: number;
  readonly error?: PortError;
  /** Nothing was missed before it opened: it began while all others were synced. */
  readonly isExtra: boolean;
};

/** The watches of one Cluster, by key. A value: every function below makes a new one. Times in milliseconds since 1970. */
export type WatchState = { readonly watches: ReadonlyMap<string, Watched>; readonly gapUntilMs: number };

export type WatchView = { readonly is: 'synced'; readonly sinceMs: number } | { readonly is: 'opening' } | { readonly is: 'lost'; readonly error: PortError };

/**
 * Shorter troubles are no gap. A stream that goes on from its own resource version delivers everything, a few seconds late. A kind that is
 * watched for the first time beside synced watches had no members a moment ago: whatever its first LIST shows was made within that moment.
 */
const toleratedMs = 5_000;

export const noWatches: WatchState = { watches: new Map(), gapUntilMs: Number.NEGATIVE_INFINITY };

export function opened(state: WatchState, key: string, nowMs: number): WatchState {
  const isExtra = state.watches.size > 0 && watchView(state, nowMs).is === 'synced';
  return withWatch(state, key, { openedAtMs: nowMs, phase: 'opening', sinceMs: nowMs, isExtra });
}

export function synced(state: WatchState, key: string, { relisted }: { readonly relisted: boolean }, nowMs: number): WatchState {
  const watched = state.watches.get(key);
  if (watched === undefined) return state;
  const isFirst = watched.phase === 'opening';
  const wasShort = nowMs - (isFirst ? watched.openedAtMs : (watched.lostAtMs ?? nowMs)) <= toleratedMs;
  const sinceMs = isFirst ? (watched.isExtra && wasShort ? Number.NEGATIVE_INFINITY : nowMs) : wasShort && !relisted ? watched.sinceMs : nowMs;
  return withWatch(state, key, { openedAtMs: watched.openedAtMs, phase: 'synced', sinceMs, isExtra: watched.isExtra });
}

export function lost(state: WatchState, key: string, error: PortError, nowMs: number): WatchState {
  const watched = state.watches.get(key);
  if (watched === undefined) return state;
  // One that never came up stays `opening`, now with a reason.
  const phase = watched.phase === 'opening' ? 'opening' : 'lost';
  return withWatch(state, key, { ...watched, phase, error, lostAtMs: watched.lostAtMs ?? nowMs });
}

/** A gap that a watch had outlives it. */
export function closed(state: WatchState, key: string, nowMs: number): WatchState {
  const watched = state.watches.get(key);
  if (watched === undefined) return state;
  const watches = new Map(state.watches);
  watches.delete(key);
  const gapUntilMs = isBroken(watched, nowMs)
    ? nowMs
    : Number.isFinite(watched.sinceMs) && watched.phase !== 'opening'
      ? watched.sinceMs
      : Number.NEGATIVE_INFINITY;
  return { watches, gapUntilMs: Math.max(state.gapUntilMs, gapUntilMs) };
}

/** Input: `nowMs`, since a trouble becomes a gap by lasting. */
export function watchView(state: WatchState, nowMs: number): WatchView {
  const all = [...state.watches.values()];
  const broken = all.filter((watched) => isBroken(watched, nowMs));
  const error = broken.find((watched) => watched.error !== undefined)?.error;
  if (error !== undefined) return { is: 'lost', error };
  if (broken.length > 0 || all.length === 0) return { is: 'opening' };
  return { is: 'synced', sinceMs: Math.max(state.gapUntilMs, ...all.map(({ phase, sinceMs }) => (phase === 'opening' ? Number.NEGATIVE_INFINITY : sinceMs))) };
}

function isBroken({ phase, openedAtMs, lostAtMs, isExtra }: Watched, nowMs: number): boolean {
  switch (phase) {
    case 'synced':
      return false;
    case 'opening':
      return !isExtra || nowMs - openedAtMs > toleratedMs;
    case 'lost':
      return nowMs - (lostAtMs ?? nowMs) > toleratedMs;
    default:
      return phase satisfies never;
  }
}

function withWatch(state: WatchState, key: string, watched: Watched): WatchState {
  return { ...state, watches: new Map(state.watches).set(key, watched) };
}
