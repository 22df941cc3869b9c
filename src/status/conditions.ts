import type { Static } from 'typebox';
import type { PortErrorCode } from '../model/port-error.ts';
import type { condition } from '../resources/schema.ts';

export type Condition = Static<typeof condition>;
export type ConditionNow = {
  readonly type: 'Ready' | 'Reconciling' | 'Stalled';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
};

/** The reason word of a condition for a failure of the outside world. */
export const reasonOfCode: Readonly<Record<PortErrorCode, string>> = {
  UNREACHABLE: 'Unreachable',
  TIMEOUT: 'Timeout',
  CONFLICT: 'Conflict',
  UNAUTHORIZED: 'Unauthorized',
  FORBIDDEN: 'Forbidden',
  NOT_FOUND: 'NotFound',
  INVALID: 'Invalid',
};

const longestMessage = 2000;

/** The three conditions that kstatus and kubectl wait read, each with the time of its last change kept. */
export function conditionsOf(now: readonly ConditionNow[], before: readonly Condition[], generation: number, at: Date): Condition[] {
  return now.map((condition) => {
    const known = before.find(({ type }) => type === condition.type);
    const lastTransitionTime = known?.status === condition.status ? known.lastTransitionTime : at.toISOString();
    return { ...condition, message: shortened(condition.message), lastTransitionTime, observedGeneration: generation };
  });
}

export const ready = (reason: string, message: string): ConditionNow[] => [
  { type: 'Ready', status: 'True', reason, message },
  { type: 'Reconciling', status: 'False', reason, message: '' },
  { type: 'Stalled', status: 'False', reason, message: '' },
];

export const reconciling = (reason: string, message: string): ConditionNow[] => [
  { type: 'Ready', status: 'Unknown', reason, message },
  { type: 'Reconciling', status: 'True', reason, message },
  { type: 'Stalled', status: 'False', reason, message: '' },
];

/** Something is wrong and is tried again by itself. */
export const failing = (reason: string, message: string): ConditionNow[] => [
  { type: 'Ready', status: 'False', reason, message },
  { type: 'Reconciling', status: 'True', reason, message: 'tried again by itself' },
  { type: 'Stalled', status: 'False', reason, message: '' },
];

/** Nothing is wrong and nothing will be done: the sync policy says so. */
export const held = (reason: string, message: string): ConditionNow[] => [
  { type: 'Ready', status: 'False', reason, message },
  { type: 'Reconciling', status: 'False', reason, message: '' },
  { type: 'Stalled', status: 'False', reason, message: '' },
];

/** A person has to change something. */
export const stalled = (reason: string, message: string): ConditionNow[] => [
  { type: 'Ready', status: 'False', reason, message },
  { type: 'Reconciling', status: 'False', reason, message: '' },
  { type: 'Stalled', status: 'True', reason, message },
];

export const shortened = (text: string, most = longestMessage): string => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
