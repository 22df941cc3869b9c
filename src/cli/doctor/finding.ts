import { isPortError, type PortErrorCode } from '../../model/port-error.ts';

export type Verdict = 'ok' | 'warn' | 'fail' | 'skipped';

/** One check of one thing. `says` is what was seen, `mend` what to do about it; neither ever holds a secret. */
export type Finding = {
  readonly check: string;
  /** What was looked at: `Cluster shop/production`, `Redis`. */
  readonly about: string;
  readonly verdict: Verdict;
  readonly says: string;
  readonly mend?: string;
};

/** What became of a question: its answer, or why there is none. */
export type Tried<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly code: PortErrorCode; readonly says: string };

/** A PortError is an answer here: to find it out is why one asks. */
export async function tried<T>(asked: Promise<T>): Promise<Tried<T>> {
  try {
    return { ok: true, value: await asked };
  } catch (error) {
    if (!isPortError(error)) throw error;
    return { ok: false, code: error.code, says: error.message };
  }
}

export type Subject = Pick<Finding, 'check' | 'about'>;

export const ok = (subject: Subject, says: string): Finding => ({ ...subject, verdict: 'ok', says });
export const warn = (subject: Subject, says: string, mend: string): Finding => ({ ...subject, verdict: 'warn', says, mend });
export const fail = (subject: Subject, says: string, mend: string): Finding => ({ ...subject, verdict: 'fail', says, mend });
export const skipped = (subject: Subject, says: string): Finding => ({ ...subject, verdict: 'skipped', says });

/** Processes compare times of each other that are 10 s and 30 s apart: a clock that is 5 s off leaves them half of the first. */
const harmlessSkewMs = 2_000;
const mostSkewMs = 5_000;

/** `clockAheadMs`: how far the other side's clock is ahead of this machine's. */
export function judgeClock(about: string, clockAheadMs: number | undefined): Finding {
  const subject = { check: 'clock', about };
  if (clockAheadMs === undefined) return skipped(subject, 'it does not say what time it has');
  const ms = Math.abs(clockAheadMs);
  if (ms <= harmlessSkewMs) return ok(subject, 'has the time of this machine');
  const says = `its clock is ${(ms / 1000).toFixed(1)} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} this machine's`;
  const mend = 'set both by NTP (chrony, systemd-timesyncd): leases, claims and soak times compare their times';
  return ms <= mostSkewMs ? warn(subject, says, mend) : fail(subject, says, mend);
}
