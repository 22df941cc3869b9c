import type { PortErrorCode } from '../model/port-error.ts';
import type { Cluster, ClusterStatus } from '../resources/cluster.ts';
import type { ReasonOf } from '../resources/reasons.ts';
import { type ConditionNow, conditionsOf, failing, ready, reasonOfCode, reconciling, stalled } from '../status/conditions.ts';
import type { WatchView } from './watch-state.ts';

export type ClusterView = { readonly watch: WatchView | { readonly is: 'suspended' }; readonly version: string | undefined };

/** What stands in a Cluster's status. `watch` is left out while a Cluster is suspended: nothing is seen there. */
export function clusterStatus(cluster: Cluster, view: ClusterView, now: Date): ClusterStatus {
  const { generation } = cluster.metadata;
  const version = view.version ?? cluster.status?.version;
  return {
    observedGeneration: generation,
    conditions: conditionsOf(conditionsNow(view.watch), cluster.status?.conditions ?? [], generation, now),
    ...(version === undefined ? {} : { version }),
    ...(view.watch.is === 'suspended' ? {} : { watch: watchNow(view.watch, now) }),
  };
}

/** What has to be written at once when it changes. */
export function essenceOf({ watch, version }: ClusterView): string {
  const since = watch.is === 'synced' ? watch.sinceMs : watch.is === 'lost' ? `${watch.error.code} ${watch.error.message}` : '';
  return JSON.stringify([watch.is, since, version]);
}

const watchNow = (watch: WatchView, now: Date): NonNullable<ClusterStatus['watch']> => ({
  ...(watch.is === 'synced' ? { syncedSince: new Date(watch.sinceMs).toISOString() } : {}),
  renewedAt: now.toISOString(),
});

function conditionsNow(watch: ClusterView['watch']): readonly ConditionNow<ReasonOf<'Cluster'>>[] {
  switch (watch.is) {
    case 'suspended':
      return ready('Suspended', 'spec.suspend is set: nothing is watched or applied here');
    case 'synced':
      return ready('Connected', 'every watch is synced');
    case 'opening':
      return reconciling('Connecting', 'its watches are being opened');
    case 'lost':
      return needsSomebody.has(watch.error.code)
        ? stalled(reasonOfCode[watch.error.code], watch.error.message)
        : failing(reasonOfCode[watch.error.code], watch.error.message);
    default:
      return watch satisfies never;
  }
}

/** It is asked again for all that, but will answer the same until somebody changes the Cluster, its Secret or the rights there. */
const needsSomebody: ReadonlySet<PortErrorCode> = new Set(['UNAUTHORIZED', 'FORBIDDEN', 'NOT_FOUND', 'INVALID']);
