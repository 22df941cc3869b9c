import { isPortError } from '../model/port-error.ts';
import type { StepLog } from './step-log.ts';

/** A coordination.k8s.io Lease, as far as it matters here. `version` changes with every write. */
export type Lease = { readonly holder: string; readonly version: string };

export type Leases = {
  /** Undefined when there is none. Throws PortError('hub', …). */
  read(signal: AbortSignal): Promise<Lease | undefined>;
  /** Creates the Lease (`seen` undefined), or renews it if it is still the one that was seen; CONFLICT otherwise. An empty holder releases it. */
  write(holder: string, seen: Lease | undefined, leaseMs: number, signal: AbortSignal): Promise<Lease>;
};

/** What was last seen of the Lease, and when, by this process's own clock: clocks of other machines are never compared. */
export type Observed = { readonly lease: Lease; readonly sinceMs: number };

export const leaseMs = 15_000;
const renewEveryMs = 5_000;
/** A leader that could not renew for this long stops before anybody else may begin. */
const giveUpAfterMs = 10_000;

/** Whether this process may write itself into the Lease now. */
export function mayLead(observed: Observed | undefined, identity: string, nowMs: number): boolean {
  if (observed === undefined || observed.lease.holder === '' || observed.lease.holder === identity) return true;
  return nowMs - observed.sinceMs >= leaseMs;
}

export function observe(before: Observed | undefined, lease: Lease | undefined, nowMs: number): Observed | undefined {
  if (lease === undefined) return undefined;
  return before?.lease.version === lease.version ? before : { lease, sinceMs: nowMs };
}

type Options = {
  readonly leases: Leases;
  readonly identity: string;
  readonly log: StepLog;
  /** Called when this process begins to lead; what it answers is called when it no longer does, and awaited. */
  readonly lead: () => () => Promise<void>;
  readonly clock?: () => number;
  readonly everyMs?: number;
};

/** Takes part in the election until stopped. At most one process leads; none does for at most 15 s after the leader was killed. */
export function takePart({ leases, identity, log, lead, clock = () => performance.now(), everyMs = renewEveryMs }: Options): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let observed: Observed | undefined;
  let renewedAtMs = 0;
  let yieldLead: (() => Promise<void>) | undefined;

  async function look(): Promise<void> {
    const beganMs = clock();
    observed = observe(observed, await leases.read(stopping.signal), beganMs);
    if (!mayLead(observed, identity, beganMs)) return stepDown('another process leads');
    const lease = await leases.write(identity, observed?.lease, leaseMs, stopping.signal);
    observed = { lease, sinceMs: clock() };
    renewedAtMs = beganMs;
    if (yieldLead !== undefined) return;
    log.info({ identity }, 'leading');
    yieldLead = lead();
  }

  async function stepDown(reason: string): Promise<void> {
    const yielding = yieldLead;
    if (yielding === undefined) return;
    yieldLead = undefined;
    log.warn({ identity, reason }, 'no longer leading');
    await yielding();
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await look();
      } catch (error) {
        if (stopping.signal.aborted) break;
        if (!isPortError(error)) throw error;
        if (error.code !== 'CONFLICT') log.warn({ code: error.code, reason: error.message }, 'the leader lease cannot be renewed');
        if (clock() - renewedAtMs >= giveUpAfterMs) await stepDown(error.message);
      }
      await pause(everyMs, stopping.signal);
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
      if (yieldLead === undefined || observed === undefined) return;
      await stepDown('stopping');
      // Whoever waits need not wait for the lease to run out.
      await leases.write('', observed.lease, leaseMs, AbortSignal.timeout(2_000)).catch(() => undefined);
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}
