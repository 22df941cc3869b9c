import { canonicalJson, type Json } from '../model/json.ts';
import { referenceText } from '../model/reference.ts';
import type { Application } from '../resources/application.ts';
import type { Pipeline, PipelineStatus, StageSpec, StageStatus } from '../resources/pipeline.ts';
import type { ReasonOf } from '../resources/reasons.ts';
import type { Release } from '../resources/release.ts';
import type { Repository } from '../resources/repository.ts';
import { mayBeUsedFrom, referenceOf, resolveReference } from '../resources/resource.ts';
import { releasesOf } from '../sync/refresh.ts';
import { runningIn } from '../sync/wanted.ts';
import { circleOf, decide } from './decide.ts';
import type { Ports } from './ports.ts';
import { affectedBy, readView } from './read-view.ts';
import { rebuildFromGit } from './rebuild-from-git.ts';
import { checkHeads, recordAdmission } from './record-admission.ts';
import { releasesToDelete, stagesOfRelease, summaryOf } from './release-record.ts';

export type PromoteOutcome = {
  readonly pipeline: Pipeline;
  /** Applications that run something else from now on. */
  readonly applications: readonly Application[];
  /** Releases whose stages changed: their statuses on the Git host are due. */
  readonly releases: readonly Release[];
  /** Its state was read back from Git: now its Repository is due, for Releases that are newer. */
  readonly rebuilt: boolean;
  /** The newest Release, when its branch no longer leads there from the one before. */
  readonly rewritten: Release | undefined;
  /** Why nothing can be promoted, for a person; undefined when all is well. */
  readonly stalled: { readonly reason: ReasonOf<'Pipeline'>; readonly message: string } | undefined;
  readonly lookAgainInMs: number | undefined;
};

/**
 * Moves Releases through a Pipeline: releases, healths, gate results, clock -> [decide] -> record in Git -> the Applications to nudge.
 * The decision is in status, conditional on the version that it was made from, before anything else happens; whatever was cut short after
 * that is done by the next run.
 */
export async function promoteOnce(pipeline: Pipeline, ports: Ports, signal: AbortSignal): Promise<PromoteOutcome> {
  const repository = await ports.hub.read('Repository', resolveReference(pipeline, pipeline.spec.repository), signal);
  const hindrance = hindranceOf(pipeline, repository);
  if (hindrance !== undefined || repository === undefined)
    return { pipeline, applications: [], releases: [], rebuilt: false, rewritten: undefined, stalled: hindrance, lookAgainInMs: undefined };

  const rebuilt = await rebuildFromGit(pipeline, repository, ports, signal);
  if (rebuilt !== undefined)
    return { pipeline: rebuilt, applications: [], releases: [], rebuilt: true, rewritten: undefined, stalled: foreignOf(rebuilt), lookAgainInMs: 0 };

  const now = ports.now();
  const releases = releasesOf(pipeline, ports);
  const checked = await checkHeads(pipeline, repository, ports, signal);
  const decision = decide(await readView(checked, repository, releases, ports, now, signal), now.getTime());

  let current = await writeStages(pipeline, decision.stages, ports, signal);
  const applications: Application[] = [];
  for (const spec of pipeline.spec.stages) {
    current = await recordAdmission(current, spec, repository, releases, ports, signal);
    applications.push(...(await newlyAffected(pipeline, current, spec, repository, ports, signal)));
  }
  const changed = await writeReleases(current, releases, ports, now, signal);
  for (const release of releasesToDelete(releases, statusOf(current))) await ports.hub.deleteRelease(release, signal);

  const more = decision.admitted.length > 0;
  return {
    pipeline: current,
    applications,
    releases: changed,
    rebuilt: false,
    rewritten: releases.at(-1)?.spec.rewritten ? releases.at(-1) : undefined,
    stalled: foreignOf(current) ?? missingBranchOf(current, repository, releases),
    lookAgainInMs: more ? 0 : decision.lookAgainInMs,
  };
}

function hindranceOf(pipeline: Pipeline, repository: Repository | undefined): PromoteOutcome['stalled'] {
  const name = referenceText(resolveReference(pipeline, pipeline.spec.repository));
  if (repository === undefined) return { reason: 'NoRepository', message: `spec.repository: there is no Repository ${name}: create it, or correct the name` };
  if (!mayBeUsedFrom(repository, pipeline.metadata.namespace)) {
    return {
      reason: 'NotAllowed',
      message: `spec.repository: Repository ${name} does not allow namespace ${pipeline.metadata.namespace}: add it to its allowedNamespaces`,
    };
  }
  const circle = circleOf(pipeline.spec.stages);
  if (circle.length > 0) return { reason: 'Circle', message: `spec.stages: ${circle.join(', ')} wait for each other: take one name out of an \`after\`` };
  return undefined;
}

