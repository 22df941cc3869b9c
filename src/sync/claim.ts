import type { Application, ApplicationStatus } from '../resources/application.ts';

export type Claim = NonNullable<ApplicationStatus['claim']>;

/** A claim that was not renewed for this long is taken over. */
export const claimLeaseMs = 10_000;
/** A writer renews when its claim is this old. */
export const claimRenewMs = 3_000;

/** How long the claim of another run still holds, in milliseconds; 0 when there is none to respect. */
export function heldByAnotherMs(application: Application, runId: string, now: Date): number {
  const claim = application.status?.claim;
  if (claim === undefined || claim.id === runId) return 0;
  const leftMs = Date.parse(claim.renewedAt) + claimLeaseMs - now.getTime();
  // A clock that runs ahead elsewhere must not hold an Application for ever: from more than a lease ahead it is not believed.
  return leftMs > 2 * claimLeaseMs ? 0 : Math.max(0, leftMs);
}
