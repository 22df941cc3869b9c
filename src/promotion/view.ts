import type { HealthWord } from '../health/health.ts';
import type { StageSpec, StageStatus, Verdict } from '../resources/pipeline.ts';

/** Everything that the reducer may know: values only, read before it is asked. */
export type PipelineView = {
  readonly stages: readonly StageView[];
  /** All Releases of the Pipeline, in any order. */
  readonly releases: readonly ReleaseView[];
  readonly suspended: boolean;
};

export type StageView = {
  readonly spec: StageSpec;
  readonly status: StageStatus | undefined;
  readonly applications: readonly ApplicationView[];
};

export type ReleaseView = {
  readonly name: string;
  readonly revision: string;
  readonly sequence: number;
  /** Verdicts of stages that have moved on, as the Release itself records them. */
  readonly frozen: readonly { readonly stage: string; readonly verdict: Verdict }[];
};

/** One Application of a stage, seen against the Release that the stage runs. */
export type ApplicationView = {
  readonly name: string;
  /** Whether its status speaks of that Release: it read what the Release holds for it, in its present specification. */
  readonly current: boolean;
  /** Applied in full, at that Release. */
  readonly synced: boolean;
  /** Why it cannot be applied until somebody changes something. */
  readonly refused: string | undefined;
  readonly health: HealthWord;
  readonly healthMessage: string;
  /** Since when its health has this value; milliseconds. */
  readonly healthSinceMs: number;
  readonly digest: string;
  readonly rendersNothing: boolean;
  /** Since when changes on its cluster are seen at once, without a gap; undefined while they are not. */
  readonly watchedSinceMs: number | undefined;
};
