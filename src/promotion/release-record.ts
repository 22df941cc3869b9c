import type { PipelineStatus, StageSpec, Verdict } from '../resources/pipeline.ts';
import type { Release, ReleaseSpec, ReleaseStage } from '../resources/release.ts';

/** Newest first; older ones are deleted unless a stage runs them or has them in its history. */
const releasesKept = 50;

/**
 * Where a Release stands in every stage, derived from what the stages decided; a frozen verdict, once written, is never changed.
 * Deriving it again gives the same: `since` moves only with the state.
 */
export function stagesOfRelease(release: Release, specs: readonly StageSpec[], status: PipelineStatus, now: Date): ReleaseStage[] {
  return specs.map((spec) => {
    const before = release.status?.stages.find(({ name }) => name === spec.name);
    const { entered, ...derived } = derive(release, spec, status);
    const gone = !entered && (before?.frozen || derived.state === 'skipped');
    const stage = (gone ? left(before) : undefined) ?? derived;
    return { name: spec.name, ...stage, since: before?.state === stage.state ? before.since : now.toISOString() };
  });
}

type Standing = Omit<ReleaseStage, 'name' | 'since'>;
type Derived = Standing & { readonly entered: boolean };

function derive(release: Release, spec: StageSpec, status: PipelineStatus): Derived {
  const { name } = release.metadata;
  const { admitted, history = [] } = status.stages.find((each) => each.name === spec.name) ?? {};
  if (admitted?.release === name) return { state: admitted.verdict, reason: admitted.reason, admittedAt: admitted.admittedAt, frozen: false, entered: true };

  const place = history.findIndex((entry) => entry.release === name);
  const past = history[place];
  if (past !== undefined) {
    const ended = withVerdict(past.verdict, past.reason, history[place - 1]?.release ?? admitted?.release);
    return { ...ended, admittedAt: past.admittedAt, frozen: true, entered: true };
  }
  if (admitted !== undefined && release.spec.sequence < admitted.sequence)
    return { state: 'skipped', reason: `passed over: ${admitted.release} took the stage`, frozen: false, entered: false };
  return { state: 'waiting', reason: waitsFor(release, spec, status, admitted?.release), frozen: false, entered: false };
}

/** What is known of a Release that entered a stage whose history has forgotten it: the last that was written down. */
function left(before: ReleaseStage | undefined): Standing | undefined {
  if (before?.admittedAt === undefined) return undefined;
  const { admittedAt, state, reason } = before;
  return { ...(state === 'pending' ? withVerdict(state, reason, undefined) : { state, reason }), admittedAt, frozen: true };
}

/** A Release that had to go before it was judged has no verdict to wait for. */
function withVerdict(verdict: Verdict, reason: string, next: string | undefined): Pick<Standing, 'state' | 'reason'> {
  if (verdict !== 'pending') return { state: verdict, reason };
  return { state: 'skipped', reason: `superseded${next === undefined ? '' : ` by ${next}`} before its verdict` };
}

function waitsFor(release: Release, spec: StageSpec, status: PipelineStatus, running: string | undefined): string {
  const isVerified = (name: string): boolean => {
    const { admitted, history = [] } = status.stages.find((stage) => stage.name === name) ?? {};
    return [admitted, ...history].some((entry) => entry?.release === release.metadata.name && entry.verdict === 'verified');
  };
  const unproven = spec.after.filter((name) => !isVerified(name));
  if (unproven.length > 0) return `waiting to be verified in ${unproven.join(' and ')}`;
  return running === undefined ? 'waiting to be admitted' : `waiting for the verdict on ${running}`;
}

/** One line for `kubectl get`. */
export const summaryOf = ({ rewritten }: Pick<ReleaseSpec, 'rewritten'>, stages: readonly ReleaseStage[]): string =>
  [...stages.map(({ name, state }) => `${name} ${state}`), ...(rewritten ? ['history rewritten'] : [])].join(', ').slice(0, 2000);

/** Releases that nothing needs any more. */
export function releasesToDelete(releases: readonly Release[], status: PipelineStatus): readonly Release[] {
  const inUse = new Set(
    status.stages.flatMap(({ admitted, history }) => [...(admitted === undefined ? [] : [admitted.release]), ...history.map(({ release }) => release)]),
  );
  return releases
    .toSorted((a, b) => b.spec.sequence - a.spec.sequence)
    .slice(releasesKept)
    .filter(({ metadata }) => !inUse.has(metadata.name));
}
