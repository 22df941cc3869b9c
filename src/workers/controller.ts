import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { parseReference, type Reference, referenceText } from '../model/reference.ts';
import type { Application } from '../resources/application.ts';
import type { Cluster } from '../resources/cluster.ts';
import type { Hub } from '../resources/hub.ts';
import { referenceOf, resolveReference } from '../resources/resource.ts';
import { type ClusterStatusWriter, openClusterStatusWriter } from './cluster-status-writer.ts';
import { type ClusterWatch, watchCluster } from './cluster-watch.ts';
import type { HubChange } from './hub-changes.ts';
import { openNudger } from './nudger.ts';
import type { Nudges } from './nudges.ts';
import { allNudges, applicationsOn, nudgesFor } from './nudges-for.ts';
import type { Unsettled } from './pod-watches.ts';
import type { Watches } from './watches.ts';

export type Controller = {
  /** Every change of the hub, from the first LIST on. Returns at once. */
  take(change: HubChange): void;
  /** To be called once, when the hub has been listed: watches every Cluster and nudges everything. */
  begin(): void;
  /** Ends all watches, and hands over the nudges that still wait. */
  stop(): Promise<void>;
};

type Options = {
  readonly hub: Pick<Hub, 'list' | 'seen' | 'read' | 'writeStatus'>;
  readonly watches: Watches;
  readonly nudges: Pick<Nudges, 'nudge'>;
  readonly installation: string;
  /** The value of the application label of an Application's members. */
  readonly ownerHash: (application: Reference) => string;
  readonly log: Logger;
  readonly now?: () => Date;
  readonly times?: { readonly cluster?: Parameters<typeof watchCluster>[0]['times']; readonly status?: Parameters<typeof openClusterStatusWriter>[0]['times'] };
};

type Followed = { readonly connection: unknown; readonly watch: ClusterWatch | undefined; readonly status: ClusterStatusWriter };

const stopWithinMs = 5_000;

/** Turns what changes on the hub and on the destinations into nudges. Decides nothing but whom to nudge; a needless nudge does no harm. */
export function openController({ hub, watches, nudges, installation, ownerHash, log, now = () => new Date(), times = {} }: Options): Controller {
  const nudger = openNudger({ nudges, log });
  const byHash = new Map<string, Reference>();
  const unsettledOn = new Map<string, Map<string, readonly Unsettled[]>>();
  const followed = new Map<string, Followed>();
  const ending = new Set<Promise<void>>();
  let begun = false;
  let stopped = false;

  const sync = (reference: Reference): void => nudger.nudge([{ verb: 'sync', reference }]);

  function follow(cluster: Cluster): void {
    const reference = referenceOf(cluster);
    const key = referenceText(reference);
    // The first event comes before the watch is returned.
    let watch: ClusterWatch | undefined;
    const status = openClusterStatusWriter({
      cluster: reference,
      hub,
      view: () => watch?.view() ?? { watch: cluster.spec.suspend ? { is: 'suspended' } : { is: 'opening' }, version: undefined },
      now,
      log,
      ...(times.status === undefined ? {} : { times: times.status }),
    });
    if (!cluster.spec.suspend) {
      watch = watchCluster({
        cluster: reference,
        installation,
        watches,
        onMember(hash) {
          const application = byHash.get(hash);
          if (application !== undefined) sync(application);
        },
        onParent(owner) {
          const application = parseReference(owner);
          if (application !== undefined && hub.seen('Application', application) !== undefined) sync(application);
        },
        onPods: (applications) => nudger.nudge(applications.map((application) => ({ verb: 'sync', reference: application }))),
        onBack: () => nudger.nudge(applicationsOn(reference, hub).map((application) => ({ verb: 'sync', reference: referenceOf(application) }))),
        onView: () => status.look(),
        nowMs: () => now().getTime(),
        log,
        ...(times.cluster === undefined ? {} : { times: times.cluster }),
      });
      watch.unsettled(unsettledIn(key));
    }
    followed.set(key, { connection: connectionOf(cluster), watch, status });
    status.look();
  }

  function leave(key: string): void {
    const cluster = followed.get(key);
    if (cluster === undefined) return;
    followed.delete(key);
    const ended: Promise<void> = Promise.all([cluster.watch?.stop(), cluster.status.stop()]).then(() => void ending.delete(ended));
    ending.add(ended);
  }

  const unsettledIn = (cluster: string): readonly Unsettled[] => [...(unsettledOn.get(cluster)?.values() ?? [])].flat();

  function noteUnsettled(before: Application | undefined, after: Application | undefined): void {
    const [from, to] = [before, after].map((application) => application && referenceText(resolveReference(application, application.spec.destination.cluster)));
    if (from === to && isDeepStrictEqual(before?.status?.unsettled, after?.status?.unsettled)) return;
    if (before !== undefined && from !== undefined) unsettledOn.get(from)?.delete(referenceText(referenceOf(before)));
    if (after !== undefined && to !== undefined && (after.status?.unsettled.length ?? 0) > 0) {
      const application = referenceOf(after);
      const onCluster = unsettledOn.get(to) ?? new Map<string, readonly Unsettled[]>();
      unsettledOn.set(to, onCluster);
      onCluster.set(
        referenceText(application),
        (after.status?.unsettled ?? []).map(({ namespace, selector }) => ({ application, namespace, selector })),
      );
    }
    for (const key of new Set([from, to])) if (key !== undefined) followed.get(key)?.watch?.unsettled(unsettledIn(key));
  }

  function noteApplication(before: Application | undefined, after: Application | undefined): void {
    const application = after ?? before;
    if (application === undefined) return;
    const reference = referenceOf(application);
    if (after === undefined) byHash.delete(ownerHash(reference));
    else if (before === undefined) byHash.set(ownerHash(reference), reference);
    noteUnsettled(before, after);
  }

  function noteCluster(reference: Reference, cluster: Cluster | undefined): void {
    const key = referenceText(reference);
    const known = followed.get(key);
    if (cluster !== undefined && known !== undefined && isDeepStrictEqual(known.connection, connectionOf(cluster))) return known.status.renew();
    leave(key);
    if (cluster !== undefined) follow(cluster);
  }

  return {
    take(change) {
      if (!begun || stopped) return;
      if (change.kind === 'Application') noteApplication(change.before, change.now);
      if (change.kind === 'Cluster' && change.before?.metadata.generation !== change.now?.metadata.generation) noteCluster(change.reference, change.now);
      nudger.nudge(nudgesFor(change, hub));
    },
    begin() {
      begun = true;
      for (const application of hub.list('Application')) noteApplication(undefined, application);
      for (const cluster of hub.list('Cluster')) follow(cluster);
      nudger.nudge(allNudges(hub));
    },
    async stop() {
      stopped = true;
      for (const key of [...followed.keys()]) leave(key);
      await Promise.all([...ending, nudger.stop(stopWithinMs)]);
    },
  };
}

/** What a watch depends on; a changed rule needs no new connection. */
const connectionOf = ({ metadata, spec }: Cluster): unknown => [metadata.uid, spec.connection, spec.suspend];

/**
 * Nudges everything, for a queue that was lost: resolves once the queue has it all. The worker's timers follow from what each look answers.
 * Throws PortError('queue', UNREACHABLE).
 */
export async function nudgeEverything(hub: Pick<Hub, 'list'>, nudges: Pick<Nudges, 'nudge'>): Promise<void> {
  const all = allNudges(hub).values();
  const lane = async (): Promise<void> => {
    for (const { verb, reference } of all) await nudges.nudge(verb, reference);
  };
  await Promise.all(Array.from({ length: 16 }, lane));
}
