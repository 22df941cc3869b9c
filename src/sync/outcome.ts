import type { Health } from '../health/health.ts';
import type { Problem } from '../model/parsed.ts';
import type { PortError } from '../model/port-error.ts';
import type { Application, Phase } from '../resources/application.ts';
import type { Wanted } from './wanted.ts';

/** How far a run got, and what comes next. Everything that status, logs and the next look are made of. */
export type SyncResult =
  /** What was declared cannot be done as it stands: a person has to change something. */
  | { readonly is: 'refused'; readonly problems: readonly Problem[] }
  /** The outside world failed. */
  | { readonly is: 'failed'; readonly error: PortError }
  /** Nothing wrong; something else comes first. */
  | { readonly is: 'waiting'; readonly message: string; readonly lookAgainInMs?: number }
  /** Something that it needs has to be mended first, and says so itself: nothing of the Application is to be changed. */
  | { readonly is: 'blocked'; readonly message: string }
  /** Differences stay because the sync policy says so. */
  | { readonly is: 'out-of-sync'; readonly message: string }
  /** Objects were written; more may follow. */
  | { readonly is: 'applied'; readonly message: string; readonly remaining: number }
  | { readonly is: 'awaiting-health'; readonly message: string; readonly wave?: number }
  | { readonly is: 'wave-failed'; readonly message: string; readonly wave: number }
  | { readonly is: 'pruned'; readonly count: number }
  | { readonly is: 'done' };

export type SyncOutcome = {
  /** Names the run, and the claim that it may have taken. */
  readonly runId: string;
  readonly phase: Phase;
  readonly result: SyncResult;
  readonly wanted?: Wanted;
  readonly inputs?: string;
  readonly digest?: string;
  /** Health of everything that is rendered; missing when the run did not get as far as looking. */
  readonly health?: Health;
  readonly unsettled: readonly { readonly namespace: string; readonly selector: string }[];
  readonly objects?: {
    readonly rendered: number;
    readonly members: number;
    readonly outOfSync: number;
    readonly deferred: readonly string[];
    readonly withheld: readonly string[];
  };
  readonly everythingDryRun: boolean;
  readonly lookAgainInMs?: number;
  /** The Application as it was last written during the run: a claim moves its resourceVersion. */
  readonly application: Application;
};
