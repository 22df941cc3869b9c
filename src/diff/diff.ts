import type { LiveMetadata, ManagedFieldsEntry, ResourceId } from '../model/manifest.ts';
import { resourceKey } from '../model/manifest.ts';
import type { Desired } from './desired.ts';
import { absorbAdditions, hasAdditions } from './drift.ts';
import { appliedAnnotation, applyEntry, fieldSetHash, isMember, type Owner } from './ownership.ts';

export type Live = { readonly id: ResourceId; readonly metadata: LiveMetadata };

/** What is to be done about one object. `cause` tells a new revision from a change that somebody made on the cluster. */
export type Change =
  | { readonly type: 'unchanged'; readonly desired: Desired; readonly live: Live }
  | { readonly type: 'create'; readonly desired: Desired; readonly fieldSet: string; readonly cause: Cause }
  | {
      readonly type: 'update';
      readonly desired: Desired;
      readonly live: Live;
      readonly fieldSet: string;
      readonly cause: Cause;
      readonly absorb?: readonly ManagedFieldsEntry[];
    }
  | { readonly type: 'deferred'; readonly desired: Desired; readonly why: string };

export type Cause = 'revision' | 'drift';

/** Stands where no dry-run could tell the field set. */
export const unknownFieldSet = 'unknown';

/** What metadata alone can tell: the rest has to be dry-run. */
export type Comparison = {
  readonly proven: readonly { readonly desired: Desired; readonly live: Live }[];
  readonly unproven: readonly { readonly desired: Desired; readonly live?: Live; readonly cause: Cause }[];
  /** Members that are no longer rendered. */
  readonly orphans: readonly Live[];
};

/**
 * Compares desired objects with the metadata of what is there. An object is proven in sync when its annotation names the desired digest,
 * our Apply entry still has the field set that was recorded, and nobody whose changes are undone owns fields beside ours.
 *
 * @param options.everything  prove nothing: a full dry-run is due
 * @param options.applied     this render was applied in full before: what is missing now was removed by somebody else
 */
export function compare(
  desired: readonly Desired[],
  live: readonly Live[],
  owner: Owner,
  options: { readonly everything: boolean; readonly applied: boolean },
): Comparison {
  const members = new Map(live.filter(({ metadata }) => isMember(metadata, owner)).map((member) => [resourceKey(member.id), member]));
  const wanted = new Set(desired.map(({ id }) => resourceKey(id)));

  const paired = desired.map((each) => ({ desired: each, live: members.get(resourceKey(each.id)) }));
  const isProven = (pair: { desired: Desired; live: Live | undefined }): pair is { desired: Desired; live: Live } =>
    pair.live !== undefined && !options.everything && inSync(pair.desired, pair.live.metadata);

  return {
    proven: paired.filter(isProven),
    unproven: paired
      .filter((pair) => !isProven(pair))
      .map(({ desired: each, live: member }) => ({
        desired: each,
        ...(member === undefined ? {} : { live: member }),
        cause: causeOf(each, member, options.applied),
      })),
    orphans: [...members].filter(([key, member]) => !wanted.has(key) && member.metadata.deletionTimestamp === undefined).map(([, member]) => member),
  };
}

/** The change that a dry-run's answer amounts to. */
export function changeOf(desired: Desired, live: Live | undefined, cause: Cause, answered: LiveMetadata): Change {
  const entry = applyEntry(answered);
  const fieldSet = entry === undefined ? unknownFieldSet : fieldSetHash(entry);
  if (live === undefined) return { type: 'create', desired, fieldSet, cause };

  const absorb = absorbAdditions(live.metadata);
  if (absorb === undefined && live.metadata.annotations?.[appliedAnnotation] === `${desired.digest}.${fieldSet}` && inSync(desired, live.metadata)) {
    return { type: 'unchanged', desired, live };
  }
  return { type: 'update', desired, live, fieldSet, cause, ...(absorb === undefined ? {} : { absorb }) };
}

/** An object that is being deleted counts as it stands: writing it again would not keep it, and once it is gone it is missing. */
function inSync(desired: Desired, metadata: LiveMetadata): boolean {
  const entry = applyEntry(metadata);
  if (entry === undefined || entry.apiVersion !== desired.manifest.apiVersion) return false;
  return metadata.annotations?.[appliedAnnotation] === `${desired.digest}.${fieldSetHash(entry)}` && !hasAdditions(metadata);
}

/** The object's own annotation tells which digest was last applied: the same one means that somebody else changed the object. */
function causeOf(desired: Desired, live: Live | undefined, applied: boolean): Cause {
  if (live === undefined) return applied ? 'drift' : 'revision';
  return live.metadata.annotations?.[appliedAnnotation]?.split('.')[0] === desired.digest ? 'drift' : 'revision';
}
