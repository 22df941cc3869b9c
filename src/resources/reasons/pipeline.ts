import type { Reason } from './reason.ts';

const kept = 'Every stage keeps what it runs.';
const triedAgain = `${kept} It is tried again with pauses from 1 s to 60 s, or when the other side asked for.`;
const untilChanged = `${kept} It is looked at again when the Pipeline or the Repository changes, at the latest after five minutes.`;

export const pipelineReasons = {
  Verified: {
    standing: 'ready',
    meaning: 'Every stage runs a Release and has verified it.',
    toDo: 'Nothing.',
    next: 'The next Release enters the first stage.',
  },
  Promoting: {
    standing: 'reconciling',
    meaning: 'A Release is under way; the message says for each stage which one it runs and what is missing.',
    toDo: 'Nothing. To see what a stage waits for: `sluice get pipeline NAME`.',
    next: 'Each stage is judged at every change of health. A Release that is not verified within `verify.deadlineSeconds` has failed.',
  },
  Suspended: {
    standing: 'reconciling',
    meaning: '`spec.suspend` is set: no stage takes another Release.',
    toDo: 'Set `spec.suspend` to false when promotions should go on.',
    next: 'What runs is still judged, and drift is still undone.',
  },
  StageFailed: {
    standing: 'failing',
    meaning: 'A stage has judged its Release as failed; the message says which and why. That Release goes no further.',
    toDo: 'Push a commit that corrects it. It takes the stage at once.',
    next: 'When everything there becomes healthy again, the Release is judged anew, with a whole soak. The other stages go on.',
  },
  NoRepository: {
    standing: 'stalled',
    meaning: '`spec.repository` names a Repository that is not there.',
    toDo: 'Create it, or correct the name.',
    next: untilChanged,
  },
  NotAllowed: {
    standing: 'stalled',
    meaning: 'The Repository does not allow the namespace of this Pipeline.',
    toDo: 'Add the namespace to `spec.allowedNamespaces` of the Repository.',
    next: untilChanged,
  },
  Circle: {
    standing: 'stalled',
    meaning: 'Stages wait for each other in a circle, so that none could ever begin; the message names them.',
    toDo: 'Take one of the names out of an `after`.',
    next: untilChanged,
  },
  NoBranch: {
    standing: 'stalled',
    meaning: 'The Repository has no branch of the name in `spec.branch`, or has it no more.',
    toDo: 'Push the branch (the message holds the command that restores a deleted one), or correct the name.',
    next: 'Releases made so far go on through the stages; no new one is made until the branch is there.',
  },
  ForeignCommit: {
    standing: 'stalled',
    meaning: 'An environment branch is not where Sluice left it: somebody pushed to it, rewrote it or deleted it.',
    toDo: 'Do what the message says: it holds the command that puts the branch back. Changes belong on the source branch.',
    next: 'What was pushed there is never deployed. That stage takes no Release until the branch is as Sluice left it; the others go on.',
  },
  Unreachable: {
    standing: 'failing',
    meaning: 'The Git host or the hub does not answer; the message says which and why.',
    toDo: 'See that it runs and can be reached from Sluice.',
    next: triedAgain,
  },
  Timeout: {
    standing: 'failing',
    meaning: 'The Git host or the hub did not answer in time.',
    toDo: 'Nothing when it passes; otherwise look for load there.',
    next: triedAgain,
  },
  Conflict: {
    standing: 'failing',
    meaning: 'The Git host could not move an environment branch, because somebody else was moving it in the same moment.',
    toDo: 'Nothing. When it lasts, find out who else pushes to `env/…`.',
    next: triedAgain,
  },
  Unauthorized: {
    standing: 'failing',
    meaning: 'The Git host refuses the credentials with which promotions are pushed.',
    toDo: 'Renew them in the Secret that the Repository names.',
    next: triedAgain,
  },
  Forbidden: {
    standing: 'failing',
    meaning: 'The credentials are accepted and may not push: no right to write, or a protected branch.',
    toDo: 'Give their account the right to write, and let it push to `env/<pipeline>/*` where branches are protected.',
    next: triedAgain,
  },
  NotFound: {
    standing: 'failing',
    meaning: 'The repository, or a commit that a Release names, is not at the Git host.',
    toDo: 'Correct `spec.url` of the Repository, or restore the history that was rewritten.',
    next: triedAgain,
  },
  Invalid: {
    standing: 'failing',
    meaning: 'The Git host refused the push, or answered something that cannot be used; the message holds what it said.',
    toDo: 'Follow what the host said: often a hook or a rule on branch names or signatures.',
    next: triedAgain,
  },
} as const satisfies Readonly<Record<string, Reason>>;
