import type { Reference } from '../model/reference.ts';
import type { Application, ApplicationStatus } from './application.ts';
import type { Cluster, ClusterStatus } from './cluster.ts';
import type { Kind } from './kinds.ts';
import type { Pipeline, PipelineStatus } from './pipeline.ts';
import type { Release, ReleaseSpec, ReleaseStatus } from './release.ts';
import type { Repository, RepositoryStatus } from './repository.ts';

export type ResourceOf = { Repository: Repository; Cluster: Cluster; Application: Application; Pipeline: Pipeline; Release: Release };
export type StatusOf = {
  Repository: RepositoryStatus;
  Cluster: ClusterStatus;
  Application: ApplicationStatus;
  Pipeline: PipelineStatus;
  Release: ReleaseStatus;
};

/**
 * The custom resources, in the hub cluster. The only place where intent, verdicts and history are kept.
 * Methods that ask the API server may throw PortError('hub', …): UNREACHABLE, TIMEOUT, CONFLICT, FORBIDDEN, INVALID.
 */
export type Hub = {
  /** The newest version, asked of the API server; undefined when there is none. */
  read<K extends Kind>(kind: K, reference: Reference, signal: AbortSignal): Promise<ResourceOf[K] | undefined>;
  /** As this process last saw it: free of charge, at most a moment old. For decisions on other objects than one's own. */
  seen<K extends Kind>(kind: K, reference: Reference): ResourceOf[K] | undefined;
  /** All of a kind, in one namespace or everywhere, as this process last saw them. */
  list<K extends Kind>(kind: K, namespace?: string): readonly ResourceOf[K][];
  /** Replaces the status of exactly the version that was read; CONFLICT when it has changed since. Output: the new version. */
  writeStatus<K extends Kind>(kind: K, resource: ResourceOf[K], status: StatusOf[K], signal: AbortSignal): Promise<ResourceOf[K]>;
  /** Creates a Release of a Pipeline, owned by it; one of that name that exists is no error. */
  createRelease(pipeline: Pipeline, name: string, spec: ReleaseSpec, signal: AbortSignal): Promise<void>;
  deleteRelease(release: Release, signal: AbortSignal): Promise<void>;
  /** The decoded values of a Secret; undefined when there is none. */
  secret(reference: Reference, signal: AbortSignal): Promise<Readonly<Record<string, string>> | undefined>;
  /** Creates a Secret unless it exists; the values that stand there in the end. */
  ensureSecret(reference: Reference, values: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
};
