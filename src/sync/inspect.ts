import type { Change, Live } from '../diff/diff.ts';
import { isMember } from '../diff/ownership.ts';
import type { Health } from '../health/health.ts';
import { describeId, groupKindText, type LiveObject, type ResourceId, resourceKey } from '../model/manifest.ts';
import type { Problem } from '../model/parsed.ts';
import { isPortError, PortError } from '../model/port-error.ts';
import type { Application } from '../resources/application.ts';
import { concurrently } from './concurrently.ts';
import type { Destinations } from './destination.ts';
import { placeOf } from './dry-run.ts';
import { keepingAnswers } from './dry-run-answers.ts';
import type { SyncOutcome } from './outcome.ts';
import type { Ports } from './ports.ts';
import { newRun } from './run.ts';
import { type Looked, look } from './sync.ts';
import { unifiedDiff } from './unified-diff.ts';

/** What a sync would do with an object: nothing, make, change or remove it; or why it would not. */
export type ObjectState = 'in-sync' | 'create' | 'update' | 'remove' | 'kept' | 'deferred' | 'not-owned' | 'refused';

export type InspectedObject = {
  readonly id: ResourceId;
  readonly state: ObjectState;
  /** Missing where nothing is live, or where it is not ours to look at. */
  readonly health?: Health;
  /** Why it differs, stays, waits or is refused. */
  readonly why?: string;
  /** Live -> wanted, as `diff -u`; values of Secrets are masked. Only for what would be made, changed or removed. */
  readonly patch?: string;
};

/** An Application as it stands on its destination now. `why`: why nothing, or not all, could be looked at. */
export type Inspection = {
  readonly revision?: string;
  readonly objects: readonly InspectedObject[];
  readonly problems: readonly Problem[];
  readonly why?: string;
};

/** Patches are read and made for as many objects. */
const mostPatches = 50;
const atOnce = 16;

/**
 * Looks at one Application by the very way of a sync, up to its plan: nothing is written, and every object is read and dry-run with the rights of the
 * Application's own service account. An object that exists and is not a member is named, and nothing of its contents is told.
 * Never throws PortError: what failed is in `why`.
 */
export async function inspect(application: Application, ports: Ports, signal: AbortSignal): Promise<Inspection> {
  const answers = new Map<string, LiveObject>();
  const opened: Destinations['open'] = async (...args) => keepingAnswers(await ports.destinations.open(...args), answers);
  const run = newRun(application, ports.newId());
  try {
    const looked = await look(run, { ...ports, destinations: { open: opened } }, signal);
    if (!('plan' in looked)) return withoutLook(looked);
    const entries = entriesOf(looked);
    const patches = await patchesOf(entries, looked, answers, signal);
    return {
      revision: looked.wanted.revision,
      objects: entries.map(({ change: _change, live: _live, ...object }) => ({ ...object, ...patches.get(resourceKey(object.id)) })),
      problems: looked.refused,
    };
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    return { objects: [], problems: [], why: error.message };
  }
}

function withoutLook({ result, wanted }: SyncOutcome): Inspection {
  const revision = wanted === undefined ? {} : { revision: wanted.revision };
  if (result.is === 'refused') return { ...revision, objects: [], problems: result.problems };
  return { ...revision, objects: [], problems: [], ...('message' in result ? { why: result.message } : {}) };
}

type Entry = InspectedObject & { readonly change?: Change; readonly live?: Live };

function entriesOf(looked: Looked): readonly Entry[] {
  const { all, desired, refused, orphans, plan, owner, observation, context } = looked;
  const byObject = new Map(all.map((change) => [resourceKey(change.desired.id), change]));
  const problems = new Map(refused.map(({ at, message }) => [at, message]));
  const wanted = desired.map((each): Entry => {
    const change = byObject.get(resourceKey(each.id));
    if (change === undefined) return { id: each.id, state: 'refused', why: problems.get(placeOf(each, context)) ?? 'refused' };
    const health = observation.healths.get(resourceKey(each.id));
    return { id: each.id, ...stateOf(change, looked), ...(health === undefined || !isOurs(change, looked) ? {} : { health }), change };
  });
  const leaving = orphans.map((live): Entry => {
    const kept = plan.withheld.find((each) => each.live === live);
    return kept === undefined ? { id: live.id, state: 'remove', why: 'no longer rendered', live } : { id: live.id, state: 'kept', why: kept.reason };
  });
  return [...wanted, ...leaving.filter(({ live }) => live === undefined || isMember(live.metadata, owner))];
}

const isOurs = (change: Change, { owner }: Looked): boolean => !('live' in change) || isMember(change.live.metadata, owner);

function stateOf(change: Change, looked: Looked): Pick<Entry, 'state' | 'why'> {
  switch (change.type) {
    case 'unchanged':
      return { state: 'in-sync' };
    case 'create':
      return { state: 'create', why: change.cause === 'drift' ? 'somebody removed it' : 'new in this revision' };
    case 'update':
      if (!isOurs(change, looked)) return { state: 'not-owned', why: 'exists, not owned' };
      return { state: 'update', why: change.cause === 'drift' ? 'somebody changed it' : 'differs from this revision' };
    case 'deferred':
      return { state: 'deferred', why: change.why };
    default:
      return change satisfies never;
  }
}

type Patch = Pick<InspectedObject, 'patch' | 'why'>;

async function patchesOf(
  entries: readonly Entry[],
  { destination, context }: Looked,
  answers: ReadonlyMap<string, LiveObject>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Patch>> {
  const differing = entries.filter(({ state }) => state === 'create' || state === 'update' || state === 'remove').slice(0, mostPatches);
  const results = await concurrently(differing, atOnce, async ({ id, state, change }): Promise<Patch> => {
    const kind = context.kinds.get(groupKindText(id));
    const before = state === 'create' || kind === undefined ? undefined : await destination.read(kind, id, signal);
    const after = state === 'remove' ? undefined : (answers.get(resourceKey(id)) ?? change?.desired.manifest);
    const patch = unifiedDiff({ title: describeId(id), before: before ?? null, after: after ?? null });
    // Fields that are ours by nobody's manifest: what kubectl added beside ours is taken out by ownership, which a dry-run cannot show.
    return patch === '' ? { why: 'fields that somebody added by hand are taken out' } : { patch };
  });
  return new Map(
    results.flatMap((result, index): [string, Patch][] => {
      const id = differing[index]?.id;
      if (id === undefined) return [];
      if (result.status === 'fulfilled') return [[resourceKey(id), result.value]];
      if (!isPortError(result.reason)) throw result.reason;
      return [[resourceKey(id), { why: result.reason.message }]];
    }),
  );
}
