import { Default } from 'typebox/value';
import type { LiveMetadata } from '../src/model/manifest.ts';
import type { Application } from '../src/resources/application.ts';
import type { Cluster } from '../src/resources/cluster.ts';
import { schemasOf } from '../src/resources/crd.ts';
import type { ResourceOf } from '../src/resources/hub.ts';
import { apiVersion, type Kind } from '../src/resources/kinds.ts';
import type { Pipeline } from '../src/resources/pipeline.ts';
import type { Release } from '../src/resources/release.ts';
import type { Repository } from '../src/resources/repository.ts';

/** Any part of a value; lists are given whole, undefined takes a field away. */
export type PartOf<T> = T extends readonly unknown[] | string | number | boolean ? T : { readonly [K in keyof T]?: PartOf<T[K]> | undefined };

export type Given<K extends Kind> = {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Overrides the usual metadata: uid, resourceVersion, generation, deletionTimestamp. */
  readonly metadata?: Partial<LiveMetadata>;
  /** Laid over the usual spec. */
  readonly spec?: PartOf<ResourceOf[K]['spec']>;
  /** The whole status; fields with a default may be left out. */
  readonly status?: PartOf<NonNullable<ResourceOf[K]['status']>>;
};

/** A full commit id made of one digit: `commitOf(1)` is 1111… */
export const commitOf = (digit: number | string): string => String(digit).repeat(40).slice(0, 40);

/** Repository shop/config at https://git.example/config.git, as the fake source knows it. */
export const repository = (given: Given<'Repository'> = {}): Repository => build('Repository', 'config', { url: 'https://git.example/config.git' }, given);

/** Cluster shop/staging, which lets the namespace shop deploy to every namespace as every service account. */
export const cluster = (given: Given<'Cluster'> = {}): Cluster =>
  build(
    'Cluster',
    'staging',
    {
      connection: { type: 'kubeconfig', kubeconfig: { secretRef: { name: `${given.name ?? 'staging'}-kubeconfig` } } },
      rules: [{ hubNamespaces: ['shop'], namespaces: ['*'], serviceAccounts: ['*'] }],
    },
    given,
  );

/** Application shop/web: path apps/web of main, applied to namespace web of Cluster staging as service account deployer. */
export const application = (given: Given<'Application'> = {}): Application =>
  build(
    'Application',
    'web',
    {
      source: { repository: { name: 'config' }, path: `apps/${given.name ?? 'web'}`, targetRevision: 'main' },
      destination: { cluster: { name: 'staging' }, namespace: given.name ?? 'web' },
      serviceAccountName: 'deployer',
    },
    given,
  );

/** An Application that a stage of a Pipeline selects by the label `stage`, and that therefore names no revision. */
export const applicationOf = (stage: string, given: Given<'Application'> = {}): Application =>
  application({
    name: `web-${stage}`,
    ...given,
    labels: { stage, ...given.labels },
    spec: merged({ source: { targetRevision: undefined }, destination: { cluster: { name: stage } } }, given.spec) as PartOf<Application['spec']>,
  });

/** Pipeline shop/shop on main of config: staging (label stage=staging), then production (label stage=production). */
export const pipeline = (given: Given<'Pipeline'> = {}): Pipeline =>
  build(
    'Pipeline',
    'shop',
    {
      repository: { name: 'config' },
      branch: 'main',
      stages: [
        { name: 'staging', selector: { matchLabels: { stage: 'staging' } } },
        { name: 'production', after: ['staging'], selector: { matchLabels: { stage: 'production' } } },
      ],
    },
    given,
  );

/** Release shop/shop-1 of Pipeline shop: commit 1111…, sequence 1. */
export function release(given: Given<'Release'> = {}): Release {
  const sequence = given.spec?.sequence ?? 1;
  return build(
    'Release',
    `${given.spec?.pipeline ?? 'shop'}-${sequence}`,
    {
      pipeline: 'shop',
      revision: commitOf(sequence % 10),
      tree: commitOf(sequence % 10),
      sequence,
      inputs: `inputs-${sequence}`,
      subject: `Change ${sequence}`,
      author: 'Ada <ada@example.org>',
      committedAt: '2026-01-01T00:00:00.000Z',
    },
    given,
  );
}

function build<K extends Kind>(kind: K, usualName: string, usualSpec: object, given: Given<K>): ResourceOf[K] {
  const { name = usualName, namespace = 'shop', labels, annotations, metadata, spec, status } = given;
  const schemas = schemasOf(kind);
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      uid: `uid-${kind}-${namespace}-${name}`.toLowerCase(),
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...metadata,
    },
    spec: withDefaults(schemas.spec, merged(usualSpec, spec)),
    ...(status === undefined ? {} : { status: withDefaults(schemas.status, merged({}, status)) }),
  } as unknown as ResourceOf[K];
}

/** Fills defaults in as the API server does, in a copy. */
export const withDefaults = (schema: object, value: unknown): unknown => Default(schema, structuredClone(value));

function merged(base: unknown, over: unknown): unknown {
  if (!isRecord(base) || !isRecord(over)) return over === undefined ? base : over;
  const fields = [...new Set([...Object.keys(base), ...Object.keys(over)])].flatMap((key): (readonly [string, unknown])[] => {
    if (key in over && over[key] === undefined) return [];
    return [[key, merged(base[key], over[key])]];
  });
  return Object.fromEntries(fields);
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
