import { type Desired, definedKinds, desiredObjects } from '../diff/desired.ts';
import { isMember, type Owner, ownerOf } from '../diff/ownership.ts';
import { describeId, groupKindText, groupOf, type LiveObject, type Manifest, type ResourceId, resourceKey } from '../model/manifest.ts';
import { accepted, type Parsed, type Problem } from '../model/parsed.ts';
import { isPortError } from '../model/port-error.ts';
import type { Application } from '../resources/application.ts';
import { referenceOf } from '../resources/resource.ts';
import { concurrently } from '../sync/concurrently.ts';
import type { Destination } from '../sync/destination.ts';
import { comingOf, type DryRunContext, dryRunAll, type Unproven } from '../sync/dry-run.ts';
import { keepingAnswers } from '../sync/dry-run-answers.ts';
import { readMembers } from '../sync/members.ts';
import { extentOf } from '../sync/parent.ts';
import { planSync } from '../sync/plan.ts';
import type { Difference } from '../sync/unified-diff.ts';

/** `notes`: what could not be asked, and what would stay; `problems`: what a sync would refuse. */
export type WantedChanges = { readonly differences: readonly Difference[]; readonly notes: readonly string[]; readonly problems: readonly Problem[] };

/** A tool for people: it leaves the API server to others. */
const atOnce = 16;

/**
 * What applying manifests as an Application would change on its destination, asked of the API server; nothing is stored.
 * Throws  what Destination throws, but for refusals of single objects, which are problems.
 */
export async function wantedChanges(
  application: Application,
  manifests: readonly Manifest[],
  destination: Destination,
  { installation, originOf }: { readonly installation: string; readonly originOf: DryRunContext['originOf'] },
  signal: AbortSignal,
): Promise<Parsed<WantedChanges>> {
  const { namespace } = application.spec.destination;
  const owner = ownerOf(installation, referenceOf(application), namespace);
  const defined = definedKinds(manifests);
  const kinds = await destination.kinds(
    manifests.map(({ apiVersion, kind }) => ({ group: groupOf(apiVersion), kind })),
    signal,
  );
  const desired = desiredObjects(manifests, owner, namespace, (kind) => {
    const served = kinds.get(groupKindText(kind));
    return served === undefined ? defined.get(groupKindText(kind)) : served.namespaced ? 'namespaced' : 'cluster';
  });
  if (!desired.ok) return desired;

  const live = await readLive(desired.value, kinds, destination, signal);
  const answers = new Map<string, LiveObject>();
  const { sync } = application.spec;
  const context: DryRunContext = {
    kinds,
    owner,
    adopt: sync.adopt,
    coming: comingOf(desired.value, new Set(defined.keys()), sync.createNamespace ? [namespace] : []),
    originOf,
  };
  const { changes, refused } = await dryRunAll(
    desired.value.map((each) => unprovenOf(each, live, owner)),
    keepingAnswers(destination, answers),
    context,
    signal,
  );
  const differences = desired.value.flatMap((each): Difference[] => {
    const key = resourceKey(each.id);
    const change = changes.find((one) => one.desired === each);
    // What nobody could be asked about is shown as it is written.
    return change === undefined ? [] : [{ title: describeId(each.id), before: live.get(key) ?? null, after: answers.get(key) ?? each.manifest }];
  });
  const leaving = await leavingObjects(owner, desired.value, destination, sync, signal);
  const deferred = changes.flatMap((change) =>
    change.type === 'deferred' ? [`${describeId(change.desired.id)}: not asked of the API server: ${change.why}`] : [],
  );
  return accepted({ differences: [...differences, ...leaving.differences], notes: [...deferred, ...leaving.notes], problems: refused });
}

/** Whether anything else than a member may be taken over is asked of the dry-run. */
function unprovenOf(desired: Desired, live: ReadonlyMap<string, LiveObject>, owner: Owner): Unproven {
  const object = live.get(resourceKey(desired.id));
  const isOurs = object !== undefined && isMember(object.metadata, owner);
  return { desired, ...(isOurs ? { live: { id: desired.id, metadata: object.metadata } } : {}), cause: 'revision' };
}

async function readLive(
  desired: readonly Desired[],
  kinds: DryRunContext['kinds'],
  destination: Destination,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, LiveObject>> {
  const results = await concurrently(desired, atOnce, async ({ id }) => {
    const kind = kinds.get(groupKindText(id));
    return kind === undefined ? undefined : destination.read(kind, id, signal);
  });
  return new Map(
    results.flatMap((result, index) => {
      if (result.status === 'rejected') throw result.reason;
      const id = desired[index]?.id;
      return result.value === undefined || id === undefined ? [] : [[resourceKey(id), result.value] as const];
    }),
  );
}

type Leaving = Pick<WantedChanges, 'differences' | 'notes'>;

/** Members that are no longer rendered. Whoever may not look for them is told so. */
async function leavingObjects(
  owner: Owner,
  desired: readonly Desired[],
  destination: Destination,
  { prune }: { readonly prune: boolean },
  signal: AbortSignal,
): Promise<Leaving> {
  try {
    const parent = await destination.readParent(owner.parentNamespace, owner.parentName, signal);
    const extent = extentOf(parent, owner);
    if (parent === undefined || !extent.ok) return { differences: [], notes: [] };
    const kinds = await destination.kinds(extent.value.kinds, signal);
    const wanted = new Set(desired.map(({ id }) => resourceKey(id)));
    const members = (await readMembers(destination, kinds, extent.value, owner, signal)).filter(({ metadata }) => isMember(metadata, owner));
    const orphans = members.filter(({ id, metadata }) => !wanted.has(resourceKey(id)) && metadata.deletionTimestamp === undefined);
    const { next, withheld } = planSync([], orphans, { prune });
    const going = next.step === 'prune' ? next.groups.flat() : [];
    const objects = await concurrently(going, atOnce, async ({ id }) => removalOf(id, kinds, destination, signal));
    return {
      differences: objects.flatMap((result) => {
        if (result.status === 'rejected') throw result.reason;
        return result.value ?? [];
      }),
      notes: withheld.map((kept) => `${describeId(kept.live.id)}: is no longer rendered and stays: ${kept.reason}`),
    };
  } catch (error) {
    if (!isPortError(error, 'FORBIDDEN')) throw error;
    return { differences: [], notes: [`what would be pruned is not shown: ${error.message}`] };
  }
}

async function removalOf(id: ResourceId, kinds: DryRunContext['kinds'], destination: Destination, signal: AbortSignal): Promise<Difference | undefined> {
  const kind = kinds.get(groupKindText(id));
  const object = kind === undefined ? undefined : await destination.read(kind, id, signal);
  return object === undefined ? undefined : { title: describeId(id), before: object, after: null };
}
