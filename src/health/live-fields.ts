import { at } from '../model/json.ts';

// A status is written by controllers we do not know: every field may be missing or of another type.

const longestMessage = 300;

/** A whole number at the path; 0 when it is missing, as the API server leaves out counters that are zero. */
export function countAt(object: unknown, ...path: readonly (string | number)[]): number {
  return optionalCountAt(object, ...path) ?? 0;
}

export function optionalCountAt(object: unknown, ...path: readonly (string | number)[]): number | undefined {
  const value = at(object, ...path);
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The text at the path; empty when it is missing. */
export function textAt(object: unknown, ...path: readonly (string | number)[]): string {
  const value = at(object, ...path);
  return typeof value === 'string' ? value : '';
}

export function listAt(object: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const value = at(object, ...path);
  return Array.isArray(value) ? value : [];
}

/** Milliseconds since 1970 of the RFC 3339 time at the path. */
export function timeMsAt(object: unknown, ...path: readonly (string | number)[]): number | undefined {
  const timeMs = Date.parse(textAt(object, ...path));
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** Somebody else's message as one line of at most 300 characters. */
export function shortMessage(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= longestMessage ? line : `${line.slice(0, longestMessage - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

export type Condition = {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionMs: number | undefined;
};

/** The first condition of the type in `status.conditions`. */
export function conditionOf(object: unknown, type: string): Condition | undefined {
  const condition = listAt(object, 'status', 'conditions').find((candidate) => at(candidate, 'type') === type);
  if (condition === undefined) return undefined;
  return {
    status: textAt(condition, 'status'),
    reason: textAt(condition, 'reason'),
    message: shortMessage(textAt(condition, 'message')),
    lastTransitionMs: timeMsAt(condition, 'lastTransitionTime'),
  };
}

/** The condition of the type when its status is True. */
export function trueCondition(object: unknown, type: string): Condition | undefined {
  const condition = conditionOf(object, type);
  return condition?.status === 'True' ? condition : undefined;
}

/** `before: message`, without the colon when there is no message; the reason stands in for a missing message. */
export const withReason = (before: string, { reason, message }: { readonly reason: string; readonly message: string }): string =>
  [before, message || reason].filter((part) => part !== '').join(': ');

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
