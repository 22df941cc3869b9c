import type { Logger } from 'pino';
import { isPortError } from '../model/port-error.ts';
import { type Reference, referenceText } from '../model/reference.ts';
import type { Hub } from '../resources/hub.ts';
import { type ClusterView, clusterStatus, essenceOf } from './cluster-status.ts';

export type ClusterStatusWriter = {
  /** The view may have changed: written at once, but not more often than once a second. */
  look(): void;
  /** The Cluster itself changed: written even when the view is the same. */
  renew(): void;
  stop(): Promise<void>;
};

type Options = {
  readonly cluster: Reference;
  readonly hub: Pick<Hub, 'read' | 'writeStatus'>;
  readonly view: () => ClusterView;
  readonly now: () => Date;
  readonly log: Logger;
  readonly times?: Partial<typeof usualTimes>;
};

const usualTimes = {
  /** Readers count a watch as lost after 30 s. */
  renewEveryMs: 10_000,
  /** A trouble becomes one by lasting, without any event: the view is looked at this often. */
  lookEveryMs: 1_000,
};

export function openClusterStatusWriter({ cluster, hub, view, now, log, times: given }: Options): ClusterStatusWriter {
  const { renewEveryMs, lookEveryMs } = { ...usualTimes, ...given };
  const stopping = new AbortController();
  let writtenAtMs = Number.NEGATIVE_INFINITY;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let written = '';
  let writing: Promise<void> | undefined;
  let failing = false;

  async function write(current: ClusterView): Promise<void> {
    try {
      const resource = await hub.read('Cluster', cluster, stopping.signal);
      if (resource === undefined || resource.metadata.deletionTimestamp !== undefined) return;
      await hub.writeStatus('Cluster', resource, clusterStatus(resource, current, now()), stopping.signal);
      writtenAtMs = performance.now();
      written = essenceOf(current);
      failing = false;
    } catch (error) {
      if (stopping.signal.aborted) return;
      if (!isPortError(error)) throw error;
      // Tried again within a second.
      if (error.code === 'CONFLICT' || failing) return;
      failing = true;
      log.warn({ cluster: referenceText(cluster), code: error.code, reason: error.message }, 'status of a cluster not written');
    }
  }

  function look(): void {
    if (writing !== undefined || stopping.signal.aborted) return;
    const nowMs = performance.now();
    if (nowMs - triedAtMs < lookEveryMs * 0.9) return;
    const current = view();
    const isDue = current.watch.is !== 'suspended' && nowMs - writtenAtMs >= renewEveryMs;
    if (!isDue && essenceOf(current) === written) return;
    triedAtMs = nowMs;
    writing = write(current).finally(() => {
      writing = undefined;
    });
  }

  const timer = setInterval(look, lookEveryMs);
  return {
    look,
    renew() {
      written = '';
      look();
    },
    async stop() {
      stopping.abort(new Error('the status of this Cluster is not written any more'));
      clearInterval(timer);
      await writing;
    },
  };
}
