import type { Health, HealthWord } from '../health/health.ts';
import { describeProblems } from '../model/parsed.ts';
import type { Application, ApplicationStatus, Phase } from '../resources/application.ts';
import type { ReasonOf } from '../resources/reasons.ts';
import { heldByAnotherMs } from '../sync/claim.ts';
import type { SyncOutcome, SyncResult } from '../sync/outcome.ts';
import { answeredSync, syncBeganAt } from '../sync/sync-request.ts';
import { type ConditionNow, conditionsOf, failing, held, ready, reasonOfCode, reconciling, shortened, stalled } from './conditions.ts';

export type StatusAndNext = { readonly status: ApplicationStatus; readonly lookAgainInMs: number };

type SyncStatus = NonNullable<ApplicationStatus['sync']>;
type HealthStatus = NonNullable<ApplicationStatus['health']>;
type Known = Omit<ApplicationStatus, 'claim'>;

/** How often an Application is looked at without any event: a watch can be lost without a word. */
const resyncMs = 600_000;
const whileUnsettledMs = 30_000;
const historyLength = 5;

/**
 * What stands in an Application's status after a run, and when it is looked at again. While another run holds the claim nothing is said: it
 * speaks for the Application, and a write would get in its way.
 * A failed run keeps what was known of the cluster before; inputs and digest are those of the commit that stands beside them, or absent.
 */
export function applicationStatus(outcome: SyncOutcome, now: Date): StatusAndNext {
  const { application, result } = outcome;
  const { claim: _released, ...known } = application.status ?? { conditions: [], unsettled: [], history: [] };
  const heldMs = heldByAnotherMs(application, outcome.runId, now);
  if (heldMs > 0 && application.status !== undefined) return { status: application.status, lookAgainInMs: heldMs };

  const isNew = isNewAttempt(outcome, known);
  const { inputs: _inputs, digest: _digest, ...others } = known;
  const before = isNew && outcome.wanted?.commit !== known.commit ? others : known;
  const health = healthNow(outcome, known, application.spec.healthDeadlineSeconds * 1000, now);
  const sync = syncNow(outcome, known.sync, isNew, health, now);
  const answered = answeredSync(outcome, { sync, ...(health === undefined ? {} : { health }) });

  const status: ApplicationStatus = {
    ...before,
    observedGeneration: application.metadata.generation,
    conditions: conditionsOf(conditionNow(outcome, sync, health), known.conditions, application.metadata.generation, now),
    ...(outcome.wanted === undefined ? {} : { revision: outcome.wanted.revision, commit: outcome.wanted.commit }),
    ...(outcome.inputs === undefined ? {} : { inputs: outcome.inputs }),
    ...(outcome.digest === undefined ? {} : { digest: outcome.digest }),
    ...installedNow(known, outcome.inputs, sync),
    phase: outcome.phase,
    sync,
    ...(health === undefined ? {} : { health }),
    unsettled: unique(outcome.unsettled).slice(0, 20),
    ...(outcome.objects === undefined
      ? {}
      : { objects: { ...outcome.objects, deferred: lines(outcome.objects.deferred), withheld: lines(outcome.objects.withheld) } }),
    history: historyNow(known, sync, isNew, now),
    ...(outcome.everythingDryRun || known.fullDryRunAt === undefined ? { fullDryRunAt: now.toISOString() } : {}),
    ...(answered === undefined ? {} : { syncRequested: answered }),
  };
  return { status, lookAgainInMs: Math.min(nextLookMs(application, result, sync, health, now), outcome.lookAgainInMs ?? resyncMs) };
}

/** Another commit, or other objects of the same one. A digest that a run cut short did not learn is no other one. */
function isNewAttempt({ wanted, digest }: SyncOutcome, before: Known): boolean {
  if (wanted === undefined) return false;
  return wanted.commit !== before.commit || (digest !== undefined && before.digest !== undefined && digest !== before.digest);
}

