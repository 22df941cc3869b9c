import type { Admission, StageSpec, StageStatus, Verdict } from '../resources/pipeline.ts';
import { awaitsPush, hasBranch } from '../sync/wanted.ts';
import { judgeAdmission } from './verify.ts';
import type { PipelineView, ReleaseView, StageView } from './view.ts';

export type Decision = {
  readonly stages: readonly StageStatus[];
  /** Stages that took a Release just now. */
  readonly admitted: readonly string[];
  readonly lookAgainInMs: number | undefined;
};

const historyLength = 10;

/**
 * The promotion reducer: what every stage runs and what is proven of it, from what was decided before and what is seen now.
 * A stage takes at most one Release a time; its verdict is judged before it may take another, and a Release enters only with the verdict
 * `verified` on that very Release in all stages of `after`.
 */
export function decide(view: PipelineView, nowMs: number): Decision {
  const releases = view.releases.toSorted((a, b) => a.sequence - b.sequence);
  const stages = new Map<string, StageStatus>();
  const admitted: string[] = [];
  const looks: number[] = [];

  for (const stage of inOrder(view.stages)) {
    const { status, lookAgainInMs } = judgeStage(stage, nowMs);
    stages.set(stage.spec.name, status);
    if (lookAgainInMs !== undefined) looks.push(lookAgainInMs);

    const next = view.suspended ? undefined : nextRelease(stage.spec, status, releases, view.stages, stages);
    if (next === undefined) continue;
    stages.set(stage.spec.name, admit(stage.spec, status, next, stages, nowMs));
    admitted.push(stage.spec.name);
    looks.push(stage.spec.verify.deadlineSeconds * 1000);
  }
  return {
    stages: view.stages.map(({ spec, status }) => stages.get(spec.name) ?? status ?? { name: spec.name, history: [] }),
    admitted,
    lookAgainInMs: looks.length === 0 ? undefined : Math.min(...looks),
  };
}

/** The stages that wait for each other in a circle, if any: such a Pipeline promotes nothing. */
export function circleOf(stages: readonly StageSpec[]): readonly string[] {
  const settled = new Set<string>();
  for (let before = -1; before !== settled.size; ) {
    before = settled.size;
    for (const stage of stages) if (stage.after.every((name) => settled.has(name))) settled.add(stage.name);
  }
  return stages.map(({ name }) => name).filter((name) => !settled.has(name));
}

export function queueOf(spec: StageSpec, all: readonly StageSpec[]): 'newest' | 'verified' {
  if (spec.queue !== undefined) return spec.queue;
  return spec.verify.soakSeconds > 0 || all.some(({ after }) => after.includes(spec.name)) ? 'verified' : 'newest';
}

function judgeStage(stage: StageView, nowMs: number): { readonly status: StageStatus; readonly lookAgainInMs: number | undefined } {
  const status = stage.status ?? { name: stage.spec.name, history: [] };
  if (status.admitted === undefined) return { status, lookAgainInMs: undefined };
  const { admission, lookAgainInMs } = judgeAdmission(stage.spec, status.admitted, stage.applications, nowMs);
  return { status: { ...status, admitted: admission }, lookAgainInMs };
}

function nextRelease(
  spec: StageSpec,
  status: StageStatus,
  releases: readonly ReleaseView[],
  all: readonly StageView[],
  decided: ReadonlyMap<string, StageStatus>,
): ReleaseView | undefined {
  const { admitted } = status;
  if (status.foreign !== undefined) return undefined;
  // Whether a push went through has to be known before the branch may get another commit.
  if (admitted !== undefined && awaitsPush(spec, admitted)) return undefined;
  const specs = all.map((stage) => stage.spec);
  const queue = queueOf(spec, specs);
  if (admitted?.verdict === 'pending' && queue === 'verified') return undefined;

  const newer = releases.filter((release) => release.sequence > (admitted?.sequence ?? -1));
  const proven = newer.filter((release) => spec.after.every((name) => verdictIn(decided.get(name), name, release) === 'verified'));
  const shared = queue === 'newest' ? undefined : proven.findLast((release) => takenBeside(release, spec, all, decided));
  return shared ?? proven.at(-1);
}

/**
 * Stages that lead to the same later stage have to meet in one Release, or it would wait for ever under a stream of pushes: each prefers
 * what another of them runs or has verified already. Those that it comes after have verified whatever it may take.
 */