/** Nothing new comes to a Pipeline without its branch; what it has goes on through the stages. */
function missingBranchOf({ spec }: Pipeline, repository: Repository, releases: readonly Release[]): PromoteOutcome['stalled'] {
  const ref = `refs/heads/${spec.branch}`;
  if (!repository.status?.missing.includes(ref)) return undefined;
  const newest = releases.at(-1);
  const place = `spec.branch: Repository ${referenceText(referenceOf(repository))} has no branch ${spec.branch}`;
  if (newest === undefined) return { reason: 'NoBranch', message: `${place}: push it, or correct the name` };
  const restore = `git push origin ${newest.spec.revision}:${ref}`;
  return {
    reason: 'NoBranch',
    message: `${place} any more. What runs stays, Releases made so far go on, and no new one is made. Restore it (\`${restore}\`), or correct the name`,
  };
}

function foreignOf(pipeline: Pipeline): PromoteOutcome['stalled'] {
  const stage = pipeline.status?.stages.find(({ foreign }) => foreign !== undefined);
  return stage?.foreign === undefined ? undefined : { reason: 'ForeignCommit', message: `stage ${stage.name}: ${stage.foreign.why}` };
}

const statusOf = (pipeline: Pipeline): PipelineStatus => pipeline.status ?? { conditions: [], stages: [] };

/** Writes what the stages decided, if anything did; a CONFLICT means that another worker decided first. */
async function writeStages(pipeline: Pipeline, stages: readonly StageStatus[], { hub, signer }: Ports, signal: AbortSignal): Promise<Pipeline> {
  const before = statusOf(pipeline);
  // Stages of which nothing is known yet are not written down: a hub that was made anew would look like one that has read Git.
  const known = before.stages.length > 0 || stages.some(({ admitted, foreign, head }) => admitted ?? foreign ?? head);
  const status: PipelineStatus = { ...before, signer: signer.key.publicKeyOpenSsh, stages: known ? [...stages] : [] };
  return canonicalJson(status as unknown as Json) === canonicalJson(before as unknown as Json)
    ? pipeline
    : hub.writeStatus('Pipeline', pipeline, status, signal);
}

/** Applications of a stage that has to run something else than what they last read. */
async function newlyAffected(
  before: Pipeline,
  now: Pipeline,
  spec: StageSpec,
  repository: Repository,
  ports: Ports,
  signal: AbortSignal,
): Promise<readonly Application[]> {
  const stageOf = (pipeline: Pipeline) => pipeline.status?.stages.find(({ name }) => name === spec.name);
  const running = runningIn(spec, stageOf(now));
  if (running === undefined) return [];
  const same = runningIn(spec, stageOf(before))?.commit === running.commit;
  if (same && stageOf(now)?.admitted?.verdict !== 'pending') return [];
  const affected = await affectedBy(spec, running, now, repository, ports, signal);
  // A verdict that is still open is nudged along: whoever was killed between the decision and the nudge is made up for.
  // Those that have tried this commit already have a retry of their own, which must not be hurried.
  return same ? affected.filter(({ status }) => status?.commit !== running.commit) : affected;
}

async function writeReleases(pipeline: Pipeline, releases: readonly Release[], { hub }: Ports, now: Date, signal: AbortSignal): Promise<readonly Release[]> {
  const changed: Release[] = [];
  for (const release of releases) {
    const stages = stagesOfRelease(release, pipeline.spec.stages, statusOf(pipeline), now);
    const before = release.status?.stages ?? [];
    if (canonicalJson(stages as unknown as Json) === canonicalJson(before as unknown as Json)) continue;
    const fresh = await hub.read('Release', referenceOf(release), signal);
    if (fresh === undefined) continue;
    const decided = stagesOfRelease(fresh, pipeline.spec.stages, statusOf(pipeline), now);
    const status = { reported: fresh.status?.reported ?? [], stages: decided, summary: summaryOf(fresh.spec, decided) };
    changed.push(await hub.writeStatus('Release', fresh, status, signal));
  }
  return changed;
}
