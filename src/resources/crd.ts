import { at, isJsonObject, type JsonObject } from '../model/json.ts';
import { ApplicationSpec, ApplicationStatus } from './application.ts';
import { ClusterSpec, ClusterStatus } from './cluster.ts';
import { group, type Kind, kinds, version } from './kinds.ts';
import { PipelineSpec, PipelineStatus } from './pipeline.ts';
import { ReleaseSpec, ReleaseStatus } from './release.ts';
import { RepositorySpec, RepositoryStatus } from './repository.ts';

type Column = { readonly name: string; readonly path: string; readonly type?: 'string' | 'integer' | 'date'; readonly wide?: boolean };
type Declaration = {
  readonly description: string;
  readonly spec: object;
  readonly status: object;
  readonly shortName: string;
  readonly columns: readonly Column[];
};

const ready: readonly Column[] = [
  { name: 'Ready', path: ".status.conditions[?(@.type=='Ready')].status" },
  { name: 'Message', path: ".status.conditions[?(@.type=='Ready')].message" },
];
const age: Column = { name: 'Age', path: '.metadata.creationTimestamp', type: 'date' };

const declarations: Readonly<Record<Kind, Declaration>> = {
  Repository: {
    description: 'A Git repository: its credentials, its kind of host, its webhook secret and how often it is asked.',
    spec: RepositorySpec,
    status: RepositoryStatus,
    shortName: 'repo',
    columns: [{ name: 'URL', path: '.spec.url' }, ...ready, age],
  },
  Cluster: {
    description: 'A Kubernetes cluster that manifests are applied to, and who may deploy where, as whom.',
    spec: ClusterSpec,
    status: ClusterStatus,
    shortName: 'clu',
    columns: [{ name: 'Version', path: '.status.version' }, ...ready, age],
  },
  Application: {
    description: 'One path of a Repository, rendered and applied to one namespace of one Cluster.',
    spec: ApplicationSpec,
    status: ApplicationStatus,
    shortName: 'app',
    columns: [
      { name: 'Sync', path: '.status.sync.state' },
      { name: 'Health', path: '.status.health.health' },
      { name: 'Revision', path: '.status.revision' },
      { name: 'Message', path: ".status.conditions[?(@.type=='Ready')].message" },
      { name: 'Phase', path: '.status.phase', wide: true },
      { name: 'Cluster', path: '.spec.destination.cluster.name', wide: true },
      { name: 'Namespace', path: '.spec.destination.namespace', wide: true },
      age,
    ],
  },
  Pipeline: {
    description: "An ordered graph of stages that a branch's commits pass through; each has to prove itself in the stages before.",
    spec: PipelineSpec,
    status: PipelineStatus,
    shortName: 'pipe',
    columns: [{ name: 'Branch', path: '.spec.branch' }, ...ready, age],
  },
  Release: {
    description: 'A commit of the source branch on its way through a Pipeline. Sluice makes it; nobody writes one.',
    spec: ReleaseSpec,
    status: ReleaseStatus,
    shortName: 'rel',
    columns: [
      { name: 'Pipeline', path: '.spec.pipeline' },
      { name: 'Revision', path: '.spec.revision' },
      { name: 'Stages', path: '.status.summary' },
      { name: 'Subject', path: '.spec.subject' },
      age,
    ],
  },
};

/** What a structural schema may hold; anything else in a schema is a mistake in the vocabulary. */
const keywords = new Set([
  'type',
  'properties',
  'required',
  'items',
  'additionalProperties',
  'enum',
  'pattern',
  'format',
  'default',
  'description',
  'nullable',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'x-kubernetes-validations',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
]); // prettier-ignore

/** Throws when the schema says something that the API server would refuse in a CRD. */
export function structural(schema: object, place: string): JsonObject {
  const fields = schema as Record<string, unknown>;
  for (const keyword of Object.keys(fields)) if (!keywords.has(keyword)) throw new Error(`${place}: ${keyword} is not in the vocabulary of custom resources`);
  if (typeof fields.type !== 'string') throw new Error(`${place}: a schema needs one type`);
  if (fields.properties !== undefined && fields.additionalProperties !== undefined)
    throw new Error(`${place}: properties and additionalProperties exclude each other`);

  const copy: Record<string, unknown> = { ...fields };
  if (isJsonObject(fields.properties)) {
    copy.properties = Object.fromEntries(Object.entries(fields.properties).map(([name, inner]) => [name, structural(inner as object, `${place}.${name}`)]));
  }
  if (isJsonObject(fields.items)) copy.items = structural(fields.items, `${place}[]`);
  if (isJsonObject(fields.additionalProperties)) copy.additionalProperties = structural(fields.additionalProperties, `${place}{}`);
  // What has a default may be left out; said to be required, it would be missed by kubectl before the API server fills it in.
  if (isJsonObject(fields.properties) && Array.isArray(fields.required)) {
    const properties = fields.properties;
    const required = fields.required.filter((name: string) => at(properties, name, 'default') === undefined);
    copy.required = required.length === 0 ? undefined : required;
  }
  // Rules are checked against a default as it is written, before the defaults inside it are filled in.
  if (isJsonObject(copy.default) && isJsonObject(copy.properties)) copy.default = { ...defaultsOf(copy.properties), ...copy.default };
  return Object.fromEntries(Object.entries(copy).filter(([, value]) => value !== undefined)) as JsonObject;
}

const defaultsOf = (properties: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(properties).flatMap(([name, inner]) => (isJsonObject(inner) && inner.default !== undefined ? [[name, inner.default]] : [])),
  );

/** The CustomResourceDefinition of one kind, as applied to the hub. */
export function crdOf(kind: Kind): JsonObject {
  const { description, spec, status, shortName, columns } = declarations[kind];
  const plural = kinds[kind];
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), shortNames: [shortName], categories: ['sluice'] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns.map(({ name, path, type = 'string', wide }) => ({ name, jsonPath: path, type, ...(wide ? { priority: 1 } : {}) })),
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description,
              required: ['spec'],
              properties: {
                spec: { description: 'What is wanted.', ...structural(spec, `${kind}.spec`) },
                status: { description: 'What Sluice found out and decided. Sluice alone writes it.', ...structural(status, `${kind}.status`) },
              },
            },
          },
        },
      ],
    },
  };
}

export const schemasOf = (kind: Kind): { readonly spec: object; readonly status: object } => declarations[kind];
