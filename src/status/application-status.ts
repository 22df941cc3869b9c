import type { Health } from '../health/health.ts';
import { describeProblems } from '../model/parsed.ts';
import type { Application, ApplicationStatus } from '../resources/application.ts';
import type { SyncOutcome, SyncResult } from '../sync/outcome.ts';
import { type ConditionNow, conditionsOf, failing, ready, reconciling, shortened, stalled } from './conditions.ts';

export type StatusAndNext = { readonly status: ApplicationStatus; readonly lookAgainInMs: number };

type SyncStatus = NonNullable<ApplicationStatus['sync']>;
type HealthStatus = NonNullable<ApplicationStatus['health']>;

/** How often an Application is looked at without any event: a watch can be lost without a word. */
const resyncMs = 600_000;
const whileUnsettledMs = 30_000;
const historyLength = 5;

/**
 * What stands in an Application's status after a run, and when it is looked at again.
 * A failed run keeps what was known before: revision, digest and health speak of what is live, not of what could not be done.
 */
export function applicationStatus(outcome: SyncOutcome, now: Date): StatusAndNext {
  const { application, result } = outcome;
  const { claim: _released, ...before } = application.status ?? { conditions: [], unsettled: [], history: [] };
  const isNew = outcome.wanted !== undefined && (outcome.wanted.commit !== before.commit || (outcome.digest ?? before.digest) !== before.digest);
  const health = healthNow(outcome, before.health, application.spec.healthDeadlineSeconds * 1000, now);
  const sync = syncNow(outcome, before.sync, isNew, health, now);

  const status: ApplicationStatus = {
    ...before,
    observedGeneration: application.metadata.generation,
    conditions: conditionsOf(conditionNow(outcome, sync, health), before.conditions, application.metadata.generation, now),
    ...(outcome.wanted === undefined ? {} : { revision: outcome.wanted.revision, commit: outcome.wanted.commit }),
    ...(outcome.inputs === undefined ? {} : { inputs: outcome.inputs }),
    ...(outcome.digest === undefined ? {} : { digest: outcome.digest }),
    phase: outcome.phase,
    sync,
    ...(health === undefined ? {} : { health }),
    unsettled: unique(outcome.unsettled).slice(0, 20),
    ...(outcome.objects === undefined ? {} : { objects: { ...outcome.objects, deferred: [...outcome.objects.deferred], withheld: [...outcome.objects.withheld] } }),
    history: historyNow(before, sync, isNew, now),
    ...(outcome.everythingDryRun || before.fullDryRunAt === undefined ? { fullDryRunAt: now.toISOString() } : {}),
  };
  return { status, lookAgainInMs: Math.min(nextLookMs(application, result, sync, health, now), outcome.lookAgainInMs ?? resyncMs) };
}

/** Whether two statuses say the same; when not, the new one has to be written. */
export function healthNow(outcome: SyncOutcome, before: HealthStatus | undefined, deadlineMs: number, now: Date): HealthStatus | undefined {
  if (outcome.health === undefined) return before;
  const wasProgressing = before?.progressingSince;
  const progressingSince = outcome.health.health === 'Progressing' ? (wasProgressing ?? now.toISOString()) : undefined;
  const judged = afterDeadline(outcome.health, progressingSince, deadlineMs, now);
  return {
    health: judged.health,
    message: shortened(judged.message, 1000),
    since: before?.health === judged.health ? before.since : now.toISOString(),
    ...(progressingSince === undefined ? {} : { progressingSince }),
  };
}

/** What cannot be said to succeed for too long counts as failed: nothing waits for ever. */
function afterDeadline(health: Health, progressingSince: string | undefined, deadlineMs: number, now: Date): Health {
  if (progressingSince === undefined || now.getTime() - Date.parse(progressingSince) < deadlineMs) return health;
  return { health: 'Degraded', message: `not healthy within ${deadlineMs / 1000} s: ${health.message}` };
}

function syncNow(outcome: SyncOutcome, previous: SyncStatus | undefined, isNew: boolean, health: HealthStatus | undefined, now: Date): SyncStatus {
  const at = now.toISOString();
  const before: SyncStatus = isNew || previous === undefined ? { state: 'Unknown', startedAt: at, failures: 0, message: '' } : previous;
  const { result } = outcome;
  const timedOut = overdue(outcome, before, now);
  switch (result.is) {
    case 'refused':
      return { ...before, state: 'Failed', failures: before.failures + 1, message: shortened(describeProblems(result.problems)) };
    case 'failed':
      return { ...before, state: previous?.state === 'Synced' && !isNew ? 'Unknown' : 'Failed', failures: before.failures + 1, message: shortened(result.error.message) };
    case 'waiting':
      return { ...before, message: result.message };
    case 'out-of-sync':
      return { ...before, state: 'OutOfSync', failures: 0, message: result.message };
    case 'applied':
      return { ...before, state: result.remaining === 0 ? 'Synced' : 'Syncing', failures: 0, message: result.message, ...(result.remaining === 0 ? { appliedAt: before.appliedAt ?? at } : {}) };
    case 'awaiting-health':
      if (result.wave !== undefined) return timedOut ?? { ...before, state: 'Syncing', wave: result.wave, failures: 0, message: result.message };
      return { ...before, state: 'Synced', failures: 0, message: result.message, appliedAt: before.appliedAt ?? at };
    case 'wave-failed':
      return { ...before, state: 'Failed', wave: result.wave, failures: before.failures + 1, message: result.message };
    case 'pruned':
      return { ...before, state: 'Synced', failures: 0, message: `${result.count} objects pruned`, appliedAt: before.appliedAt ?? at };
    case 'done':
      return { ...before, state: 'Synced', failures: 0, message: '', appliedAt: before.appliedAt ?? at, ...(health?.health === 'Healthy' ? { healthyAt: before.healthyAt ?? at } : {}) };
    default:
      return result satisfies never;
  }
}

