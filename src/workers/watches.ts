import type { GroupKind } from '../model/manifest.ts';
import type { PortError } from '../model/port-error.ts';
import type { Reference } from '../model/reference.ts';
import type { Destination } from '../sync/destination.ts';

export type Seen<T> = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T };

/** None of them may throw. */
export type Handlers<T> = {
  readonly onEvent: (seen: Seen<T>) => void;
  /** What is there has been reported. `relisted`: by a new LIST, so that what came and went in between was not seen; false when a broken stream went on where it had stopped. */
  readonly onSynced: (how: { readonly relisted: boolean }) => void;
  /** Called once until the next `onSynced`. */
  readonly onLost: (error: PortError) => void;
};

export type OpenWatch = { stop(): Promise<void> };

/** An applyset parent: the Application that it names, `namespace/name`, and the kinds that its members may have. */
export type SeenParent = Reference & { readonly owner: string | undefined; readonly kinds: readonly GroupKind[] };

/** A member, by the value of its application label. */
export type SeenMember = { readonly ownerHash: string };

export type PodFacts = Awaited<ReturnType<Destination['pods']>>[number];

/** Labels are those of the pod: they tell whose selector chooses it. */
export type SeenPod = { readonly namespace: string; readonly labels: Readonly<Record<string, string>>; readonly facts: PodFacts };

/**
 * What the controller sees of the destinations. A watch opens at once, goes on by itself through every trouble of the Cluster, and ends when it is stopped;
 * what was deleted while it did not stand is reported as soon as it does again.
 */
export type Watches = {
  /** What the API server calls itself, `v1.36.0`. Throws PortError('destination', …) when it does not answer within 5 s. */
  version(cluster: Reference, signal: AbortSignal): Promise<string>;
  /** The applyset parents of one installation, without contents. */
  parents(cluster: Reference, installation: string, handlers: Handlers<SeenParent>): OpenWatch;
  /** Everything of a kind that carries the application label, without contents. A kind that is not served has no objects, and is asked for again every 10 s. */
  members(cluster: Reference, kind: GroupKind, handlers: Handlers<SeenMember>): OpenWatch;
  /** The pods of a namespace, all of them when there is no selector. */
  pods(cluster: Reference, where: { readonly namespace: string; readonly selector: string | undefined }, handlers: Handlers<SeenPod>): OpenWatch;
};
