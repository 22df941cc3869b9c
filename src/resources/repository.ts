import type { Static } from 'typebox';
import type { Resource } from './resource.ts';
import { commitId, conditions, flag, integer, list, localReference, name, observedGeneration, oneOf, optional, record, text, time } from './schema.ts';

export const RepositorySpec = record({
  url: text({
    maxLength: 2048,
    pattern: '^https?://[^\\s@]+$',
    description: 'Clone URL over HTTP(S), without credentials.',
  }),
  secretRef: optional(localReference('Secret with `token`, or `username` and `password`, and `webhookSecret`')),
  host: oneOf(['git', 'gitea'], {
    default: 'git',
    description: 'Which Git host this is: decides how webhooks are read and statuses are posted. `git` has neither.',
  }),
  pollSeconds: integer({
    default: 60,
    minimum: 5,
    maximum: 86_400,
    description: 'How often the host is asked for new commits, besides webhooks; spread by 20 %.',
  }),
  allowedNamespaces: list(name(), { maxItems: 256, default: [], description: 'Other namespaces whose Applications and Pipelines may use this Repository.' }),
  suspend: flag({ default: false, description: 'Ask the host for nothing. Applications keep what they run.' }),
});
export type RepositorySpec = Static<typeof RepositorySpec>;

export const RepositoryStatus = record({
  observedGeneration: optional(observedGeneration),
  conditions,
  refs: list(
    record({
      name: text({ maxLength: 512, description: 'Full name of a branch or tag that an Application or a Pipeline follows.' }),
      commit: commitId({ description: 'The commit that it led to when the host was last asked.' }),
      sequence: integer({ description: 'Grows by one with each move of this ref that Sluice saw.' }),
      movedAt: time({ description: 'When Sluice saw it move.' }),
    }),
    { maxItems: 2000, key: 'name', default: [], description: 'The branches and tags that somebody follows, as the host has them.' },
  ),
  missing: list(text({ maxLength: 512 }), {
    maxItems: 2000,
    default: [],
    description: 'Branches that Pipelines need and the host does not have: source branches, and environment branches that somebody deleted.',
  }),
});
export type RepositoryStatus = Static<typeof RepositoryStatus>;
export type TrackedRef = RepositoryStatus['refs'][number];

export type Repository = Resource<'Repository', RepositorySpec, RepositoryStatus>;
