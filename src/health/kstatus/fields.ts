import { at, isJsonObject } from '../../model/json.ts';

// kstatus reads the status of any kind, and refuses some forms of it where others would guess; we answer Unknown in exactly those cases.

/** What stands at a path; `refused` when something on the way is neither an object nor missing. */
export type Field = { readonly found: unknown } | 'missing' | 'refused';

/** Null on the way counts as missing, null at the end as found. */
export function fieldAt(object: unknown, ...path: readonly string[]): Field {
  let inner = object;
  for (const key of path) {
    if (inner === null || inner === undefined) return 'missing';
    if (!isJsonObject(inner)) return 'refused';
    if (!Object.hasOwn(inner, key) || inner[key] === undefined) return 'missing';
    inner = inner[key];
  }
  return { found: inner };
}

/** The whole number at the path, or the default when there is none: kstatus never refuses an object for one of its counters. */
export function numberAt<Default>(object: unknown, path: readonly string[], byDefault: Default): number | Default {
  return wholeNumber(at(object, ...path)) ?? byDefault;
}

export function wholeNumber(value: unknown): number | undefined {
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' && Number.isInteger(value) ? value : undefined;
}

export function textOr(object: unknown, path: readonly string[], byDefault: string): string {
  const value = at(object, ...path);
  return typeof value === 'string' ? value : byDefault;
}

export type Condition = { readonly type: string; readonly status: string; readonly reason: string; readonly message: string };

/** `status.conditions`; undefined when it is not a list of objects whose fields are texts. */
export function conditionsOf(object: unknown): readonly Condition[] | undefined {
  const field = fieldAt(object, 'status', 'conditions');
  if (field === 'missing') return [];
  if (field === 'refused') return undefined;
  if (field.found === null) return [];
  if (!Array.isArray(field.found)) return undefined;
  const conditions = field.found.map(conditionOf);
  return conditions.every((condition) => condition !== undefined) ? conditions : undefined;
}

function conditionOf(value: unknown): Condition | undefined {
  if (value !== null && !isJsonObject(value)) return undefined;
  const [type, status, reason, message] = ['type', 'status', 'reason', 'message'].map((key) => value?.[key] ?? '');
  if (typeof type !== 'string' || typeof status !== 'string' || typeof reason !== 'string' || typeof message !== 'string') return undefined;
  return { type, status, reason, message };
}

export const hasCondition = (conditions: readonly Condition[], type: string, status: string): boolean =>
  conditions.some((condition) => condition.type === type && condition.status === status);
