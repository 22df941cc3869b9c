import { type Static, Type } from 'typebox';
import type { Resource } from './resource.ts';
import {
  commitId,
  conditions,
  flag,
  integer,
  list,
  mapOf,
  name,
  objectName,
  observedGeneration,
  oneOf,
  optional,
  record,
  reference,
  text,
  time,
} from './schema.ts';

export const StageSpec = record({
  name: name({ description: 'Name of the stage, e.g. staging; part of the name of its environment branch.' }),
  after: list(name(), { maxItems: 16, default: [], description: 'Stages in which a Release must be verified before it may enter this one.' }),
  selector: record(
    { matchLabels: mapOf(Type.String({ maxLength: 63 }), { maxProperties: 16, description: 'Labels that an Application must have, all of them.' }) },
    { description: 'Which Applications of this namespace belong to the stage.' },
  ),
  queue: optional(
    oneOf(['newest', 'verified'], {
      description:
        'What a newer Release does while one is pending: `newest` takes the stage at once, `verified` waits for the verdict. Default: verified where a later stage waits for this one or a soak is asked for, newest elsewhere.',
    }),
  ),
  verify: record(
    {
      soakSeconds: integer({ default: 0, maximum: 2_592_000, description: 'How long the stage must stay healthy without a break.' }),
      deadlineSeconds: integer({
        default: 3600,
        minimum: 1,
        maximum: 5_184_000,
        description: 'After this long, soak included, a Release that is not verified has failed.',
      }),
      allowEmpty: flag({ default: false, description: 'Whether a stage that selects no Application, or whose Applications render nothing, may be verified.' }),
    },
    {
      default: {},
      description: 'What a Release has to prove in the stage. Health always counts.',
      rules: [
        {
          rule: '!has(self.deadlineSeconds) || !has(self.soakSeconds) || self.deadlineSeconds > self.soakSeconds',
          message: 'deadlineSeconds counts the soak in: it must be longer than soakSeconds',
        },
      ],
    },
  ),
});
export type StageSpec = Static<typeof StageSpec>;

export const PipelineSpec = record({
  repository: reference('Repository'),
  branch: text({ maxLength: 255, description: 'The source branch whose commits travel through the stages.' }),
  stages: list(StageSpec, {
    minItems: 1,
    maxItems: 32,
    key: 'name',
    description: 'The stages, an ordered graph by `after`.',
    rules: [
      { rule: 'self.all(s, s.after.all(a, self.exists(t, t.name == a)))', message: 'every name in `after` must be a stage of this Pipeline' },
      { rule: 'self.all(s, !(s.name in s.after))', message: 'a stage cannot come after itself' },
    ],
  }),
  record: oneOf(['branch'], { default: 'branch', description: '`branch`: each admission to a later stage is a signed commit on env/<pipeline>/<stage>.' }),
  suspend: flag({ default: false, description: 'Admit nothing. What runs stays and is still judged.' }),
});
export type PipelineSpec = Static<typeof PipelineSpec>;

const verdicts = ['pending', 'verified', 'failed'] as const;
export type Verdict = (typeof verdicts)[number];

const admissionFields = {
  release: objectName({ description: 'The Release.' }),
  revision: commitId({ description: 'Its commit on the source branch.' }),
  sequence: integer({ description: 'Its place in the order of Releases.' }),
  ordinal: integer({ description: 'Counts the admissions of this stage.' }),
  admittedAt: time({ description: 'When it took the stage.' }),
  verdict: oneOf(verdicts, { description: 'What the stage says of it.' }),
  reason: Type.String({ maxLength: 2048, description: 'Why, or what is missing.' }),
  verdictAt: optional(time({ description: 'When the verdict took this value.' })),
  noted: optional(oneOf(['verified', 'failed'], { description: 'The verdict that stands in the Git note of the commit (refs/notes/sluice).' })),
};

export const Admission = record(
  {
    ...admissionFields,
    deadlineAt: time({ description: 'When it has failed if it is not verified.' }),
    soak: optional(
      record(
        {
          digest: text({ maxLength: 64, description: "Digest of what the stage's Applications render." }),
          countedMs: integer({ description: 'Continuous health observed so far, in milliseconds.' }),
          observedAt: time({ description: 'When it was last judged.' }),
          healthySince: time({ description: 'When the last of its Applications became healthy: another time than before means that it was ill in between.' }),
        },
        { description: 'How long what the stage renders has been healthy.' },
      ),
    ),
    record: optional(
      record(
        {
          expectedHead: optional(commitId({ description: 'The head of the environment branch that the decision saw.' })),
          gates: list(
            record({
              gate: text({ maxLength: 128, description: 'A stage of `after`.' }),
              result: text({ maxLength: 256, description: 'What it said, and when.' }),
            }),
            { maxItems: 64, default: [], description: 'The proof that stands in the promotion commit.' },
          ),
          commit: optional(commitId({ description: 'The promotion commit: made from what stands here, so that a retry makes the same one.' })),
          pushed: flag({ default: false, description: 'Whether the host has it.' }),
        },
        { description: 'How the admission is recorded in Git.' },
      ),
    ),
  },
  { description: 'The Release that the stage runs.' },
);
export type Admission = Static<typeof Admission>;

export const StageStatus = record({
  name: name({ description: 'Name of the stage.' }),
  admitted: optional(Admission),
  head: optional(commitId({ description: 'The accepted head of the environment branch.' })),
  foreign: optional(
    record(
      {
        commit: commitId({ description: 'The head that Sluice did not make.' }),
        why: Type.String({ maxLength: 1024, description: 'What was found, and the command that puts it back.' }),
      },
      { description: 'Somebody else changed the environment branch; the stage takes nothing until it is put back.' },
    ),
  ),
  history: list(
    record({
      ...admissionFields,
      digest: optional(text({ maxLength: 64, description: 'Digest of what the stage rendered.' })),
      commit: optional(commitId({ description: 'The promotion commit.' })),
      endedAt: time({ description: 'When another Release took the stage.' }),
    }),
    {
      maxItems: 10,
      default: [],
      description: 'Earlier admissions with their frozen verdicts, newest first.',
    },
  ),
});
export type StageStatus = Static<typeof StageStatus>;

export const PipelineStatus = record({
  observedGeneration: optional(observedGeneration),
  conditions,
  signer: optional(text({ maxLength: 512, description: 'Public key that signs promotion commits, as in an allowed signers file.' })),
  stages: list(StageStatus, { maxItems: 32, key: 'name', default: [], description: 'What was decided for each stage.' }),
});
export type PipelineStatus = Static<typeof PipelineStatus>;

export type Pipeline = Resource<'Pipeline', PipelineSpec, PipelineStatus>;
