import type { Application } from '../resources/application.ts';
import type { Cluster } from '../resources/cluster.ts';
import type { Pipeline, StageSpec, StageStatus } from '../resources/pipeline.ts';
import type { Release } from '../resources/release.ts';
import type { Repository } from '../resources/repository.ts';
import { resolveReference } from '../resources/resource.ts';
import { filesAt } from '../source/files.ts';
import type { Files } from '../source/source.ts';
import { commitOf } from '../sync/checkout.ts';
import { renderSourceOf } from '../sync/render-source.ts';
import { applicationsOf } from '../sync/wanted.ts';
import type { Ports } from './ports.ts';
import type { ApplicationView, PipelineView, ReleaseView, StageView } from './view.ts';

/** A watch that was not renewed for this long counts as lost. */
const watchLeaseMs = 30_000;

/** Reads everything that the reducer may know. */
export async function readView(
  pipeline: Pipeline,
  repository: Repository,
  releases: readonly Release[],
  ports: Ports,
  now: Date,
  signal: AbortSignal,
): Promise<PipelineView> {
  const applications = ports.hub.list('Application', pipeline.metadata.namespace);
  const stages = await Promise.all(
    pipeline.spec.stages.map(async (spec): Promise<StageView> => {
      const status = pipeline.status?.stages.find(({ name }) => name === spec.name);
      const selected = applicationsOf(pipeline, spec, applications);
      return { spec, status, applications: await readApplications(selected, pipeline, repository, status, ports, now, signal) };
    }),
  );
  return { stages, releases: releases.map(releaseView), suspended: pipeline.spec.suspend };
}

async function readApplications(
  selected: readonly Application[],
  pipeline: Pipeline,
  repository: Repository,
  status: StageStatus | undefined,
  ports: Ports,
  now: Date,
  signal: AbortSignal,
): Promise<readonly ApplicationView[]> {
  const { admitted } = status ?? {};
  if (admitted === undefined)
    return selected.map((application) =>
      applicationView(application, false, ports.hub.seen('Cluster', resolveReference(application, application.spec.destination.cluster)), now),
    );

  const runs = [admitted.revision, admitted.record?.commit];
  const behind = selected.some((application) => !runs.includes(application.status?.commit));
  const files = behind ? await filesOf(admitted.revision, pipeline, repository, ports, signal) : undefined;
  return Promise.all(
    selected.map(async (application) => {
      const cluster = ports.hub.seen('Cluster', resolveReference(application, application.spec.destination.cluster));
      return applicationView(application, await speaksOf(application, runs, files, ports), cluster, now);
    }),
  );
}

/** Whether a status speaks of what a stage runs: it read that commit, or one that holds the very same inputs. */
async function speaksOf(application: Application, commits: readonly (string | undefined)[], files: Files | undefined, ports: Ports): Promise<boolean> {
  const { metadata, status } = application;
  if (status?.commit === undefined || status.observedGeneration !== metadata.generation) return false;
  if (commits.includes(status.commit)) return true;
  return files !== undefined && status.inputs === (await ports.inputsOf(renderSourceOf(application, files)));
}

async function filesOf(revision: string, pipeline: Pipeline, repository: Repository, ports: Ports, signal: AbortSignal): Promise<Files> {
  const access = await ports.accessTo(repository, signal);
  const commit = await commitOf(ports.source, access, { revision, ref: `refs/heads/${pipeline.spec.branch}` }, signal);
  return filesAt(ports.source, access, commit, signal);
}

function applicationView({ metadata, status }: Application, current: boolean, cluster: Cluster | undefined, now: Date): ApplicationView {
  const { health, sync } = status ?? {};
  return {
    name: metadata.name,
    current,
    synced: sync?.state === 'Synced' && sync.appliedAt !== undefined,
    refused: current ? whyRefused(status) : undefined,
    health: health?.health ?? 'Unknown',
    healthMessage: health?.message ?? 'was not looked at yet',
    healthSinceMs: health === undefined ? now.getTime() : Date.parse(health.since),
    digest: status?.digest ?? '',
    rendersNothing: status?.objects?.rendered === 0,
    watchedSinceMs: watchedSince(cluster, now),
  };
}

/** What waiting will not mend: a person has to change something, or a wave cannot be passed. */
function whyRefused(status: Application['status']): string | undefined {
  const stalled = status?.conditions.find(({ type }) => type === 'Stalled');
  if (stalled?.status === 'True') return stalled.message;
  const ready = status?.conditions.find(({ type }) => type === 'Ready');
  return ready?.status === 'False' && (ready.reason === 'WaveFailed' || ready.reason === 'TimedOut') ? ready.message : undefined;
}

function watchedSince(cluster: Cluster | undefined, now: Date): number | undefined {
  const watch = cluster?.status?.watch;
  if (watch?.syncedSince === undefined || now.getTime() - Date.parse(watch.renewedAt) > watchLeaseMs) return undefined;
  return Date.parse(watch.syncedSince);
}

const releaseView = ({ metadata, spec, status }: Release): ReleaseView => ({
  name: metadata.name,
  revision: spec.revision,
  sequence: spec.sequence,
  frozen: (status?.stages ?? []).flatMap(({ name, state, frozen }) =>
    frozen && state !== 'waiting' && state !== 'skipped' ? [{ stage: name, verdict: state }] : [],
  ),
});

/** Applications of a stage that would run something else after it took a Release: the only ones to nudge. */
export async function affectedBy(
  stage: StageSpec,
  running: { readonly revision: string; readonly commit: string },
  pipeline: Pipeline,
  repository: Repository,
  ports: Ports,
  signal: AbortSignal,
): Promise<readonly Application[]> {
  const selected = applicationsOf(pipeline, stage, ports.hub.list('Application', pipeline.metadata.namespace));
  const files = await filesOf(running.revision, pipeline, repository, ports, signal);
  const current = await Promise.all(selected.map((application) => speaksOf(application, [running.commit], files, ports)));
  return selected.filter((application, index) => !current[index] || application.status?.sync?.state === 'Failed');
}
