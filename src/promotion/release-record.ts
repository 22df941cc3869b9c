import type { PipelineStatus, StageSpec } from '../resources/pipeline.ts';
import type { Release, ReleaseStage } from '../resources/release.ts';

/** Newest first; older ones are deleted unless a stage runs them or has them in its history. */
const releasesKept = 50;

/**
 * Where a Release stands in every stage, derived from what the stages decided; a frozen verdict, once written, is never changed.
 * Deriving it again gives the same: `since` moves only with the state.
 */
export function stagesOfRelease(release: Release, specs: readonly StageSpec[], status: PipelineStatus, now: Date): ReleaseStage[] {
  return specs.map((spec) => {
    const before = release.status?.stages.find(({ name }) => name === spec.name);
    const derived = derive(release, spec, status);
    if (before?.frozen && !derived.entered) return before;
    const { entered: _entered, ...stage } = derived;
    return { name: spec.name, ...stage, since: before?.state === stage.state ? before.since : now.toISOString() };
  });
}

type Derived = Omit<ReleaseStage, 'name' | 'since'> & { readonly entered: boolean };

function derive(release: Release, spec: StageSpec, status: PipelineStatus): Derived {
  const { name } = release.metadata;
  const stage = status.stages.find((each) => each.name === spec.name);
  const { admitted } = stage ?? {};
  if (admitted?.release === name) return { state: admitted.verdict, reason: admitted.reason, admittedAt: admitted.admittedAt, frozen: false, entered: true };

  const past = stage?.history.find((entry) => entry.release === name);
  if (past !== undefined) return { state: past.verdict, reason: past.reason, admittedAt: past.admittedAt, frozen: true, entered: true };
  if (admitted !== undefined && release.spec.sequence < admitted.sequence) return { state: 'skipped', reason: `passed over: ${admitted.release} took the stage`, frozen: false, entered: false };
  return { state: 'waiting', reason: waitsFor(spec, admitted?.release), frozen: false, entered: false };
}

function waitsFor(spec: StageSpec, running: string | undefined): string {
  if (spec.after.length > 0) return `waiting to be verified in ${spec.after.join(' and ')}`;
  return running === undefined ? 'waiting to be admitted' : `waiting for the verdict on ${running}`;
}

/** Releases that nothing needs any more. */
export function releasesToDelete(releases: readonly Release[], status: PipelineStatus): readonly Release[] {
  const inUse = new Set(status.stages.flatMap(({ admitted, history }) => [...(admitted === undefined ? [] : [admitted.release]), ...history.map(({ release }) => release)]));
  return releases
    .toSorted((a, b) => b.spec.sequence - a.spec.sequence)
    .slice(releasesKept)
    .filter(({ metadata }) => !inUse.has(metadata.name));
}
