import type { Static } from 'typebox';
import type { PortErrorCode } from '../model/port-error.ts';
import type { AnyReason } from '../resources/reasons.ts';
import type { condition } from '../resources/schema.ts';

export type Condition = Static<typeof condition>;
export type ConditionNow<Reason extends AnyReason = AnyReason> = {
  readonly type: 'Ready' | 'Reconciling' | 'Stalled';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
};

/** The reason word of a condition for a failure of the outside world. */
export const reasonOfCode = {
  UNREACHABLE: 'Unreachable',
  TIMEOUT: 'Timeout',
  CONFLICT: 'Conflict',
  UNAUTHORIZED: 'Unauthorized',
  FORBIDDEN: 'Forbidden',
  NOT_FOUND: 'NotFound',
  INVALID: 'Invalid',
} as const satisfies Readonly<Record<PortErrorCode, AnyReason>>;

const longestMessage = 2000;

/** The three conditions that kstatus and kubectl wait read, each with the time of its last change kept. */
export function conditionsOf(now: readonly ConditionNow[], before: readonly Condition[], generation: number, at: Date): Condition[] {
  return now.map((condition) => {
    const known = before.find(({ type }) => type === condition.type);
    const lastTransitionTime = known?.status === condition.status ? known.lastTransitionTime : at.toISOString();
    return { ...condition, message: shortened(condition.message), lastTransitionTime, observedGeneration: generation };
  });
}

export const ready = <Reason extends AnyReason>(reason: Reason, message: string): ConditionNow<Reason>[] => [
  { type: 'Ready', status: 'True', reason, message },
  { type: 'Reconciling', status: 'False', reason, message: '' },
  { type: 'Stalled', status: 'False', reason, message: '' },
];

export const reconciling = <Reason extends AnyReason>(reason: Reason, message: string): ConditionNow<Reason>[] => [
  { type: 'Ready', status: 'Unknown', reason, message },
  { type: 'Reconciling', status: 'True', reason, message },
  { type: 'Stalled', status: 'False', reason, message: '' },
];

/** Something is wrong and is tried again by itself. */
export const failing = <Reason extends AnyReason>(reason: Reason, message: string): ConditionNow<Reason>[] => [
  { type: 'Ready', status: 'False', reason, message },
  { type: 'Reconciling', status: 'True', reason, message: 'tried again by itself' },
  { type: 'Stalled', status: 'False', reason, message: '' },
];

/** Nothing is wrong and nothing will be done: the sync policy says so. */
export const held = <Reason extends AnyReason>(reason: Reason, message: string): ConditionNow<Reason>[] => [
  { type: 'Ready', status: 'False', reason, message },
  { type: 'Reconciling', status: 'False', reason, message: '' },
  { type: 'Stalled', status: 'False', reason, message: '' },
];

/** A person has to change something. */
export const stalled = <Reason extends AnyReason>(reason: Reason, message: string): ConditionNow<Reason>[] => [
  { type: 'Ready', status: 'False', reason, message },
  { type: 'Reconciling', status: 'False', reason, message: '' },
  { type: 'Stalled', status: 'True', reason, message },
];

export const shortened = (text: string, most = longestMessage): string => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