/** Everything that is applied in full after the first is an upgrade, that first one again included. */
function installedNow({ installed }: Known, inputs: string | undefined, { appliedAt }: SyncStatus): Pick<ApplicationStatus, 'installed'> {
  if (appliedAt === undefined || inputs === undefined) return {};
  return { installed: installed === undefined || installed === inputs ? inputs : 'replaced' };
}

/** The deadline counts from when health was last settled, and anew for what renders otherwise: a fix must not inherit what its predecessor used up. */
function healthNow(outcome: SyncOutcome, { health: before, digest }: Known, deadlineMs: number, now: Date): HealthStatus | undefined {
  if (outcome.health === undefined) return before;
  const wasProgressing = outcome.digest === undefined || outcome.digest === digest ? before?.progressingSince : undefined;
  const progressingSince = cannotLast.has(outcome.health.health) ? (wasProgressing ?? now.toISOString()) : undefined;
  const judged = afterDeadline(outcome.health, progressingSince, deadlineMs, now);
  return {
    health: judged.health,
    message: shortened(judged.message, 1000),
    since: before?.health === judged.health ? before.since : now.toISOString(),
    ...(progressingSince === undefined ? {} : { progressingSince }),
  };
}

const cannotLast: ReadonlySet<HealthWord> = new Set(['Progressing', 'Unknown']);

/** What cannot be said to succeed for too long counts as failed: nothing waits for ever. */
function afterDeadline(health: Health, progressingSince: string | undefined, deadlineMs: number, now: Date): Health {
  if (progressingSince === undefined || now.getTime() - Date.parse(progressingSince) < deadlineMs) return health;
  return { health: 'Degraded', message: `not healthy within ${deadlineMs / 1000} s: ${health.message}` };
}

function syncNow(outcome: SyncOutcome, previous: SyncStatus | undefined, isNew: boolean, health: HealthStatus | undefined, now: Date): SyncStatus {
  const at = now.toISOString();
  const { result } = outcome;
  const { wave: _passed, ...known }: SyncStatus = isNew || previous === undefined ? { state: 'Unknown', failures: 0, message: '' } : previous;
  if (result.is === 'waiting' || result.is === 'blocked') return { ...known, message: shortened(result.message) };
  if (result.is === 'out-of-sync') return outOfSync(known, result.message);

  const before: SyncStatus = {
    ...known,
    startedAt: known.appliedAt === undefined ? syncBeganAt(outcome.application, known.startedAt, now) : (known.startedAt ?? at),
  };
  const inFull = { failures: 0, appliedAt: before.appliedAt ?? at };
  switch (result.is) {
    case 'refused':
      return { ...before, state: 'Failed', failures: before.failures + 1, message: shortened(describeProblems(result.problems)) };
    case 'failed':
      // What was applied in full is still there as far as anybody knows.
      return {
        ...before,
        state: before.appliedAt === undefined ? 'Failed' : 'Unknown',
        failures: before.failures + 1,
        message: shortened(result.error.message),
      };
    case 'applied':
      if (result.remaining > 0) return { ...before, state: 'Syncing', failures: 0, message: shortened(result.message) };
      return { ...before, ...inFull, state: 'Synced', message: shortened(result.message) };
    case 'awaiting-health':
      if (result.wave === undefined) return { ...before, ...inFull, state: 'Synced', message: shortened(result.message) };
      return (
        overdue(outcome, before, result.message, now) ?? { ...before, state: 'Syncing', wave: result.wave, failures: 0, message: shortened(result.message) }
      );
    case 'wave-failed':
      return { ...before, state: 'Failed', wave: result.wave, failures: before.failures + 1, message: shortened(result.message) };
    case 'pruned':
      return { ...before, ...inFull, state: 'Synced', message: `${result.count} objects pruned` };
    case 'done':
      return { ...before, ...inFull, state: 'Synced', message: '', ...(health?.health === 'Healthy' ? { healthyAt: before.healthyAt ?? at } : {}) };
    default:
      return result satisfies never;
  }
}

