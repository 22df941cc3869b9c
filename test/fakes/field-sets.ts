import { canonicalJson, isJsonObject, type Json, type JsonObject } from '../../src/model/json.ts';

/** Fields as managedFields writes them: `{"f:spec": {"f:replicas": {}}}`. Unlike the API server's, a list is one field. */
export type FieldSet = JsonObject;

const isMap = (value: Json | undefined): value is JsonObject => isJsonObject(value) && Object.keys(value).length > 0;

export function fieldSet(value: JsonObject): FieldSet {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === undefined ? [] : [[`f:${key}`, isMap(inner) ? fieldSet(inner) : {}] as const])),
  );
}

/** Fields of `after` that `before` has not, or has with another value. */
export function changedFields(before: JsonObject, after: JsonObject): FieldSet {
  return Object.fromEntries(
    Object.entries(after).flatMap(([key, value]) => {
      const old = before[key];
      if (value === undefined || canonicalJson(old) === canonicalJson(value)) return [];
      if (!isMap(value)) return [[`f:${key}`, {}] as const];
      const inner = changedFields(isMap(old) ? old : {}, value);
      return Object.keys(inner).length === 0 ? [] : [[`f:${key}`, inner] as const];
    }),
  );
}

/** Fields of `before` that are not in `after`. */
export function removedFields(before: JsonObject, after: JsonObject): FieldSet {
  return Object.fromEntries(
    Object.entries(before).flatMap(([key, value]) => {
      const now = after[key];
      if (now === undefined) return [[`f:${key}`, isMap(value) ? fieldSet(value) : {}] as const];
      if (!isMap(value) || !isJsonObject(now)) return [];
      const inner = removedFields(value, now);
      return Object.keys(inner).length === 0 ? [] : [[`f:${key}`, inner] as const];
    }),
  );
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const merged: Record<string, Json | undefined> = { ...a };
  for (const [key, inner] of Object.entries(b)) {
    const known = merged[key];
    merged[key] = isJsonObject(known) && isJsonObject(inner) ? union(known, inner) : inner;
  }
  return merged;
}

export function subtract(a: FieldSet, b: FieldSet): FieldSet {
  return Object.fromEntries(
    Object.entries(a).flatMap(([key, inner]) => {
      const other = b[key];
      if (other === undefined) return [[key, inner] as const];
      if (!isMap(inner) || !isMap(other)) return [];
      const rest = subtract(inner, other);
      return Object.keys(rest).length === 0 ? [] : [[key, rest] as const];
    }),
  );
}

/** The object without these fields. */
export function without(value: JsonObject, fields: FieldSet): JsonObject {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      const taken = fields[`f:${key}`];
      if (taken === undefined) return [[key, inner] as const];
      if (!isMap(taken) || !isJsonObject(inner)) return [];
      return [[key, without(inner, taken)] as const];
    }),
  );
}

/** `over` laid on `base`: maps are merged, everything else is replaced. */
export function overlay(base: JsonObject, over: JsonObject): JsonObject {
  const merged: Record<string, Json | undefined> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const known = merged[key];
    if (value !== undefined) merged[key] = isMap(value) && isJsonObject(known) ? overlay(known, value) : value;
  }
  return merged;
}
