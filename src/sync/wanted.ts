import { accepted, type Parsed, refused } from '../model/parsed.ts';
import { referenceText } from '../model/reference.ts';
import type { Application } from '../resources/application.ts';
import type { Admission, Pipeline, StageSpec, StageStatus } from '../resources/pipeline.ts';
import type { Repository } from '../resources/repository.ts';
import { referenceOf } from '../resources/resource.ts';
import { resolveRevision } from '../source/revision.ts';

/**
 * What an Application should run now.
 * `revision` is what people mean by it; `commit` is what is written down as read; the files are those of `revision` in either case, since a
 * promotion commit has the very tree of its Release.
 */
export type Wanted = { readonly revision: string; readonly commit: string; readonly ref: string | undefined };

export type WantedNow =
  | { readonly is: 'wanted'; readonly wanted: Wanted }
  | { readonly is: 'not-yet'; readonly why: string }
  /** Not before somebody mends the Repository. */
  | { readonly is: 'blocked'; readonly why: string };

export type Placement = { readonly pipeline: Pipeline; readonly stage: StageSpec };

/** The stages that select an Application; more than one is a mistake. */
export function placementsOf(application: Application, pipelines: readonly Pipeline[]): readonly Placement[] {
  return pipelines
    .filter((pipeline) => pipeline.metadata.namespace === application.metadata.namespace)
    .flatMap((pipeline) => pipeline.spec.stages.filter((stage) => selects(stage, application)).map((stage) => ({ pipeline, stage })));
}

function selects(stage: StageSpec, application: Application): boolean {
  const labels = application.metadata.labels ?? {};
  const wanted = Object.entries(stage.selector.matchLabels);
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}

export function applicationsOf(pipeline: Pipeline, stage: StageSpec, applications: readonly Application[]): readonly Application[] {
  return applications.filter((application) => application.metadata.namespace === pipeline.metadata.namespace && selects(stage, application));
}

/** Whether admissions to a stage are written to Git. A stage that takes Releases without asking writes none. */
export const hasBranch = (stage: StageSpec): boolean => stage.after.length > 0;

/** Whether the promotion commit of an admission is still on its way. One from a time when the stage had no branch never gets one. */
export const awaitsPush = (stage: StageSpec, admitted: Admission): boolean => hasBranch(stage) && admitted.record !== undefined && !admitted.record.pushed;

export function wantedRevision(application: Application, repository: Repository, pipelines: readonly Pipeline[]): Parsed<WantedNow> {
  const placements = placementsOf(application, pipelines);
  const [placement, second] = placements;
  if (placement !== undefined && second !== undefined) {
    return refused({
      at: 'metadata.labels',
      message: `${placements.map(stageText).join(' and ')} both select this Application; change the labels so that one does`,
    });
  }
  if (placement !== undefined) return fromStage(application, repository, placement);

  const { targetRevision } = application.spec.source;
  if (targetRevision === undefined) {
    return refused({
      at: 'spec.source.targetRevision',
      message: 'is missing: name a branch, a tag or a commit, or label the Application so that a stage of a Pipeline selects it',
    });
  }
  const refs = repository.status?.refs ?? [];
  const resolved = resolveRevision(targetRevision, refs);
  if (!resolved.ok) {
    const unread = whyUnread(repository);
    if (unread !== undefined) return accepted(unread);
    const stays = application.status?.commit === undefined ? '' : '; what runs stays';
    return refused(...resolved.problems.map(({ message }) => ({ at: 'spec.source.targetRevision', message: `${message}${stays}` })));
  }
  return accepted({ is: 'wanted', wanted: { revision: resolved.value.commit, commit: resolved.value.commit, ref: resolved.value.ref } });
}

/** Why nothing can be said yet of what its host has. */
function whyUnread(repository: Repository): Exclude<WantedNow, { is: 'wanted' }> | undefined {
  const own = referenceText(referenceOf(repository));
  if (repository.spec.suspend) return { is: 'not-yet', why: `Repository ${own} is suspended: what its host has now is not known` };
  if ((repository.status?.observedGeneration ?? 0) === 0) return { is: 'not-yet', why: `Repository ${own} has not been read yet` };
  const condition = (wanted: string) => repository.status?.conditions.find(({ type }) => type === wanted);
  const ready = condition('Ready');
  if (ready?.status !== 'False') return undefined;
  return { is: condition('Stalled')?.status === 'True' ? 'blocked' : 'not-yet', why: `Repository ${own} cannot be read: ${ready.message}` };
}

function fromStage(application: Application, repository: Repository, { pipeline, stage }: Placement): Parsed<WantedNow> {
  if (application.spec.source.targetRevision !== undefined) {
    return refused({ at: 'spec.source.targetRevision', message: `must be left out: ${stageText({ pipeline, stage })} supplies the revision` });
  }
  const its = pipeline.spec.repository;
  const own = referenceOf(repository);
  if ((its.namespace ?? pipeline.metadata.namespace) !== own.namespace || its.name !== own.name) {
    return refused({
      at: 'spec.source.repository',
      message: `is ${referenceText(own)}, but ${stageText({ pipeline, stage })} promotes commits of ${its.name}: use the same Repository`,
    });
  }
  const running = runningIn(
    stage,
    pipeline.status?.stages.find(({ name }) => name === stage.name),
  );
  if (running === undefined) return accepted({ is: 'not-yet', why: `${stageText({ pipeline, stage })} has not admitted a Release yet` });
  return accepted({ is: 'wanted', wanted: { ...running, ref: `refs/heads/${pipeline.spec.branch}` } });
}

/** What a stage runs: the admitted Release, in a stage with a branch as soon as the host has its promotion commit, and until then the one before. */
export function runningIn(stage: StageSpec, status: StageStatus | undefined): { readonly revision: string; readonly commit: string } | undefined {
  const admitted = status?.admitted;
  if (admitted === undefined) return undefined;
  if (!hasBranch(stage)) return { revision: admitted.revision, commit: admitted.revision };
  if (!awaitsPush(stage, admitted)) return { revision: admitted.revision, commit: admitted.record?.commit ?? admitted.revision };
  const previous = status?.history[0];
  return previous === undefined ? undefined : { revision: previous.revision, commit: previous.commit ?? previous.revision };
}

const stageText = ({ pipeline, stage }: Placement): string => `stage ${stage.name} of Pipeline ${pipeline.metadata.name}`;
