import { digestOfJson } from '../model/json.ts';
import type { Admission, StageSpec, Verdict } from '../resources/pipeline.ts';
import { awaitsPush } from '../sync/wanted.ts';
import type { ApplicationView } from './view.ts';

export type Judged = { readonly admission: Admission; readonly lookAgainInMs: number | undefined };

type Soak = NonNullable<Admission['soak']>;

/** Looked at this often while a soak runs, so that a missed event costs seconds. */
const whileSoakingMs = 2_000;

/**
 * Judges the verify gates of a stage for the Release that it runs.
 * pending -> verified or failed; verified -> failed when it degrades; failed -> pending when everything is healthy again, with a soak anew.
 */
export function judgeAdmission(spec: StageSpec, admission: Admission, applications: readonly ApplicationView[], nowMs: number): Judged {
  const gates = judgeGates(spec, admission, applications, nowMs);
  const { soak: _before, ...rest } = admission;
  const kept = gates.soak === undefined ? rest : { ...rest, soak: gates.soak };

  if (gates.state === 'failing') return { admission: { ...kept, ...verdictNow(admission, 'failed', gates.reason, nowMs) }, lookAgainInMs: undefined };
  // Nothing new is said of what is verified already: a status is written when something changes.
  if (gates.state === 'passed' && admission.verdict === 'verified')
    return { admission: isSameSoak(admission.soak, gates.soak) ? admission : kept, lookAgainInMs: undefined };
  if (gates.state === 'passed') return { admission: { ...kept, ...verdictNow(admission, 'verified', gates.reason, nowMs) }, lookAgainInMs: undefined };

  // What was verified stays so while it merely moves; what failed stays failed until everything is healthy.
  if (admission.verdict === 'verified') return { admission: { ...kept, verdict: 'verified' }, lookAgainInMs: undefined };
  if (admission.verdict === 'failed' && gates.state !== 'soaking') return { admission: kept, lookAgainInMs: undefined };
  // A soak that the deadline cut short goes on: a pending anew would only meet the next deadline.
  if (admission.verdict === 'failed' && admission.soak !== undefined) return { admission: kept, lookAgainInMs: gates.lookAgainInMs };
  if (admission.verdict === 'failed') {
    const deadlineAt = iso(nowMs + spec.verify.deadlineSeconds * 1000);
    return { admission: { ...kept, ...verdictNow(admission, 'pending', gates.reason, nowMs), deadlineAt }, lookAgainInMs: gates.lookAgainInMs };
  }

  const leftMs = Date.parse(admission.deadlineAt) - nowMs;
  if (leftMs <= 0) {
    const reason = `not verified within ${spec.verify.deadlineSeconds} s: ${gates.reason}`;
    return {
      admission: { ...(gates.state === 'soaking' ? kept : rest), ...verdictNow(admission, 'failed', reason, nowMs) },
      lookAgainInMs: gates.lookAgainInMs,
    };
  }
  return { admission: { ...kept, verdict: 'pending', reason: gates.reason }, lookAgainInMs: Math.min(leftMs, gates.lookAgainInMs ?? leftMs) };
}

type Gates =
  | { readonly state: 'failing'; readonly reason: string; readonly soak?: undefined }
  | { readonly state: 'waiting'; readonly reason: string; readonly soak?: Soak; readonly lookAgainInMs?: number }
  | { readonly state: 'soaking'; readonly reason: string; readonly soak: Soak; readonly lookAgainInMs: number }
  | { readonly state: 'passed'; readonly reason: string; readonly soak: Soak };

