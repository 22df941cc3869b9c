import { type Reference, referenceText } from '../model/reference.ts';
import { selectorMatches } from './pod-selector.ts';
import type { Handlers, OpenWatch, PodFacts, SeenPod } from './watches.ts';

/** A workload of an Application that is rolling out: whose pods tell more than its own status does. */
export type Unsettled = { readonly application: Reference; readonly namespace: string; readonly selector: string };

export type PodWatches = {
  /** Replaces what is wanted: watches of namespaces where nothing is unsettled any more are dropped. */
  want(unsettled: readonly Unsettled[]): void;
  stop(): Promise<void>;
};

type Options = {
  /** The key names the watch among all of its Cluster. */
  readonly open: (
    key: string,
    where: { readonly namespace: string; readonly selector: string | undefined },
    onEvent: Handlers<SeenPod>['onEvent'],
  ) => OpenWatch;
  readonly onClosed: (key: string) => void;
  /** Pods of these Applications now say something else that matters. */
  readonly onFacts: (applications: readonly Reference[]) => void;
};

type Watched = { readonly key: string; readonly selector: string | undefined; readonly watch: OpenWatch };

/** One watch per namespace: of the one selector that is wanted there, or of all its pods once several are. */
export function openPodWatches({ open, onClosed, onFacts }: Options): PodWatches {
  const byNamespace = new Map<string, Watched>();
  const stopping = new Set<Promise<void>>();
  let wanted: readonly Unsettled[] = [];

  function tell(pod: SeenPod): void {
    const concerned = wanted
      .filter(({ namespace, selector }) => namespace === pod.namespace && selectorMatches(selector, pod.labels))
      .map(({ application }) => application);
    const applications = [...new Map(concerned.map((application) => [referenceText(application), application])).values()];
    if (applications.length > 0) onFacts(applications);
  }

  function openIn(namespace: string, selector: string | undefined): void {
    const signatures = new Map<string, string>();
    const key = `pods ${namespace} ${selector ?? '*'}`;
    const watch = open(key, { namespace, selector }, ({ type, object }) => {
      const { name } = object.facts;
      const before = signatures.get(name);
      const now = type === 'DELETED' ? undefined : whatMatters(object.facts);
      if (now === undefined) signatures.delete(name);
      else signatures.set(name, now);
      if (before !== now) tell(object);
    });
    byNamespace.set(namespace, { key, selector, watch });
  }

  function close(namespace: string): void {
    const watched = byNamespace.get(namespace);
    if (watched === undefined) return;
    byNamespace.delete(namespace);
    onClosed(watched.key);
    const stopped: Promise<void> = watched.watch.stop().finally(() => stopping.delete(stopped));
    stopping.add(stopped);
  }

  return {
    want(unsettled) {
      wanted = unsettled;
      const selectors = Map.groupBy(unsettled, ({ namespace }) => namespace);
      for (const namespace of [...byNamespace.keys()]) if (!selectors.has(namespace)) close(namespace);
      for (const [namespace, workloads] of selectors) {
        const [first, second] = new Set(workloads.map(({ selector }) => selector));
        const watched = byNamespace.get(namespace);
        // Once of all pods, it stays so until nothing is unsettled there: a narrower one would have to begin with a LIST.
        if (watched !== undefined && (watched.selector === undefined || (second === undefined && watched.selector === first))) continue;
        if (watched !== undefined) close(namespace);
        openIn(namespace, second === undefined ? first : undefined);
      }
    },
    async stop() {
      for (const namespace of [...byNamespace.keys()]) close(namespace);
      await Promise.all(stopping);
    },
  };
}

/** Health is judged by these alone: a pod's status changes far more often. */
export function whatMatters({ phase, ready, deleting, reasons, unschedulable }: PodFacts): string {
  const waits = reasons.map(({ container, reason, restartCount }) => [container, reason, restartCount >= 3]);
  return JSON.stringify([phase, ready, deleting, unschedulable !== undefined, waits]);
}
