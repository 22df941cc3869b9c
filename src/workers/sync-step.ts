import { isDeepStrictEqual } from 'node:util';
import { canonicalJson, type Json } from '../model/json.ts';
import { isPortError } from '../model/port-error.ts';
import { referenceText } from '../model/reference.ts';
import type { Application, ApplicationStatus } from '../resources/application.ts';
import { referenceOf } from '../resources/resource.ts';
import { applicationStatus } from '../status/application-status.ts';
import type { SyncOutcome } from '../sync/outcome.ts';
import type { Ports } from '../sync/ports.ts';
import { syncOnce } from '../sync/sync.ts';
import { placementsOf } from '../sync/wanted.ts';
import type { Measures } from './measures.ts';
import type { Nudges } from './nudges.ts';
import { provenBy } from './nudges-for.ts';
import type { StepLog } from './step-log.ts';
import type { Step } from './worker.ts';

/** Looks at one Application: one step of its sync, what came of it into its status, and word to its Pipeline when that may matter. */
export function syncStep(ports: Ports, nudges: Nudges, log: StepLog, measures: Pick<Measures, 'synced'>): Step {
  return async (reference, signal) => {
    const application = await ports.hub.read('Application', reference, signal);
    if (application === undefined || application.metadata.deletionTimestamp !== undefined) return {};

    const beganMs = ports.now().getTime();
    const outcome = await syncOnce(application, ports, signal);
    measures.synced(outcome.phase, (ports.now().getTime() - beganMs) / 1000);
    const { status, lookAgainInMs } = applicationStatus(outcome, ports.now());
    report(outcome, log);
    if (same(outcome.application.status, status)) return { lookAgainInMs };
    try {
      await ports.hub.writeStatus('Application', outcome.application, status, signal);
    } catch (error) {
      // Somebody changed the Application, or took its claim over: what was found out is found out again from there.
      if (!isPortError(error, 'CONFLICT')) throw error;
      await release(outcome, ports, signal);
      return { lookAgainInMs: 0 };
    }
    // One more failure of the same kind is no news: else a stage that cannot be reached and its Pipeline would nudge each other without a pause.
    if (isDeepStrictEqual(provenBy(application), provenBy({ ...application, status }))) return { lookAgainInMs };
    for (const { pipeline } of placementsOf(application, ports.hub.list('Pipeline', reference.namespace))) await nudges.nudge('promote', referenceOf(pipeline));
    return { lookAgainInMs };
  };
}

/** A claim of a run that has ended would hold the next one up for its whole lease. */
async function release({ application, runId }: SyncOutcome, { hub }: Ports, signal: AbortSignal): Promise<void> {
  const fresh = await hub.read('Application', referenceOf(application), signal);
  if (fresh?.status?.claim?.id !== runId) return;
  const { claim: _ended, ...status } = fresh.status;
  await hub.writeStatus('Application', fresh, status, signal).catch((error: unknown) => {
    if (!isPortError(error, 'CONFLICT')) throw error;
  });
}

function report({ application, phase, result, wanted }: SyncOutcome, log: StepLog): void {
  const facts = { application: referenceText(referenceOf(application)), commit: wanted?.commit, phase, result: result.is };
  switch (result.is) {
    case 'refused':
      return log.warn({ ...facts, problems: result.problems.slice(0, 10) }, 'sync refused');
    case 'failed':
      return log.warn({ ...facts, code: result.error.code, reason: result.error.message }, 'sync failed');
    case 'wave-failed':
      return log.warn({ ...facts, reason: result.message }, 'sync stopped at a wave');
    case 'applied':
    case 'pruned':
      return log.info(facts, 'sync step done');
    default:
      return log.debug('message' in result ? { ...facts, reason: result.message } : facts, 'sync looked');
  }
}

const same = (before: Application['status'], now: ApplicationStatus): boolean =>
  canonicalJson(before as unknown as Json) === canonicalJson(now as unknown as Json);
