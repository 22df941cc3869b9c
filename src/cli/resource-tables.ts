import type { Application } from '../resources/application.ts';
import type { Cluster } from '../resources/cluster.ts';
import type { ResourceOf } from '../resources/hub.ts';
import type { Kind } from '../resources/kinds.ts';
import type { Pipeline } from '../resources/pipeline.ts';
import type { Release } from '../resources/release.ts';
import type { Repository } from '../resources/repository.ts';
import { ageText } from './printing.ts';

type Row = readonly string[];
export type Table<K extends Kind> = { readonly header: Row; rowsOf(resource: ResourceOf[K], now: Date): readonly Row[] };

const shortId = (commit: string | undefined): string => commit?.slice(0, 8) ?? '';
type WithConditions = { readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[] };
const condition = (status: WithConditions | undefined, type: string) => status?.conditions?.find((each) => each.type === type);
const age = ({ metadata }: { readonly metadata: { readonly creationTimestamp?: string } }, now: Date): string => ageText(metadata.creationTimestamp, now);

/** What people see of each kind. A Pipeline has one row for each of its stages. */
export const tables: { readonly [K in Kind]: Table<K> } = {
  Application: {
    header: ['NAMESPACE', 'NAME', 'SYNC', 'HEALTH', 'REVISION', 'AGE', 'MESSAGE'],
    rowsOf: (application: Application, now) => {
      const { metadata, status } = application;
      const message = condition(status, 'Ready')?.message ?? 'not looked at yet';
      return [
        [
          metadata.namespace,
          metadata.name,
          status?.sync?.state ?? 'Unknown',
          status?.health?.health ?? 'Unknown',
          shortId(status?.revision),
          age(application, now),
          message,
        ],
      ];
    },
  },
  Pipeline: {
    header: ['NAMESPACE', 'NAME', 'STAGE', 'RELEASE', 'REVISION', 'VERDICT', 'AGE', 'REASON'],
    rowsOf: ({ metadata, spec, status }: Pipeline, now) =>
      spec.stages.map(({ name }) => {
        const admitted = status?.stages.find((stage) => stage.name === name)?.admitted;
        if (admitted === undefined) return [metadata.namespace, metadata.name, name, '', '', '', '', 'nothing admitted yet'];
        return [
          metadata.namespace,
          metadata.name,
          name,
          admitted.release,
          shortId(admitted.revision),
          admitted.verdict,
          ageText(admitted.admittedAt, now),
          admitted.reason,
        ];
      }),
  },
  Release: {
    header: ['NAMESPACE', 'NAME', 'PIPELINE', 'REVISION', 'STAGES', 'AGE', 'SUBJECT'],
    rowsOf: (release: Release, now) => {
      const { metadata, spec, status } = release;
      const stages = status?.stages.map(({ name, state }) => `${name}: ${state}`).join(', ') ?? '';
      return [[metadata.namespace, metadata.name, spec.pipeline, shortId(spec.revision), stages, age(release, now), spec.subject]];
    },
  },
  Repository: {
    header: ['NAMESPACE', 'NAME', 'READY', 'URL', 'AGE', 'MESSAGE'],
    rowsOf: (repository: Repository, now) => {
      const { metadata, spec, status } = repository;
      const ready = condition(status, 'Ready');
      return [[metadata.namespace, metadata.name, ready?.status ?? 'Unknown', spec.url, age(repository, now), ready?.message ?? 'not looked at yet']];
    },
  },
  Cluster: {
    header: ['NAMESPACE', 'NAME', 'READY', 'VERSION', 'AGE', 'MESSAGE'],
    rowsOf: (cluster: Cluster, now) => {
      const { metadata, status } = cluster;
      const ready = condition(status, 'Ready');
      return [[metadata.namespace, metadata.name, ready?.status ?? 'Unknown', status?.version ?? '', age(cluster, now), ready?.message ?? 'not looked at yet']];
    },
  },
};