function takenBeside(release: ReleaseView, spec: StageSpec, all: readonly StageView[], decided: ReadonlyMap<string, StageStatus>): boolean {
  const specs = all.map((stage) => stage.spec);
  const before = ancestorsOf(spec, specs);
  const beside = new Set(specs.map((stage) => ancestorsOf(stage, specs)).flatMap((ancestors) => (ancestors.has(spec.name) ? [...ancestors] : [])));
  return all.some(({ spec: { name }, status: known }) => {
    if (name === spec.name || !beside.has(name) || before.has(name)) return false;
    const status = decided.get(name) ?? known;
    const runsIt = status?.admitted?.release === release.name && status.admitted.verdict !== 'failed';
    return runsIt || verdictIn(status, name, release) === 'verified';
  });
}

/** The stages that a stage waits for, directly or through others. */
function ancestorsOf(spec: StageSpec, all: readonly StageSpec[]): ReadonlySet<string> {
  const ancestors = new Set(spec.after);
  for (const name of ancestors) for (const earlier of all.find((stage) => stage.name === name)?.after ?? []) ancestors.add(earlier);
  return ancestors;
}

/** The verdict of a stage on a Release: what it says while it runs it, what it last said when it has moved on. */
export function verdictIn(status: StageStatus | undefined, stage: string, release: ReleaseView): Verdict | undefined {
  if (status?.admitted?.release === release.name) return status.admitted.verdict;
  const past = status?.history.find((entry) => entry.release === release.name);
  return past?.verdict ?? release.frozen.find((entry) => entry.stage === stage)?.verdict;
}

function admit(spec: StageSpec, status: StageStatus, release: ReleaseView, decided: ReadonlyMap<string, StageStatus>, nowMs: number): StageStatus {
  const before = status.admitted;
  const at = new Date(nowMs).toISOString();
  const admitted: Admission = {
    release: release.name,
    revision: release.revision,
    sequence: release.sequence,
    ordinal: (before?.ordinal ?? status.history[0]?.ordinal ?? 0) + 1,
    admittedAt: at,
    deadlineAt: new Date(nowMs + spec.verify.deadlineSeconds * 1000).toISOString(),
    verdict: 'pending',
    reason: hasBranch(spec) ? 'its promotion commit is being pushed' : 'its Applications are being synced',
    ...(before?.soak === undefined ? {} : { soak: before.soak }),
    ...(hasBranch(spec)
      ? { record: { ...(status.head === undefined ? {} : { expectedHead: status.head }), gates: gatesOf(spec, release, decided), pushed: false } }
      : {}),
  };
  return { ...status, admitted, history: before === undefined ? status.history : [frozen(before, at), ...status.history].slice(0, historyLength) };
}

function frozen(
  { release, revision, sequence, ordinal, admittedAt, verdict, reason, verdictAt, noted, soak, record }: Admission,
  endedAt: string,
): StageStatus['history'][number] {
  return {
    release,
    revision,
    sequence,
    ordinal,
    admittedAt,
    verdict,
    reason,
    ...(verdictAt === undefined ? {} : { verdictAt }),
    ...(noted === undefined ? {} : { noted }),
    ...(soak === undefined ? {} : { digest: soak.digest }),
    ...(record?.commit === undefined || !record.pushed ? {} : { commit: record.commit }),
    endedAt,
  };
}

/** What the promotion commit says of the proof: each stage of `after`, with its reason and time. */
function gatesOf(spec: StageSpec, release: ReleaseView, decided: ReadonlyMap<string, StageStatus>): { gate: string; result: string }[] {
  return spec.after.map((name) => {
    const status = decided.get(name);
    const entry = status?.admitted?.release === release.name ? status.admitted : status?.history.find((past) => past.release === release.name);
    return { gate: name, result: entry === undefined ? 'verified' : `verified: ${entry.reason} (${entry.verdictAt ?? entry.admittedAt})`.slice(0, 250) };
  });
}

/** Stages after those that they wait for; those in a circle come last and admit nothing, as nothing is verified before them. */
function inOrder(stages: readonly StageView[]): readonly StageView[] {
  const circle = new Set(circleOf(stages.map(({ spec }) => spec)));
  const sorted: StageView[] = [];
  const placed = new Set<string>();
  const straight = stages.filter(({ spec }) => !circle.has(spec.name));
  while (sorted.length < straight.length) {
    for (const stage of straight) {
      if (placed.has(stage.spec.name) || !stage.spec.after.every((name) => placed.has(name))) continue;
      sorted.push(stage);
      placed.add(stage.spec.name);
    }
  }
  return sorted;
}
