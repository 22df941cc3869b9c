import type { Application, ApplicationStatus } from '../resources/application.ts';
import type { SyncOutcome } from './outcome.ts';

/** Asks for a sync whatever the policy says: a time (RFC 3339), or any other text that was not there before. Written by `sluice sync`. */
export const syncRequestedAnnotation = 'sluice.dev/sync-requested';

/** As much of it as a status holds. */
const longest = 64;

/** The request that no sync has answered yet; undefined when there is none. */
export function pendingSync({ metadata, status }: Pick<Application, 'metadata' | 'status'>): string | undefined {
  const asked = metadata.annotations?.[syncRequestedAnnotation]?.slice(0, longest);
  return asked === undefined || asked === '' || asked === status?.syncRequested ? undefined : asked;
}

/**
 * The request that this run has answered. One is open until its sync is done or has failed, so that every step of it passes the policy, and no
 * longer: an Application that is never healthy must not stay free to take whatever comes. What is retried within seconds is no answer.
 */
export function answeredSync(
  { application, result }: Pick<SyncOutcome, 'application' | 'result'>,
  { sync, health }: Pick<ApplicationStatus, 'sync' | 'health'>,
): string | undefined {
  const asked = pendingSync(application);
  if (asked === undefined) return undefined;
  switch (result.is) {
    case 'done':
    case 'refused':
    case 'blocked':
    case 'wave-failed':
      return asked;
    case 'failed':
      return result.error.retryable ? undefined : asked;
    case 'awaiting-health':
      return sync?.state === 'Failed' || (result.wave === undefined && health?.health === 'Degraded') ? asked : undefined;
    case 'applied':
    case 'pruned':
    case 'waiting':
    case 'out-of-sync':
      return undefined;
    default:
      return result satisfies never;
  }
}

/** When the sync that is under way began: who asks for one gives a revision its whole time once more. A clock that runs ahead gives none. */
export function syncBeganAt(application: Application, startedAt: string | undefined, now: Date): string {
  const askedMs = Date.parse(pendingSync(application) ?? '');
  const startedMs = startedAt === undefined ? now.getTime() : Date.parse(startedAt);
  return askedMs > startedMs && askedMs <= now.getTime() ? new Date(askedMs).toISOString() : (startedAt ?? now.toISOString());
}
