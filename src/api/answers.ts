import { type Static, type TSchema, Type } from 'typebox';
import { ApplicationStatus } from '../resources/application.ts';
import { ReleaseStatus } from '../resources/release.ts';

/** What the read API answers. The page takes its types from here, and the OpenAPI document is made of the same schemas. */

const answer = <Fields extends Record<string, TSchema>>(fields: Fields) => Type.Object(fields, { additionalProperties: false });
const optional = Type.Optional;
const text = Type.String();
const time = Type.String({ format: 'date-time' });
const count = Type.Integer({ minimum: 0 });
const word = <const Word extends string>(...words: readonly Word[]) => Type.Unsafe<Word>({ type: 'string', enum: words });
const placed = { namespace: text, name: text };

const Reference = answer(placed);

const Standing = answer({
  ready: word('True', 'False', 'Unknown'),
  reason: text,
  message: text,
  stalled: Type.Boolean({ description: 'It stays so until somebody changes something.' }),
});
export type Standing = Static<typeof Standing>;

const ReleaseBrief = answer({
  name: text,
  revision: text,
  sequence: count,
  subject: optional(Type.String({ description: 'First line of the commit message: written by whoever commits, not to be trusted.' })),
  author: optional(text),
  committedAt: optional(time),
});
export type ReleaseBrief = Static<typeof ReleaseBrief>;

export const Release = answer({
  ...ReleaseBrief.properties,
  namespace: text,
  pipeline: text,
  included: Type.Integer({ description: 'How many earlier commits travel with it.' }),
  rewritten: Type.Boolean(),
  summary: optional(text),
  stages: ReleaseStatus.properties.stages,
});
export type Release = Static<typeof Release>;

const verdict = word('pending', 'verified', 'failed');
const admissionFields = { release: ReleaseBrief, ordinal: count, admittedAt: time, verdict, reason: text, verdictAt: optional(time) };
const promotionCommit = optional(Type.String({ description: 'The promotion commit on the environment branch.' }));

const Admission = answer({
  ...admissionFields,
  deadlineAt: time,
  soak: optional(answer({ countedMs: count, observedAt: time })),
  commit: promotionCommit,
  pushed: optional(Type.Boolean({ description: 'Whether the Git host has the promotion commit; until then the stage runs the Release before.' })),
});
const PastAdmission = answer({ ...admissionFields, endedAt: time, commit: promotionCommit });

export const Stage = answer({
  name: text,
  after: Type.Array(text),
  soakSeconds: count,
  applications: answer({ total: count, synced: count, healthy: count }),
  /** The worst of its Applications that is not healthy, and why. */
  trouble: optional(answer({ application: text, health: text, message: text })),
  admitted: optional(Admission),
  waiting: Type.Array(answer({ release: ReleaseBrief, reason: text, since: time }), { description: 'The newest few that wait to enter.' }),
  waitingCount: count,
  foreign: optional(answer({ commit: text, why: text })),
  history: Type.Array(PastAdmission, { description: 'Earlier admissions, newest first; empty in lists.' }),
});
export type Stage = Static<typeof Stage>;

export const Pipeline = answer({
  ...placed,
  repository: Reference,
  branch: text,
  suspended: Type.Boolean(),
  standing: Standing,
  signer: optional(text),
  stages: Type.Array(Stage),
});
export type Pipeline = Static<typeof Pipeline>;

const status = ApplicationStatus.properties;

export const Application = answer({
  ...placed,
  repository: Reference,
  path: text,
  targetRevision: optional(text),
  cluster: Reference,
  destinationNamespace: text,
  serviceAccountName: optional(text),
  stage: optional(answer({ pipeline: text, name: text })),
  suspended: Type.Boolean(),
  policy: answer({ automated: Type.Boolean(), prune: Type.Boolean(), selfHeal: Type.Boolean() }),
  standing: Standing,
  revision: status.revision,
  subject: optional(text),
  phase: status.phase,
  sync: status.sync,
  health: status.health,
  objects: status.objects,
  history: status.history,
});
export type Application = Static<typeof Application>;

const ObjectName = { group: text, kind: text, namespace: optional(text), name: text };
const state = word('in-sync', 'create', 'update', 'remove', 'kept', 'deferred', 'not-owned', 'refused');
const problems = Type.Array(answer({ at: text, message: text }));
const lookedAt = {
  lookedAt: time,
  revision: optional(text),
  why: optional(Type.String({ description: 'Why nothing could be looked at; the status of the Application still says what was seen last.' })),
  problems,
};

export const Objects = answer({
  ...lookedAt,
  items: Type.Array(answer({ ...ObjectName, state, health: optional(text), message: optional(text), why: optional(text) })),
  more: Type.Integer({ description: 'How many are left out beyond the limit.' }),
});
export type Objects = Static<typeof Objects>;

export const Diff = answer({
  ...lookedAt,
  items: Type.Array(
    answer({ ...ObjectName, state, why: optional(text), patch: optional(Type.String({ description: 'Unified; values of Secrets are masked.' })) }),
  ),
  more: count,
});
export type Diff = Static<typeof Diff>;

export const Repository = answer({
  ...placed,
  url: text,
  host: text,
  suspended: Type.Boolean(),
  standing: Standing,
  refs: Type.Array(answer({ name: text, commit: text, movedAt: time })),
  missing: Type.Array(text),
});
export type Repository = Static<typeof Repository>;

export const Cluster = answer({
  ...placed,
  suspended: Type.Boolean(),
  standing: Standing,
  version: optional(text),
  watchedSince: optional(time),
});
export type Cluster = Static<typeof Cluster>;

/** One page of a list: `next` is the `after` of the following one. */
export const listOf = <Item extends TSchema>(item: Item) => answer({ items: Type.Array(item), next: optional(text) });
export type ListOf<Item> = { readonly items: readonly Item[]; readonly next?: string };

export const Refusal = answer({ message: text });

/** What the stream of events tells of each change; what it is now has to be asked for. */
export const ChangeEvent = answer({
  kind: word('Repository', 'Cluster', 'Application', 'Pipeline', 'Release'),
  ...placed,
  type: word('ADDED', 'MODIFIED', 'DELETED'),
  resourceVersion: optional(text),
});
export type ChangeEvent = Static<typeof ChangeEvent>;
