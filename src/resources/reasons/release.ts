import type { Explanation } from '../../model/explanation.ts';
import type { ReleaseStage } from '../release.ts';

/** A Release has no conditions: it says of every stage where it stands there, and so does its status on the commit. */
export const releaseStates = {
  waiting: {
    meaning: 'It has not entered the stage; the reason says which stage has to verify it first, or which Release is still being judged there.',
    toDo: 'Nothing.',
    next: 'It enters when it is verified in every stage of `after` and the stage is free. On the commit: `pending`.',
  },
  skipped: {
    meaning: 'A newer Release took the stage: before this one entered it, or before it was judged there.',
    toDo: 'Nothing. What it changed is in the newer Release as well.',
    next: 'It never enters the stage again. On the commit it stays `pending`: it was not proven, and it did not fail.',
  },
  pending: {
    meaning: 'The stage runs it and judges it; the reason says what is missing: the push, the sync, health or soak.',
    toDo: 'Nothing, or look at the Application that the reason names.',
    next: 'It becomes verified or failed, at the latest after `verify.deadlineSeconds`. On the commit: `pending`.',
  },
  verified: {
    meaning: 'Everything that the stage applied of it was healthy for as long as asked for.',
    toDo: 'Nothing.',
    next: 'It may enter the stages that come after. While the stage runs it, ill health makes it failed. On the commit: `success`.',
  },
  failed: {
    meaning: 'It could not be applied, is Degraded, or was not verified in time; the reason says which Application and why.',
    toDo: 'Push a commit that corrects it.',
    next: 'A newer Release takes the stage at once. When everything becomes healthy, this one is judged anew. On the commit: `failure`.',
  },
} as const satisfies Readonly<Record<ReleaseStage['state'], Explanation>>;
