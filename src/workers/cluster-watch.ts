import type { Logger } from 'pino';
import { type GroupKind, groupKindText } from '../model/manifest.ts';
import { isPortError } from '../model/port-error.ts';
import { type Reference, referenceText } from '../model/reference.ts';
import { openPodWatches, type Unsettled } from './pod-watches.ts';
import { closed, lost, noWatches, opened, synced, type WatchView, watchView } from './watch-state.ts';
import type { Handlers, OpenWatch, SeenMember, SeenParent, SeenPod, Watches } from './watches.ts';

export type ClusterWatch = {
  /** How the watches of the Cluster stand, and what its API server last called itself. */
  view(): { readonly watch: WatchView; readonly version: string | undefined };
  unsettled(now: readonly Unsettled[]): void;
  stop(): Promise<void>;
};

type Options = {
  readonly cluster: Reference;
  readonly installation: string;
  readonly watches: Watches;
  /** A member, or the applyset parent, of the Application with this hash changed. */
  readonly onMember: (ownerHash: string) => void;
  readonly onParent: (owner: string) => void;
  readonly onPods: (applications: readonly Reference[]) => void;
  /** The Cluster was away for longer than a moment, and answers again. */
  readonly onBack: () => void;
  /** `view` may say something else. */
  readonly onView: () => void;
  readonly nowMs: () => number;
  readonly log: Logger;
  readonly times?: Partial<Times>;
};

type Times = { readonly closeAfterMs: number; readonly probeEveryMs: number };

const usualTimes: Times = { closeAfterMs: 60_000, probeEveryMs: 10_000 };
/** Parents are ConfigMaps, which others may write too: what they say is not believed without limit. */
const mostKinds = 500;

const parentsKey = 'parents';
const connectionKey = 'connection';

/** Watches one Cluster: its applyset parents, of every kind that they name the members, and the pods of what is rolling out. */
export function watchCluster({
  cluster,
  installation,
  watches,
  onMember,
  onParent,
  onPods,
  onBack,
  onView,
  nowMs,
  log: parentLog,
  times: given,
}: Options): ClusterWatch {
  const times = { ...usualTimes, ...given };
  const log = parentLog.child({ cluster: referenceText(cluster) });
  const stopping = new AbortController();
  const parents = new Map<string, SeenParent>();
  const kinds = new Map<string, { readonly watch: OpenWatch; closing?: NodeJS.Timeout | undefined }>();
  const ending = new Set<Promise<void>>();
  let state = noWatches;
  let version: string | undefined;
  let wasLost = false;

  function change(next: typeof state): void {
    state = next;
    notice();
    onView();
  }

  /** A trouble that passes within a moment is none: nobody is told of it. */
  function notice(): void {
    const view = watchView(state, nowMs());
    if (view.is === 'lost' && !wasLost) {
      wasLost = true;
      log.warn({ code: view.error.code, reason: view.error.message }, 'cluster not watched');
    } else if (view.is === 'synced' && wasLost) {
      wasLost = false;
      log.info({}, 'cluster watched again');
      onBack();
    }
  }

  function follow<T>(key: string, open: (handlers: Handlers<T>) => OpenWatch, onEvent: Handlers<T>['onEvent']): OpenWatch {
    change(opened(state, key, nowMs()));
    return open({
      onEvent,
      onSynced: (how) => change(synced(state, key, how, nowMs())),
      onLost(error) {
        log.debug({ watch: key, code: error.code, reason: error.message }, 'watch lost');
        change(lost(state, key, error, nowMs()));
      },
    });
  }

  function end(key: string, watch: OpenWatch): void {
    change(closed(state, key, nowMs()));
    const ended: Promise<void> = watch.stop().finally(() => ending.delete(ended));
    ending.add(ended);
  }

  function followKinds(): void {
    const wanted = new Map<string, GroupKind>([...parents.values()].flatMap((parent) => parent.kinds).map((kind) => [groupKindText(kind), kind]));
    for (const [text, kind] of wanted) {
      const watched = kinds.get(text);
      if (watched !== undefined) {
        clearTimeout(watched.closing);
        watched.closing = undefined;
      } else if (kinds.size >= mostKinds) log.warn({ kind: text, most: mostKinds }, 'kind not watched: applyset parents name too many');
      else
        kinds.set(text, {
          watch: follow<SeenMember>(
            `members ${text}`,
            (handlers) => watches.members(cluster, kind, handlers),
            ({ object }) => onMember(object.ownerHash),
          ),
        });
    }
    for (const [text, watched] of kinds) {
      if (wanted.has(text) || watched.closing !== undefined) continue;
      watched.closing = setTimeout(() => {
        kinds.delete(text);
        end(`members ${text}`, watched.watch);
      }, times.closeAfterMs);
    }
  }

  const parentsWatch = follow<SeenParent>(
    parentsKey,
    (handlers) => watches.parents(cluster, installation, handlers),
    ({ type, object }) => {
      const key = referenceText(object);
      if (type === 'DELETED') parents.delete(key);
      else parents.set(key, object);
      followKinds();
      if (object.owner !== undefined) onParent(object.owner);
    },
  );

  const podWatches = openPodWatches({
    open: (key, where, onEvent) => follow<SeenPod>(key, (handlers) => watches.pods(cluster, where, handlers), onEvent),
    onClosed: (key) => change(closed(state, key, nowMs())),
    onFacts: onPods,
  });

  /** A connection that is half open says nothing for minutes. One unanswered question is bad luck, two are a lost Cluster. */
  async function probe(): Promise<void> {
    let failures = 0;
    change(opened(state, connectionKey, nowMs()));
    while (!stopping.signal.aborted) {
      try {
        version = await watches.version(cluster, stopping.signal);
        failures = 0;
        change(synced(state, connectionKey, { relisted: false }, nowMs()));
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (!isPortError(error)) throw error;
        failures += 1;
        if (failures >= 2 || version === undefined) change(lost(state, connectionKey, error, nowMs()));
      }
      await pause(times.probeEveryMs * (0.9 + Math.random() / 5), stopping.signal);
    }
  }
  const probing = probe();

  return {
    view() {
      notice();
      return { watch: watchView(state, nowMs()), version };
    },
    unsettled: (now) => podWatches.want(now),
    async stop() {
      stopping.abort(new Error('the Cluster is not watched any more'));
      for (const { closing } of kinds.values()) clearTimeout(closing);
      await Promise.all([probing, parentsWatch.stop(), podWatches.stop(), ...[...kinds.values()].map(({ watch }) => watch.stop()), ...ending]);
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    resolve();
  };
  const timer = setTimeout(end, ms);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  return promise;
}