function judgeGates(spec: StageSpec, admission: Admission, applications: readonly ApplicationView[], nowMs: number): Gates {
  const paused = pausedSoak(admission.soak, applications, nowMs);
  if (awaitsPush(spec, admission)) return { state: 'waiting', reason: 'its promotion commit is being pushed', ...paused };
  if (applications.length === 0 && !spec.verify.allowEmpty)
    return { state: 'waiting', reason: 'the stage selects no Application: label one, or set verify.allowEmpty' };

  const refused = applications.find((application) => application.current && application.refused !== undefined);
  if (refused !== undefined) return { state: 'failing', reason: `${refused.name}: ${refused.refused ?? ''}` };
  const behind = applications.find((application) => !application.current || !application.synced);
  if (behind !== undefined) return { state: 'waiting', reason: `${behind.name} is being synced`, ...paused };
  const degraded = applications.find(({ health }) => health === 'Degraded');
  if (degraded !== undefined) return { state: 'failing', reason: `${degraded.name} is Degraded: ${degraded.healthMessage}` };
  const unhealthy = applications.find(({ health }) => health !== 'Healthy');
  if (unhealthy !== undefined) return { state: 'waiting', reason: `${unhealthy.name} is ${unhealthy.health}: ${unhealthy.healthMessage}` };
  const empty = spec.verify.allowEmpty ? undefined : applications.find(({ rendersNothing }) => rendersNothing);
  if (empty !== undefined) return { state: 'waiting', reason: `${empty.name} renders no object: correct its path, or set verify.allowEmpty` };

  const soak = soakNow(admission.soak, applications, nowMs);
  const wantedMs = spec.verify.soakSeconds * 1000;
  if (soak.countedMs >= wantedMs) return { state: 'passed', reason: wantedMs === 0 ? 'healthy' : `healthy for ${spec.verify.soakSeconds} s`, soak };
  const reason = `soaking: healthy for ${Math.floor(soak.countedMs / 1000)} of ${spec.verify.soakSeconds} s${isWatched(applications) ? '' : '; not counting, as a cluster is not watched now'}`;
  return { state: 'soaking', reason, soak, lookAgainInMs: Math.min(whileSoakingMs, wantedMs - soak.countedMs) };
}

/**
 * Continuous health of what the stage renders. It begins anew with other bytes and after any ill health, never runs backwards, and does not
 * count time in which nobody would have seen ill health.
 */
function soakNow(before: Soak | undefined, applications: readonly ApplicationView[], nowMs: number): Soak {
  const digest = digestOfJson(applications.map(({ name, digest: rendered }) => [name, rendered]).toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)));
  const healthySince = healthySinceOf(applications);
  const observedAt = observedNow(before, nowMs);
  if (before?.digest !== digest || before.healthySince !== healthySince) return { digest, countedMs: 0, observedAt, healthySince };

  const lastMs = Date.parse(before.observedAt);
  const watched = applications.every(({ watchedSinceMs }) => watchedSinceMs !== undefined && watchedSinceMs <= lastMs);
  return { ...before, countedMs: before.countedMs + (watched ? Math.max(0, nowMs - lastMs) : 0), observedAt };
}

const isSameSoak = (a: Soak | undefined, b: Soak): boolean => a?.digest === b.digest && a.healthySince === b.healthySince;

/** A soak goes on when the same bytes arrive in another commit. Until they are seen to be the same it waits, as long as nothing falls ill. */
function pausedSoak(before: Soak | undefined, applications: readonly ApplicationView[], nowMs: number): { readonly soak?: Soak } {
  const ill = applications.some(({ health }) => health !== 'Healthy') || before?.healthySince !== healthySinceOf(applications);
  return before === undefined || ill ? {} : { soak: { ...before, observedAt: observedNow(before, nowMs) } };
}

/** Ill health between two looks shows in the times at which health was last taken, whatever the clock did meanwhile. */
const healthySinceOf = (applications: readonly ApplicationView[]): string => iso(Math.max(...applications.map(({ healthSinceMs }) => healthSinceMs), 0));

/** A clock that was set back counts nothing twice. */
const observedNow = (before: Soak | undefined, nowMs: number): string => iso(before === undefined ? nowMs : Math.max(nowMs, Date.parse(before.observedAt)));

const isWatched = (applications: readonly ApplicationView[]): boolean => applications.every(({ watchedSinceMs }) => watchedSinceMs !== undefined);

function verdictNow(admission: Admission, verdict: Verdict, reason: string, nowMs: number): Pick<Admission, 'verdict' | 'reason' | 'verdictAt'> {
  return {
    verdict,
    reason: reason.slice(0, 2000),
    verdictAt: admission.verdict === verdict && admission.verdictAt !== undefined ? admission.verdictAt : iso(nowMs),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();
