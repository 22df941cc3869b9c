import { type Static, Type } from 'typebox';
import type { Resource } from './resource.ts';
import { commitId, conditions, flag, integer, list, name, objectName, observedGeneration, oneOf, optional, record, reference, text, time } from './schema.ts';

export const ApplicationSpec = record({
  source: record(
    {
      repository: reference('Repository'),
      path: text({
        maxLength: 1024,
        description: 'Folder of the repository whose manifests are applied; `.` is its root.',
        rules: [
          {
            rule: "!self.startsWith('/') && self.split('/').all(s, s != '..')",
            message: 'must be a path inside the repository, without a leading / and without ..',
          },
        ],
      }),
      targetRevision: optional(
        text({
          maxLength: 255,
          description: 'Branch, tag or full commit id. Left out when a stage of a Pipeline selects this Application: the Pipeline supplies the revision.',
        }),
      ),
      render: oneOf(['auto', 'plain', 'kustomize', 'helm'], {
        default: 'auto',
        description: '`auto` takes Kustomize when the folder has a kustomization file, Helm when it has a Chart.yaml, plain YAML and JSON otherwise.',
      }),
      helm: optional(
        record(
          {
            valueFiles: list(text({ maxLength: 1024 }), {
              maxItems: 32,
              default: [],
              description: "Files of values, the last one wins: relative to the chart's folder, or from the root of the repository with a leading /.",
            }),
            values: optional(
              text({
                maxLength: 65_536,
                description: 'Values as YAML text. They win over all files. No place for secrets: whoever may read the Application reads them.',
              }),
            ),
            releaseName: optional(
              text({
                maxLength: 53,
                pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
                description: 'Name of the release, which charts put into the names of objects; the name of the Application when absent.',
              }),
            ),
            skipCrds: flag({ default: false, description: 'Leave out what lies in the folder crds of the chart.' }),
          },
          { description: 'How the chart in the folder is rendered. Its dependencies must lie in its folder charts.' },
        ),
      ),
    },
    {
      description: 'Where the manifests come from.',
      rules: [{ rule: "!has(self.helm) || self.render in ['auto', 'helm']", message: 'helm is for render auto or helm: take one of the two out' }],
    },
  ),
  destination: record(
    { cluster: reference('Cluster'), namespace: name({ description: 'Where objects without a namespace of their own go.' }) },
    { description: 'Where the objects go.' },
  ),
  serviceAccountName: optional(
    objectName({ description: 'Service account of the destination namespace whose rights decide what may be applied. A rule of the Cluster must name it.' }),
  ),
  sync: record(
    {
      automated: flag({ default: true, description: 'Apply a new revision without being asked.' }),
      prune: flag({ default: true, description: 'Remove members that are no longer rendered, once the new revision is healthy.' }),
      selfHeal: flag({ default: true, description: 'Undo changes made on the cluster by others.' }),
      createNamespace: flag({ default: false, description: 'Create the destination namespace when it is missing.' }),
      adopt: oneOf(['unmanaged', 'never'], {
        default: 'unmanaged',
        description: 'Whether an object that exists already and that no Application owns may be taken over.',
      }),
      timeoutSeconds: integer({
        default: 600,
        minimum: 10,
        maximum: 86_400,
        description: 'How long one revision may take to be applied and pruned before its sync has failed.',
      }),
      retry: record(
        {
          initialSeconds: integer({ default: 5, minimum: 1, maximum: 3600, description: 'The first pause.' }),
          maxSeconds: integer({ default: 180, minimum: 1, maximum: 86_400, description: 'The longest pause.' }),
        },
        { default: {}, description: 'Pause before a failed sync is tried again; doubled each time. A new revision never waits for it.' },
      ),
    },
    { default: {}, description: 'The sync policy: when and how the cluster is changed.' },
  ),
  healthDeadlineSeconds: integer({
    default: 600,
    minimum: 5,
    maximum: 86_400,
    description: 'How long an applied revision may stay Progressing before it counts as Degraded.',
  }),
  suspend: flag({ default: false, description: 'Leave the cluster alone.' }),
});
export type ApplicationSpec = Static<typeof ApplicationSpec>;

const phases = ['source', 'render', 'diff', 'apply', 'health', 'prune', 'done'] as const;
export type Phase = (typeof phases)[number];