/** What nobody tries takes no time: the timeout of a revision that is held back begins when it is let go. */
function outOfSync({ startedAt, ...known }: SyncStatus, message: string): SyncStatus {
  const kept = known.appliedAt === undefined || startedAt === undefined ? {} : { startedAt };
  return { ...known, ...kept, state: 'OutOfSync', failures: 0, message: shortened(message) };
}

function overdue({ application }: SyncOutcome, sync: SyncStatus, waitedFor: string, now: Date): SyncStatus | undefined {
  const { timeoutSeconds } = application.spec.sync;
  const waitedMs = sync.startedAt === undefined ? 0 : now.getTime() - Date.parse(sync.startedAt);
  if (sync.appliedAt !== undefined || waitedMs < timeoutSeconds * 1000) return undefined;
  return { ...sync, state: 'Failed', message: shortened(`not applied in full within ${timeoutSeconds} s: ${waitedFor}`) };
}

type Reason = ReasonOf<'Application'>;

/** What was refused says where: a run that refuses has not got to health. */
const refusedIn = {
  source: 'SpecRefused',
  render: 'RenderFailed',
  diff: 'ObjectsRefused',
  apply: 'ApplyRefused',
  health: 'ApplyRefused',
  prune: 'PruneRefused',
  done: 'PruneRefused',
} as const satisfies Readonly<Record<Phase, Reason>>;

function conditionNow({ phase, result }: SyncOutcome, sync: SyncStatus, health: HealthStatus | undefined): ConditionNow<Reason>[] {
  switch (result.is) {
    case 'refused':
      return stalled(refusedIn[phase], sync.message);
    case 'failed':
      return failing(reasonOfCode[result.error.code], sync.message);
    case 'wave-failed':
      return failing('WaveFailed', sync.message);
    case 'out-of-sync':
      return held('OutOfSync', sync.message);
    case 'waiting':
      return reconciling('Waiting', result.message);
    case 'blocked':
      return stalled('RepositoryUnreadable', result.message);
    default:
      if (sync.state === 'Failed') return failing('TimedOut', sync.message);
      return fromHealth(sync, health);
  }
}

function fromHealth(sync: SyncStatus, health: HealthStatus | undefined): ConditionNow<Reason>[] {
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
function historyNow(before: Known, sync: SyncStatus, isNew: boolean, now: Date): ApplicationStatus['history'] {
  const last = before.sync;
  if (!isNew || before.revision === undefined || before.commit === undefined || last?.startedAt === undefined) return before.history;
  const degraded = last.appliedAt !== undefined && before.health?.health === 'Degraded';
  const result = last.healthyAt !== undefined ? 'Synced' : last.state === 'Failed' || degraded ? 'Failed' : 'Superseded';
  const entry = {
    revision: before.revision,
    commit: before.commit,
    ...(before.digest === undefined ? {} : { digest: before.digest }),
    startedAt: last.startedAt,
    finishedAt: last.healthyAt ?? sync.startedAt ?? now.toISOString(),
    result,
    message: shortened((degraded ? before.health?.message : undefined) ?? last.message, 500),
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
      const deadline =
        health?.progressingSince === undefined ? resyncMs : Date.parse(health.progressingSince) + application.spec.healthDeadlineSeconds * 1000 - now.getTime();
      return Math.max(1000, Math.min(whileUnsettledMs, deadline <= 0 ? resyncMs : deadline));
    }
    // Whoever mends what it waits for nudges it.
    case 'blocked':
    case 'out-of-sync':
    case 'done':
      return resyncMs;
    default:
      return result satisfies never;
  }
}

const lines = (texts: readonly string[]): string[] => texts.map((text) => shortened(text, 500));

function unique(unsettled: SyncOutcome['unsettled']): { namespace: string; selector: string }[] {
  return [...new Map(unsettled.map((each) => [`${each.namespace} ${each.selector}`, { ...each }])).values()];
}
