import type { ApplicationView, PipelineView, ReleaseView, StageView } from '../src/promotion/view.ts';
import type { Admission, StageSpec, StageStatus } from '../src/resources/pipeline.ts';
import { commitOf } from './builders.ts';

export const start = Date.parse('2026-01-01T00:00:00Z');
export const iso = (ms: number): string => new Date(ms).toISOString();

type GivenStage = {
  readonly after?: readonly string[];
  readonly soakSeconds?: number;
  readonly deadlineSeconds?: number;
  readonly allowEmpty?: boolean;
  readonly queue?: 'newest' | 'verified';
};

export const stageSpec = (name: string, { after = [], soakSeconds = 0, deadlineSeconds = 3600, allowEmpty = false, queue }: GivenStage = {}): StageSpec => ({
  name,
  after: [...after],
  selector: { matchLabels: { stage: name } },
  verify: { soakSeconds, deadlineSeconds, allowEmpty },
  ...(queue === undefined ? {} : { queue }),
});

/** A healthy Application that runs what its stage wants, watched and healthy since a minute before the start. */
export const applicationView = (given: Partial<ApplicationView> = {}): ApplicationView => ({
  name: 'web',
  current: true,
  synced: true,
  refused: undefined,
  health: 'Healthy',
  healthMessage: '',
  healthSinceMs: start - 60_000,
  digest: 'bytes-1',
  rendersNothing: false,
  watchedSinceMs: start - 60_000,
  ...given,
});

export const releaseView = (sequence: number, frozen: ReleaseView['frozen'] = []): ReleaseView => ({
  name: `r${sequence}`,
  revision: commitOf(sequence % 10),
  sequence,
  frozen,
});

/** Admitted at the start and pending; of a stage with a branch when a record is given. */
export const admission = (sequence: number, given: Partial<Admission> = {}): Admission => ({
  release: `r${sequence}`,
  revision: commitOf(sequence % 10),
  sequence,
  ordinal: sequence,
  admittedAt: iso(start),
  deadlineAt: iso(start + 3_600_000),
  verdict: 'pending',
  reason: '',
  ...given,
});

export const pushed = { gates: [], commit: commitOf('c'), pushed: true };

export const past = (sequence: number, verdict: Admission['verdict'] = 'verified'): StageStatus['history'][number] => {
  const { deadlineAt: _none, ...fields } = admission(sequence, { verdict });
  return { ...fields, endedAt: iso(start) };
};

export const stageView = (
  spec: StageSpec,
  status?: Partial<StageStatus>,
  applications: readonly ApplicationView[] = [applicationView({ name: `web-${spec.name}` })],
): StageView => ({
  spec,
  status: status === undefined ? undefined : { name: spec.name, history: [], ...status },
  applications,
});

export const pipelineView = (stages: readonly StageView[], releases: readonly ReleaseView[], suspended = false): PipelineView => ({
  stages,
  releases,
  suspended,
});
