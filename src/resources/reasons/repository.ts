import type { Reason } from './reason.ts';

const askedAgain = 'The host is asked again within 15 s, or when it asked for. What was read before stays known, and Applications keep what they run.';

export const repositoryReasons = {
  Read: {
    standing: 'ready',
    meaning: 'The host was asked, and what Applications and Pipelines follow there is known.',
    toDo: 'Nothing.',
    next: 'The host is asked again every `spec.pollSeconds`, and at once after a webhook.',
  },
  Suspended: {
    standing: 'ready',
    meaning: '`spec.suspend` is set: the host is not asked, and webhooks change nothing.',
    toDo: 'Set `spec.suspend` to false when new commits should count again.',
    next: 'Nothing new is read. Applications keep what they run, and drift is still undone.',
  },
  Unreachable: {
    standing: 'failing',
    meaning: 'The Git host does not answer, or asks for fewer requests; the message holds the address and the reason.',
    toDo: 'See that `spec.url` is right and that Sluice can reach it: DNS, firewall, proxy, certificate.',
    next: askedAgain,
  },
  Timeout: {
    standing: 'failing',
    meaning: 'The Git host did not answer in time.',
    toDo: 'Nothing when it passes; otherwise look for load on the host.',
    next: askedAgain,
  },
  Unauthorized: {
    standing: 'stalled',
    meaning: 'The Git host refuses the credentials, asks for some and there are none, or does not let them read this repository; the message says which.',
    toDo: 'Put a valid `token`, or `username` and `password`, into the Secret that `spec.secretRef` names, or let their account read the repository.',
    next: askedAgain,
  },
  Forbidden: {
    standing: 'stalled',
    meaning: 'Sluice may not read something that it needs for this Repository, mostly its Secret at the hub; the message says what.',
    toDo: 'Give Sluice that right at the hub: the README says where its rights are.',
    next: askedAgain,
  },
  NotFound: {
    standing: 'stalled',
    meaning: 'There is no such repository at the host, or the credentials may not see it. The message may also name a commit that has gone.',
    toDo: 'Correct `spec.url`, or let the account of the credentials see the repository.',
    next: askedAgain,
  },
  Invalid: {
    standing: 'stalled',
    meaning: 'The Secret cannot be used, or the host answered something that is not the Git protocol; the message says which.',
    toDo: 'Correct what the message names: the fields of the Secret, or an address that leads to a web page instead of a repository.',
    next: askedAgain,
  },
} as const satisfies Readonly<Record<string, Reason>>;
