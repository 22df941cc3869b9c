import type { Live } from '../diff/diff.ts';
import { hasHealthRule, objectHealth } from '../health/assess.ts';
import { failFast } from '../health/fail-fast.ts';
import type { Health } from '../health/health.ts';
import { podSelectorOf, watchesPods } from '../health/pods.ts';
import { groupKindText, groupOf, type LiveObject, type ResourceId, resourceKey } from '../model/manifest.ts';
import { concurrently } from './concurrently.ts';
import type { Destination, ServedKind } from './destination.ts';

/** Whole objects by uid and resourceVersion: one is read again only when its metadata says that it changed. */
export type LiveObjects = { get(uid: string, resourceVersion: string): LiveObject | undefined; put(object: LiveObject): void };

/** @param most  how many objects are kept; the least recently used goes first */
export function openLiveObjects(most: number): LiveObjects {
  const byUid = new Map<string, LiveObject>();
  return {
    get(uid, resourceVersion) {
      const object = byUid.get(uid);
      if (object?.metadata.resourceVersion !== resourceVersion) return undefined;
      byUid.delete(uid);
      byUid.set(uid, object);
      return object;
    },
    put(object) {
      const { managedFields: _large, ...metadata } = object.metadata;
      byUid.delete(object.metadata.uid);
      byUid.set(object.metadata.uid, { ...object, metadata });
      const [oldest] = byUid.keys();
      if (byUid.size > most && oldest !== undefined) byUid.delete(oldest);
    },
  };
}

export type Observation = {
  readonly healths: ReadonlyMap<string, Health>;
  readonly unsettled: readonly { readonly namespace: string; readonly selector: string }[];
  readonly lookAgainInMs: number | undefined;
};

const healthy: Health = { health: 'Healthy', message: '' };
const replicaSetKind = { group: 'apps', kind: 'ReplicaSet' };

/**
 * Judges what is live: each object by its own rule, and a workload that is still rolling out by the pods of its newest revision as well.
 * Only objects whose kind has a rule are read, and of those only the changed ones.
 */
export async function observe(
  live: readonly Live[],
  kinds: ReadonlyMap<string, ServedKind>,
  destination: Destination,
  liveObjects: LiveObjects,
  now: Date,
  signal: AbortSignal,
): Promise<Observation> {
  const results = await concurrently(live, 32, async (each) => ({ id: each.id, ...(await judge(each, kinds, destination, liveObjects, now, signal)) }));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;

  const judged = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const waits = judged.flatMap(({ lookAgainInMs }) => lookAgainInMs ?? []);
  return {
    healths: new Map(judged.map(({ id, health }) => [resourceKey(id), health])),
    unsettled: judged.flatMap(({ unsettled }) => unsettled ?? []),
    lookAgainInMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}

type Judged = { readonly health: Health; readonly unsettled?: { readonly namespace: string; readonly selector: string }; readonly lookAgainInMs?: number };

async function judge(
  live: Live,
  kinds: ReadonlyMap<string, ServedKind>,
  destination: Destination,
  liveObjects: LiveObjects,
  now: Date,
  signal: AbortSignal,
): Promise<Judged> {
  if (!hasHealthRule(live.id)) return { health: live.metadata.deletionTimestamp === undefined ? healthy : { health: 'Progressing', message: 'being deleted' } };

  const object = await wholeObject(live, kinds, destination, liveObjects, signal);
  if (object === undefined) return { health: { health: 'Missing', message: 'was removed a moment ago' } };

  const health = objectHealth(object, now) ?? healthy;
  const { namespace } = live.id;
  const selector = watchesPods(live.id) ? podSelectorOf(object) : undefined;
  const settled = health.health === 'Healthy' || health.health === 'Suspended';
  if (settled || namespace === undefined || selector === undefined) return { health };

  const [pods, replicaSets] = await Promise.all([destination.pods(namespace, selector, signal), replicaSetsOf(live.id, selector, kinds, destination, signal)]);
  const early = failFast(object, pods, replicaSets, now);
  return {
    health: health.health === 'Progressing' ? (early.health ?? health) : health,
    unsettled: { namespace, selector },
    ...(early.lookAgainInMs === undefined ? {} : { lookAgainInMs: early.lookAgainInMs }),
  };
}

async function replicaSetsOf(id: ResourceId, selector: string, kinds: ReadonlyMap<string, ServedKind>, destination: Destination, signal: AbortSignal) {
  if (id.kind !== 'Deployment' || id.namespace === undefined) return [];
  const kind = kinds.get(groupKindText(replicaSetKind)) ?? (await destination.kinds([replicaSetKind], signal)).get(groupKindText(replicaSetKind));
  return kind === undefined ? [] : (await destination.list(kind, id.namespace, selector, signal)).map(({ metadata }) => metadata);
}

async function wholeObject(
  live: Live,
  kinds: ReadonlyMap<string, ServedKind>,
  destination: Destination,
  liveObjects: LiveObjects,
  signal: AbortSignal,
): Promise<LiveObject | undefined> {
  const known = liveObjects.get(live.metadata.uid, live.metadata.resourceVersion);
  if (known !== undefined) return known;
  const kind = kinds.get(groupKindText(live.id));
  const object = kind === undefined ? undefined : await destination.read(kind, live.id, signal);
  if (object !== undefined) liveObjects.put(object);
  return object;
}

/** What an apply answered, as a later LIST would show it. */
export const liveOf = (object: LiveObject): Live => ({
  id: {
    group: groupOf(object.apiVersion),
    kind: object.kind,
    ...(object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace }),
    name: object.metadata.name,
  },
  metadata: object.metadata,
});