function overdue({ application, result }: SyncOutcome, sync: SyncStatus, now: Date): SyncStatus | undefined {
  const { timeoutSeconds } = application.spec.sync;
  if (sync.startedAt === undefined || now.getTime() - Date.parse(sync.startedAt) < timeoutSeconds * 1000) return undefined;
  const waitedFor = 'message' in result ? result.message : '';
  return { ...sync, state: 'Failed', message: `not applied in full within ${timeoutSeconds} s: ${waitedFor}` };
}

function conditionNow({ result }: SyncOutcome, sync: SyncStatus, health: HealthStatus | undefined): ConditionNow[] {
  switch (result.is) {
    case 'refused':
      return stalled('Refused', sync.message);
    case 'failed':
      return failing(reasonOfCode[result.error.code], sync.message);
    case 'wave-failed':
      return failing('WaveFailed', sync.message);
    case 'out-of-sync':
      return failing('OutOfSync', sync.message);
    case 'waiting':
      return reconciling('Waiting', result.message);
    default:
      if (sync.state === 'Failed') return failing('TimedOut', sync.message);
      return fromHealth(sync, health);
  }
}

const reasonOfCode = {
  UNREACHABLE: 'Unreachable',
  TIMEOUT: 'Timeout',
  CONFLICT: 'Conflict',
  UNAUTHORIZED: 'Unauthorized',
  FORBIDDEN: 'Forbidden',
  NOT_FOUND: 'NotFound',
  INVALID: 'Invalid',
} as const;

function fromHealth(sync: SyncStatus, health: HealthStatus | undefined): ConditionNow[] {
  if (sync.state === 'Syncing') return reconciling('Syncing', sync.message);
  switch (health?.health) {
    case 'Healthy':
      return ready('Synced', 'synced and healthy');
    case 'Suspended':
      return ready('Suspended', health.message);
    case 'Degraded':
    case 'Unknown':
      return failing(health.health, health.message);
    default:
      return reconciling('Progressing', health?.message ?? sync.message);
  }
}

/** A revision's entry is written when it is over: done, or overtaken by the next. */
function historyNow(before: Omit<ApplicationStatus, 'claim'>, sync: SyncStatus, isNew: boolean, now: Date): ApplicationStatus['history'] {
  const last = before.sync;
  if (!isNew || before.revision === undefined || before.commit === undefined || before.digest === undefined || last?.startedAt === undefined) return before.history;
  const result = last.healthyAt !== undefined ? 'Synced' : last.state === 'Failed' ? 'Failed' : 'Superseded';
  const entry = {
    revision: before.revision,
    commit: before.commit,
    digest: before.digest,
    startedAt: last.startedAt,
    finishedAt: last.healthyAt ?? sync.startedAt ?? now.toISOString(),
    result,
    message: shortened(last.message, 500),
  } as const;
  return [entry, ...before.history].slice(0, historyLength);
}

function nextLookMs(application: Application, result: SyncResult, sync: SyncStatus, health: HealthStatus | undefined, now: Date): number {
  const { initialSeconds, maxSeconds } = application.spec.sync.retry;
  const retryMs = Math.min(maxSeconds, initialSeconds * 2 ** Math.min(20, Math.max(0, sync.failures - 1))) * 1000;
  switch (result.is) {
    case 'refused':
    case 'wave-failed':
      return retryMs;
    case 'failed':
      return result.error.retryAfterMs ?? (result.error.retryable ? Math.min(retryMs, 30_000) : retryMs);
    case 'waiting':
      return result.lookAgainInMs ?? resyncMs;
    // The next step follows at once; what was just written has to be seen as the API server has it.
    case 'applied':
    case 'pruned':
      return 0;
    case 'awaiting-health': {
      const deadline = health?.progressingSince === undefined ? resyncMs : Date.parse(health.progressingSince) + application.spec.healthDeadlineSeconds * 1000 - now.getTime();
      return Math.max(1000, Math.min(whileUnsettledMs, deadline <= 0 ? resyncMs : deadline));
    }
    case 'out-of-sync':
    case 'done':
      return resyncMs;
    default:
      return result satisfies never;
  }
}

function unique(unsettled: SyncOutcome['unsettled']): { namespace: string; selector: string }[] {
  return [...new Map(unsettled.map((each) => [`${each.namespace} ${each.selector}`, { ...each }])).values()];
}
