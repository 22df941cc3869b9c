import type { Reference } from '../model/reference.ts';
import type { Hub } from '../resources/hub.ts';
import type { Pipeline } from '../resources/pipeline.ts';
import type { Release, ReleaseStage, ReleaseStatus } from '../resources/release.ts';
import type { Repository } from '../resources/repository.ts';
import { resolveReference } from '../resources/resource.ts';
import type { RepositoryAccess } from '../source/source.ts';
import type { CommitStatusState, GitHost } from './git-host.ts';

export type Reported = ReleaseStatus['reported'][number];

export type ReportPorts = {
  readonly hub: Hub;
  readonly accessTo: (repository: Repository, signal: AbortSignal) => Promise<RepositoryAccess>;
  /** Undefined for a host that takes no statuses. */
  readonly gitHostOf: (repository: Repository) => GitHost | undefined;
  readonly targetUrlOf: (release: Reference) => string | undefined;
};

const longestDescription = 140;

/** What should stand on a Release's commit: one status per stage. */
export function wantedStatuses(release: Release): readonly Reported[] {
  return (release.status?.stages ?? []).map((stage) => ({
    context: `sluice/${release.spec.pipeline}/${stage.name}`,
    state: stateOf[stage.state],
    description: describe(stage).slice(0, longestDescription),
  }));
}

/** A Release that was passed over was never proven: it must not count as a success anywhere. */
const stateOf: Readonly<Record<ReleaseStage['state'], CommitStatusState>> = {
  waiting: 'pending',
  skipped: 'pending',
  pending: 'pending',
  verified: 'success',
  failed: 'failure',
};

function describe({ state, reason }: ReleaseStage): string {
  const line = reason.replaceAll(/\s+/g, ' ');
  return state === 'pending' || state === 'waiting' ? line : `${state}: ${line}`;
}

/**
 * Posts what should stand on a Release's commit and does not yet: wanted, less what was posted, is the outbox; the newest state wins.
 * Output: the Release as it stands in the end. Throws PortError('git-host', …) after noting what did get through.
 */
export async function reportOnce(release: Release, ports: ReportPorts, signal: AbortSignal): Promise<Release> {
  const target = await targetOf(release, ports, signal);
  if (target === undefined) return release;

  const posted: Reported[] = [...(release.status?.reported ?? [])];
  const due = wantedStatuses(release).filter(
    (wanted) => !posted.some((each) => each.context === wanted.context && each.state === wanted.state && each.description === wanted.description),
  );
  const { namespace, name } = release.metadata;
  const targetUrl = ports.targetUrlOf({ namespace, name });
  try {
    for (const status of due) {
      await target.gitHost.postStatus(
        { access: target.access, commit: release.spec.revision, ...status, ...(targetUrl === undefined ? {} : { targetUrl }) },
        signal,
      );
      const index = posted.findIndex(({ context }) => context === status.context);
      posted.splice(index === -1 ? posted.length : index, index === -1 ? 0 : 1, status);
    }
  } finally {
    if (due.length > 0) release = await note(release, posted, ports.hub, signal);
  }
  return release;
}

async function targetOf(release: Release, { hub, accessTo, gitHostOf }: ReportPorts, signal: AbortSignal) {
  const pipeline: Pipeline | undefined = hub.seen('Pipeline', { namespace: release.metadata.namespace, name: release.spec.pipeline });
  const repository = pipeline === undefined ? undefined : hub.seen('Repository', resolveReference(pipeline, pipeline.spec.repository));
  const gitHost = repository === undefined ? undefined : gitHostOf(repository);
  return repository === undefined || gitHost === undefined ? undefined : { gitHost, access: await accessTo(repository, signal) };
}

/** Whoever changes the stages meanwhile wins: what was posted is noted beside what stands there now. */
async function note(release: Release, reported: readonly Reported[], hub: Hub, signal: AbortSignal): Promise<Release> {
  const reference = { namespace: release.metadata.namespace, name: release.metadata.name };
  const fresh = await hub.read('Release', reference, signal);
  if (fresh === undefined) return release;
  return hub.writeStatus('Release', fresh, { stages: [], ...fresh.status, reported: [...reported] }, signal);
}
