import { canonicalJson, type Json } from '../model/json.ts';
import { isPortError } from '../model/port-error.ts';
import { referenceText } from '../model/reference.ts';
import { noteVerdicts } from '../promotion/note-verdicts.ts';
import type { Ports } from '../promotion/ports.ts';
import { type PromoteOutcome, promoteOnce } from '../promotion/promote.ts';
import type { Pipeline } from '../resources/pipeline.ts';
import { referenceOf, resolveReference } from '../resources/resource.ts';
import { conditionsOf } from '../status/conditions.ts';
import { pipelineConditions, pipelineFailure } from '../status/pipeline-status.ts';
import type { Measures } from './measures.ts';
import type { Nudges } from './nudges.ts';
import type { StepLog } from './step-log.ts';
import type { Step } from './worker.ts';

/** Without any event a Pipeline is looked at this often: a nudge may have overtaken what it was about. */
const whilePendingMs = 5_000;
const resyncMs = 300_000;
const whileUnnotedMs = 30_000;

/** Looks at one Pipeline: one decision, its record in Git, then the Applications and Releases that it concerns. */
export function promoteStep(ports: Ports, nudges: Nudges, log: StepLog, measures: Pick<Measures, 'judged'>): Step {
  return async (reference, signal) => {
    const pipeline = await ports.hub.read('Pipeline', reference, signal);
    if (pipeline === undefined || pipeline.metadata.deletionTimestamp !== undefined) return {};
    try {
      const outcome = await promoteOnce(pipeline, ports, signal);
      await Promise.all([
        ...outcome.applications.map((application) => nudges.nudge('sync', referenceOf(application))),
        ...outcome.releases.map((release) => nudges.nudge('report', referenceOf(release))),
        ...(outcome.rebuilt ? [nudges.nudge('refresh', resolveReference(pipeline, pipeline.spec.repository))] : []),
      ]);
      tell(pipeline, outcome, log, measures);
      // Last, since nobody waits for it: what was promoted is on its way already.
      const written = await noteVerdicts(outcome.pipeline, ports, signal);
      if (written.hindrance !== undefined && !isSaid(pipeline, written.hindrance))
        log.warn({ pipeline: referenceText(reference), reason: written.hindrance }, 'verdicts not noted');
      const noted = await note(written.pipeline, pipelineConditions({ ...outcome, pipeline: written.pipeline, unnoted: written.hindrance }), ports, signal);
      const usualMs = isPending(noted) ? whilePendingMs : written.hindrance === undefined ? resyncMs : whileUnnotedMs;
      return { lookAgainInMs: Math.min(outcome.lookAgainInMs ?? resyncMs, usualMs) };
    } catch (error) {
      if (!isPortError(error)) throw error;
      if (error.code === 'CONFLICT' && error.port === 'hub') return { lookAgainInMs: 0 };
      log.warn({ pipeline: referenceText(reference), code: error.code, reason: error.message }, 'promotion failed');
      const fresh = await ports.hub.read('Pipeline', reference, signal);
      if (fresh !== undefined) await note(fresh, pipelineFailure(error), ports, signal);
      throw error;
    }
  };
}

const isPending = (pipeline: Pipeline): boolean => pipeline.status?.stages.some(({ admitted }) => admitted?.verdict === 'pending') ?? false;

const isSaid = (pipeline: Pipeline, words: string): boolean => pipeline.status?.conditions.some(({ message }) => message.includes(words)) ?? false;

function tell(before: Pipeline, { pipeline }: PromoteOutcome, log: StepLog, measures: Pick<Measures, 'judged'>): void {
  for (const { name, admitted } of pipeline.status?.stages ?? []) {
    const was = before.status?.stages.find((stage) => stage.name === name)?.admitted;
    if (admitted === undefined || (was?.release === admitted.release && was.verdict === admitted.verdict)) continue;
    const facts = {
      pipeline: referenceText(referenceOf(pipeline)),
      stage: name,
      release: admitted.release,
      commit: admitted.revision,
      verdict: admitted.verdict,
      reason: admitted.reason,
    };
    log.info(facts, was?.release === admitted.release ? 'verdict' : 'admitted');
    if (admitted.verdict === 'pending' || admitted.verdictAt === undefined) continue;
    measures.judged(`${facts.pipeline}/${name}`, admitted.verdict, (Date.parse(admitted.verdictAt) - Date.parse(admitted.admittedAt)) / 1000);
  }
}

async function note(pipeline: Pipeline, now: ReturnType<typeof pipelineConditions>, { hub, now: clock }: Ports, signal: AbortSignal): Promise<Pipeline> {
  const before = pipeline.status ?? { conditions: [], stages: [] };
  const { generation } = pipeline.metadata;
  const status = { ...before, observedGeneration: generation, conditions: conditionsOf(now, before.conditions, generation, clock()) };
  if (canonicalJson(status as unknown as Json) === canonicalJson(before as unknown as Json)) return pipeline;
  return hub.writeStatus('Pipeline', pipeline, status, signal).catch((error: unknown) => {
    // Another worker has just written something newer; it is looked at again.
    if (!isPortError(error, 'CONFLICT')) throw error;
    return pipeline;
  });
}
