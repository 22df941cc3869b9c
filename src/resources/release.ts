import { type Static, Type } from 'typebox';
import type { Resource } from './resource.ts';
import { commitId, flag, integer, list, name, objectName, oneOf, optional, record, text, time } from './schema.ts';

export const ReleaseSpec = record({
  pipeline: objectName({ description: 'The Pipeline, in the same namespace.' }),
  revision: commitId({ description: 'The commit of the source branch.' }),
  tree: commitId({ description: "The commit's tree: what every environment branch gets." }),
  sequence: integer({ description: 'Orders the Releases of a Pipeline.' }),
  inputs: text({ maxLength: 64, description: "Digest of everything that the Pipeline's Applications read at this commit." }),
  subject: Type.String({ maxLength: 256, description: 'First line of the commit message.' }),
  author: Type.String({ maxLength: 256, description: 'Who wrote the commit.' }),
  committedAt: time({ description: 'When it was committed.' }),
  included: list(commitId(), {
    maxItems: 100,
    default: [],
    description: 'First-parent commits since the previous Release, oldest first, without this one; at most the newest 100.',
  }),
  rewritten: flag({ default: false, description: 'The branch no longer had the previous Release: history was rewritten, or is too far back.' }),
});
export type ReleaseSpec = Static<typeof ReleaseSpec>;

export const ReleaseStatus = record({
  summary: optional(Type.String({ maxLength: 2048, description: 'Where it stands in every stage, for `kubectl get`.' })),
  stages: list(
    record({
      name: name({ description: 'Name of the stage.' }),
      state: oneOf(['waiting', 'skipped', 'pending', 'verified', 'failed'], {
        description: 'Where it stands there; docs/reference/conditions.md explains each.',
      }),
      reason: Type.String({ maxLength: 2048, description: 'Why, or what is missing.' }),
      admittedAt: optional(time({ description: 'When it took the stage.' })),
      since: time({ description: 'When it took this state.' }),
      frozen: flag({ default: false, description: 'The stage has moved on; this verdict does not change any more.' }),
    }),
    { maxItems: 32, key: 'name', default: [], description: 'Where it stands in every stage.' },
  ),
  reported: list(
    record({
      context: text({ maxLength: 255, description: 'Name of the status: sluice/<pipeline>/<stage>.' }),
      state: oneOf(['pending', 'success', 'failure'], { description: 'As the Git host knows it.' }),
      description: Type.String({ maxLength: 140, description: 'The line that people see there.' }),
    }),
    {
      maxItems: 64,
      key: 'context',
      default: [],
      description: 'What stands on the commit at the Git host.',
    },
  ),
});
export type ReleaseStatus = Static<typeof ReleaseStatus>;
export type ReleaseStage = ReleaseStatus['stages'][number];

export type Release = Resource<'Release', ReleaseSpec, ReleaseStatus>;
