import { createHash } from 'node:crypto';

export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json | undefined };

export const isJsonObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON with sorted keys, so that equal values have equal texts. Integers beyond 2^53 (bigint) keep all their digits. */
export function canonicalJson(value: Json | undefined): string {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  if (isJsonObject(value)) {
    const fields = Object.keys(value)
      .filter((key) => value[key] !== undefined)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
    return `{${fields.join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}

/** JSON for another program, keys as they come. The engine's own writer is several times faster; it refuses a bigint. */
export function jsonText(value: Json): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return canonicalJson(value);
  }
}

/** The first 40 hex digits of the SHA-256: short enough for a label, long enough never to collide. */
export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 40);

export const digestOfJson = (value: Json | undefined): string => digestOf(canonicalJson(value));

/** Reads a field deep inside an unknown object; anything missing or of another type on the way is undefined. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string | number, unknown>)[key] : undefined),
    value,
  );
}
