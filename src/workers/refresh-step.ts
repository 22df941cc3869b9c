import { canonicalJson, type Json } from '../model/json.ts';
import { isPortError } from '../model/port-error.ts';
import { referenceText } from '../model/reference.ts';
import type { Repository } from '../resources/repository.ts';
import { referenceOf } from '../resources/resource.ts';
import { type ConditionNow, conditionsOf } from '../status/conditions.ts';
import { repositoryRead, repositorySuspended, repositoryUnread } from '../status/repository-status.ts';
import type { Ports } from '../sync/ports.ts';
import { refreshOnce } from '../sync/refresh.ts';
import { followersOf } from '../sync/refs.ts';
import type { Nudges } from './nudges.ts';
import type { StepLog } from './step-log.ts';
import type { Step } from './worker.ts';

const pollSpread = 0.2;
const whileFailingMs = 15_000;

/** Looks at one Repository: what its host has now goes into its status, then whoever it concerns is nudged. */
export function refreshStep(ports: Ports, nudges: Nudges, log: StepLog, random: () => number = Math.random): Step {
  return async (reference, signal) => {
    const repository = await ports.hub.read('Repository', reference, signal);
    if (repository === undefined || repository.metadata.deletionTimestamp !== undefined) return {};
    if (repository.spec.suspend) {
      await note(repository, repositorySuspended(), ports, signal);
      return {};
    }
    try {
      const outcome = await refreshOnce(repository, ports, signal);
      await note(outcome.repository, repositoryRead(outcome.refs.length), ports, signal);
      await Promise.all([...outcome.applications.map((each) => nudges.nudge('sync', each)), ...outcome.pipelines.map((each) => nudges.nudge('promote', each))]);
      if (outcome.applications.length + outcome.pipelines.length > 0) {
        log.info({ repository: referenceText(reference), applications: outcome.applications.length, pipelines: outcome.pipelines.length }, 'repository moved');
      }
      return { lookAgainInMs: Math.round(repository.spec.pollSeconds * 1000 * (1 - pollSpread + 2 * pollSpread * random())) };
    } catch (error) {
      if (!isPortError(error)) throw error;
      if (error.code === 'CONFLICT') return { lookAgainInMs: 0 };
      log.warn({ repository: referenceText(reference), code: error.code, reason: error.message }, 'repository cannot be read');
      const fresh = await ports.hub.read('Repository', reference, signal);
      if (fresh !== undefined) {
        await note(fresh, repositoryUnread(error.code, error.message), ports, signal);
        // Applications that never had anything to apply wait for this Repository: they repeat the reason.
        const waiting = followersOf(fresh, ports.hub.list('Application'), []).applications.filter(({ status }) => status?.commit === undefined);
        await Promise.all(waiting.map((application) => nudges.nudge('sync', referenceOf(application))));
      }
      return { lookAgainInMs: error.retryAfterMs ?? Math.min(whileFailingMs, repository.spec.pollSeconds * 1000) };
    }
  };
}

async function note(repository: Repository, conditions: readonly ConditionNow[], { hub, now }: Ports, signal: AbortSignal): Promise<void> {
  const before = repository.status ?? { conditions: [], refs: [], missing: [] };
  const status = {
    ...before,
    observedGeneration: repository.metadata.generation,
    conditions: conditionsOf(conditions, before.conditions, repository.metadata.generation, now()),
  };
  if (canonicalJson(status as unknown as Json) === canonicalJson(before as unknown as Json)) return;
  await hub.writeStatus('Repository', repository, status, signal).catch((error: unknown) => {
    // The next look writes it; who conflicts with it has just written something newer.
    if (!isPortError(error, 'CONFLICT')) throw error;
  });
}