export const ApplicationStatus = record({
  observedGeneration: optional(observedGeneration),
  conditions,
  revision: optional(commitId({ description: "The commit that is wanted: the Release's in a stage, the resolved targetRevision otherwise." })),
  commit: optional(commitId({ description: 'The commit that was read; on an environment branch, its promotion commit.' })),
  inputs: optional(text({ maxLength: 64, description: 'Digest of everything that the render read.' })),
  installed: optional(
    text({
      maxLength: 64,
      description: 'The inputs that were applied in full first, or `replaced` once others were: charts can tell an install from an upgrade.',
    }),
  ),
  digest: optional(text({ maxLength: 64, description: 'Digest of the rendered objects.' })),
  phase: optional(oneOf(phases, { description: 'Where the sync stands, or stopped.' })),
  sync: optional(
    record(
      {
        state: oneOf(['Synced', 'OutOfSync', 'Syncing', 'Failed', 'Unknown'], { description: 'Whether the wanted revision is applied.' }),
        id: optional(text({ maxLength: 64, description: 'Names the sync.' })),
        startedAt: optional(time({ description: 'When this revision was first tried.' })),
        appliedAt: optional(time({ description: 'When the last object of this revision was written.' })),
        healthyAt: optional(time({ description: 'When this revision was first healthy in full.' })),
        wave: optional(integer({ minimum: -1_000_000, description: 'The wave that is waited for, or that failed.' })),
        failures: integer({ default: 0, description: 'How often it failed in a row; the pause before the next try grows with it.' }),
        message: Type.String({ maxLength: 4096, description: 'What was done last, or why it stopped.' }),
      },
      { description: 'How far the sync of the wanted revision is.' },
    ),
  ),
  claim: optional(
    record(
      {
        id: text({ maxLength: 64, description: 'The run that holds it.' }),
        worker: text({ maxLength: 128, description: 'The process that runs it.' }),
        revision: commitId({ description: 'What it applies.' }),
        step: text({ maxLength: 64, description: 'What it does now.' }),
        renewedAt: time({ description: 'When it was last renewed.' }),
      },
      { description: 'Which worker is writing to the destination now. Taken over when it was not renewed for 10 s.' },
    ),
  ),
  health: optional(
    record(
      {
        health: oneOf(['Healthy', 'Suspended', 'Progressing', 'Missing', 'Degraded', 'Unknown'], {
          description: 'The worst of all objects; see docs/health.md.',
        }),
        message: Type.String({ maxLength: 2048, description: 'Which object, and why.' }),
        since: time({ description: 'When it took this value.' }),
        progressingSince: optional(time({ description: 'When it was last settled; what the health deadline counts from.' })),
      },
      { description: 'Health of what was applied, as the API server last had it.' },
    ),
  ),
  unsettled: list(
    record({ namespace: name({ description: 'Where the pods are.' }), selector: Type.String({ maxLength: 1024, description: 'Their label selector.' }) }),
    {
      maxItems: 20,
      default: [],
      description: 'Whose pods are watched while a rollout is under way.',
    },
  ),
  objects: optional(
    record(
      {
        rendered: integer({ description: 'How many objects the revision renders.' }),
        members: integer({ description: 'How many objects on the cluster belong to this Application.' }),
        outOfSync: integer({ description: 'How many have to be written or removed.' }),
        deferred: list(text({ maxLength: 512 }), { maxItems: 10, description: 'Objects whose dry-run has to wait for another object, and why.' }),
        withheld: list(text({ maxLength: 512 }), { maxItems: 10, description: 'Members that would go and stay, and why.' }),
      },
      { description: 'What the last look counted.' },
    ),
  ),
  history: list(
    record({
      revision: commitId({ description: 'The commit that was wanted.' }),
      commit: commitId({ description: 'The commit that was read.' }),
      digest: optional(text({ maxLength: 64, description: 'Digest of the rendered objects; absent for a revision that could not be rendered.' })),
      startedAt: time({ description: 'When it was first tried.' }),
      finishedAt: time({ description: 'When it was healthy, or overtaken.' }),
      result: oneOf(['Synced', 'Failed', 'Superseded'], { description: '`Superseded`: another revision came before it was healthy.' }),
      message: Type.String({ maxLength: 512, description: 'Why it failed.' }),
    }),
    { maxItems: 5, default: [], description: 'Earlier revisions, newest first.' },
  ),
  fullDryRunAt: optional(time({ description: 'When every object was last dry-run, proven or not.' })),
  syncRequested: optional(
    text({ maxLength: 64, description: 'The annotation `sluice.dev/sync-requested` of the last request whose sync is done or has failed.' }),
  ),
});
export type ApplicationStatus = Static<typeof ApplicationStatus>;

export type Application = Resource<'Application', ApplicationSpec, ApplicationStatus>;
