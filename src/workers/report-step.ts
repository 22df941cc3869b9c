import { isPortError } from '../model/port-error.ts';
import { referenceText } from '../model/reference.ts';
import { type ReportPorts, reportOnce } from '../status/report.ts';
import type { StepLog } from './step-log.ts';
import type { Step } from './worker.ts';

/** Looks at one Release: what should stand on its commit and does not yet is posted. */
export function reportStep(ports: ReportPorts, log: StepLog): Step {
  return async (reference, signal) => {
    const release = await ports.hub.read('Release', reference, signal);
    if (release === undefined || release.metadata.deletionTimestamp !== undefined) return {};
    try {
      await reportOnce(release, ports, signal);
      return {};
    } catch (error) {
      if (isPortError(error, 'CONFLICT')) return { lookAgainInMs: 200 };
      if (isPortError(error) && !error.retryable) {
        log.warn({ release: referenceText(reference), code: error.code, reason: error.message }, 'statuses cannot be posted');
        return { lookAgainInMs: 300_000 };
      }
      throw error;
    }
  };
}
