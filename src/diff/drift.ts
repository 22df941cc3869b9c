import { isJsonObject, type Json, type JsonObject } from '../model/json.ts';
import type { LiveMetadata, ManagedFieldsEntry } from '../model/manifest.ts';
import { applyEntry } from './ownership.ts';

/** Field managers of people at a keyboard: what they add is drift. What other controllers add is not. */
const isUndone = (entry: ManagedFieldsEntry): boolean =>
  entry.subresource !== 'status' && (/^kubectl(-|$)/.test(entry.manager ?? '') || entry.manager === 'before-first-apply');

/** Whether somebody whose changes are undone owns fields that are not ours. */
export function hasAdditions(metadata: LiveMetadata): boolean {
  const ours = applyEntry(metadata)?.fieldsV1;
  return (metadata.managedFields ?? []).some((entry) => isUndone(entry) && ownsBeside(entry.fieldsV1, ours));
}

/**
 * managedFields in which our Apply entry has taken over every field of the managers that are undone, so that the next apply, which does
 * not name those fields, removes them. Undefined when there is nothing to take over.
 */
export function absorbAdditions(metadata: LiveMetadata): readonly ManagedFieldsEntry[] | undefined {
  const ours = applyEntry(metadata);
  if (ours === undefined || !hasAdditions(metadata)) return undefined;

  const all = metadata.managedFields ?? [];
  const absorbed = all.filter(isUndone).reduce<JsonObject>((fields, entry) => union(fields, entry.fieldsV1 ?? {}), ours.fieldsV1 ?? {});
  return all.filter((entry) => !isUndone(entry)).map((entry) => (entry === ours ? { ...ours, fieldsV1: absorbed } : entry));
}

function ownsBeside(theirs: JsonObject | undefined, ours: JsonObject | undefined): boolean {
  return Object.entries(theirs ?? {}).some(([key, inner]) => {
    const same = ours?.[key];
    if (same === undefined) return key !== '.';
    return isJsonObject(inner) && ownsBeside(inner, isJsonObject(same) ? same : undefined);
  });
}

function union(a: JsonObject, b: JsonObject): JsonObject {
  const merged: Record<string, Json | undefined> = { ...a };
  for (const [key, inner] of Object.entries(b)) {
    const known = merged[key];
    merged[key] = isJsonObject(known) && isJsonObject(inner) ? union(known, inner) : inner;
  }
  return merged;
}
