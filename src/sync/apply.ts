import { setTimeout as pause } from 'node:timers/promises';
import { withApplied } from '../diff/desired.ts';
import { type Change, type Live, unknownFieldSet } from '../diff/diff.ts';
import { applyEntry, fieldSetHash } from '../diff/ownership.ts';
import { objectHealth } from '../health/assess.ts';
import { describeId, groupKindText, type LiveObject } from '../model/manifest.ts';
import type { Problem } from '../model/parsed.ts';
import { isPortError } from '../model/port-error.ts';
import { concurrently } from './concurrently.ts';
import type { Destination, ServedKind } from './destination.ts';
import { type DryRunContext, dryRunOne, nothingComing, parallelRequests, placeOf } from './dry-run.ts';

type Write = Exclude<Change, { type: 'unchanged' }>;

export type Applying = {
  readonly destination: Destination;
  readonly context: DryRunContext;
  /** Renews the claim when it is due; throws when another worker has taken it. Called before every write, for many at once. */
  readonly keepClaim: () => Promise<void>;
  /** Makes sure that the destination namespace and the applyset parent are there. Called before the first write that needs them. */
  readonly prepare: () => Promise<void>;
  /** Whether something newer is wanted meanwhile. */
  readonly superseded: () => boolean;
};

export type Written = { readonly objects: readonly LiveObject[]; readonly refused: readonly Problem[]; readonly superseded: boolean };

const establishWithinMs = 10_000;

/** Writes the groups one after the other, each at once. Stops before the next group when one was refused or something newer is wanted. */
export async function applyGroups(groups: readonly (readonly Write[])[], applying: Applying, signal: AbortSignal): Promise<Written> {
  const objects: LiveObject[] = [];
  let kinds = applying.context.kinds;
  for (const group of groups) {
    signal.throwIfAborted();
    if (objects.length > 0 && applying.superseded()) return { objects, refused: [], superseded: true };
    await applying.keepClaim();
    if (group[0]?.desired.id.kind !== 'Namespace') await applying.prepare();

    if (group.some(({ desired }) => !kinds.has(groupKindText(desired.id)))) kinds = new Map([...kinds, ...(await servedKinds(group, applying, signal))]);
    const context = { ...applying.context, kinds };

    const results = await concurrently(group, parallelRequests, async (change) => {
      await applying.keepClaim();
      return write(change, applying.destination, context, signal);
    });
    const answers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    objects.push(...answers.flatMap((answer) => ('object' in answer ? [answer.object] : [])));
    const refused = answers.flatMap((answer) => ('problem' in answer ? [answer.problem] : []));
    if (refused.length > 0) return { objects, refused, superseded: false };

    const thrown = results.find((result) => result.status === 'rejected');
    if (thrown !== undefined) throw thrown.reason;
    if (group[0]?.desired.id.kind === 'CustomResourceDefinition') await awaitEstablished(group, applying.destination, kinds, signal);
  }
  return { objects, refused: [], superseded: false };
}

type Answer = { readonly object: LiveObject } | { readonly problem: Problem };

async function write(change: Write, destination: Destination, context: DryRunContext, signal: AbortSignal): Promise<Answer> {
  const { desired } = change;
  if (change.type === 'deferred') {
    const now = await dryRunOne({ desired, cause: 'revision' }, destination, { ...context, coming: nothingComing }, signal);
    if ('problem' in now) return now;
    if (now.change.type === 'deferred' && now.change.why !== 'an admission webhook refuses dry-runs')
      return { problem: { at: placeOf(desired, context), message: `cannot be applied yet: ${now.change.why}` } };
    return write(
      now.change.type === 'unchanged' || now.change.type === 'deferred'
        ? { type: 'create', desired, fieldSet: unknownFieldSet, cause: 'revision' }
        : now.change,
      destination,
      context,
      signal,
    );
  }
  const kind = context.kinds.get(groupKindText(desired.id));
  if (kind === undefined)
    return {
      problem: {
        at: placeOf(desired, context),
        message: `the cluster does not serve ${groupKindText(desired.id)} any more: install its CustomResourceDefinition again, or take the object out`,
      },
    };
  try {
    if (change.type === 'update' && change.absorb !== undefined) await destination.writeManagedFields(kind, change.live, change.absorb, signal);
    const { object } = await destination.apply(kind, withApplied(desired, change.fieldSet), signal);
    const entry = applyEntry(object.metadata);
    if (change.fieldSet !== unknownFieldSet || entry === undefined) return { object };
    // No dry-run could tell the field set beforehand; now the object itself does.
    return { object: (await destination.apply(kind, withApplied(desired, fieldSetHash(entry)), signal)).object };
  } catch (error) {
    if (!isPortError(error, 'INVALID', 'FORBIDDEN', 'NOT_FOUND')) throw error;
    return { problem: { at: placeOf(desired, context), message: error.message } };
  }
}

/** A definition's instances can be written once the API server serves it, which takes it a moment. */
async function awaitEstablished(group: readonly Write[], destination: Destination, kinds: ReadonlyMap<string, ServedKind>, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(establishWithinMs)]);
  for (const { desired } of group) {
    const kind = kinds.get(groupKindText(desired.id));
    while (kind !== undefined && !deadline.aborted) {
      const object = await destination.read(kind, desired.id, signal);
      if (object !== undefined && objectHealth(object)?.health === 'Healthy') break;
      await pause(50, undefined, { signal });
    }
  }
}

/** Discovery finds a definition's kind a moment after the definition is established: what this sync defines is asked for until it is there. */
async function servedKinds(
  group: readonly Write[],
  { destination, context, keepClaim }: Applying,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ServedKind>> {
  const wanted = group.map(({ desired }) => desired.id);
  const isDefinedHere = wanted.some((id) => context.coming.kinds.has(groupKindText(id)));
  const deadline = AbortSignal.timeout(establishWithinMs);
  for (;;) {
    const served = await destination.kinds(wanted, signal);
    if (!isDefinedHere || deadline.aborted || wanted.every((id) => served.has(groupKindText(id)))) return served;
    await keepClaim();
    await pause(100, undefined, { signal });
  }
}

/** Removes members one group after the other; what changed since it was seen stays and is looked at again. */
export async function pruneGroups(
  groups: readonly (readonly Live[])[],
  kinds: ReadonlyMap<string, ServedKind>,
  applying: Pick<Applying, 'destination' | 'keepClaim'>,
  signal: AbortSignal,
): Promise<Written> {
  const refused: Problem[] = [];
  for (const group of groups) {
    signal.throwIfAborted();
    const results = await concurrently(group, parallelRequests, async (live) => {
      await applying.keepClaim();
      const kind = kinds.get(groupKindText(live.id));
      if (kind !== undefined) await applying.destination.remove(kind, live, signal);
    });
    results.forEach((result, index) => {
      const live = group[index];
      if (result.status === 'fulfilled' || live === undefined) return;
      if (!isPortError(result.reason, 'INVALID', 'FORBIDDEN')) throw result.reason;
      refused.push({ at: describeId(live.id), message: `cannot be pruned: ${result.reason.message}` });
    });
    if (refused.length > 0) break;
  }
  return { objects: [], refused, superseded: false };
}
