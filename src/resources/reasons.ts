import type { Kind } from './kinds.ts';
import { applicationReasons } from './reasons/application.ts';
import { clusterReasons } from './reasons/cluster.ts';
import { pipelineReasons } from './reasons/pipeline.ts';
import type { Reason } from './reasons/reason.ts';
import { repositoryReasons } from './reasons/repository.ts';

export { releaseStates } from './reasons/release.ts';

/**
 * Every reason that a condition may give, per kind: the single source of the types, of docs/reference/conditions.md and of `sluice explain`.
 * A condition whose reason has no entry does not compile.
 */
export const reasons = {
  Repository: repositoryReasons,
  Cluster: clusterReasons,
  Application: applicationReasons,
  Pipeline: pipelineReasons,
} as const satisfies { readonly [K in Exclude<Kind, 'Release'>]: Readonly<Record<string, Reason>> };

export type KindWithReasons = keyof typeof reasons;
export type ReasonOf<K extends KindWithReasons> = keyof (typeof reasons)[K] & string;
export type AnyReason = { [K in KindWithReasons]: ReasonOf<K> }[KindWithReasons];
