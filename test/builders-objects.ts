import { type Desired, desiredObjects } from '../src/diff/desired.ts';
import type { Live } from '../src/diff/diff.ts';
import { appliedAnnotation, applyEntry, fieldSetHash, ownerOf, partOfLabel } from '../src/diff/ownership.ts';
import type { JsonObject } from '../src/model/json.ts';
import type { LiveMetadata, ManagedFieldsEntry, Manifest } from '../src/model/manifest.ts';

/** The owner of every member in these tests: Application shop/web of installation test, applied to namespace web. */
export const owner = ownerOf('test', { namespace: 'shop', name: 'web' }, 'web');

type GivenManifest = {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly more?: JsonObject;
};

export function manifest({ apiVersion = 'v1', kind = 'ConfigMap', name = 'settings', namespace, annotations, more }: GivenManifest = {}): Manifest {
  return {
    apiVersion,
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), ...(annotations === undefined ? {} : { annotations }) },
    ...more,
  } as Manifest;
}

const clusterScoped = new Set(['Namespace', 'CustomResourceDefinition', 'ClusterRole']);

/** As a render of the Application would have it; cluster-scoped kinds are Namespace, CustomResourceDefinition and ClusterRole. */
export function desired(...manifests: readonly Manifest[]): readonly Desired[] {
  const parsed = desiredObjects(manifests, owner, 'web', ({ kind }) => (clusterScoped.has(kind) ? 'cluster' : 'namespaced'));
  if (!parsed.ok) throw new Error(parsed.problems.map(({ at, message }) => `${at} ${message}`).join('\n'));
  return parsed.value;
}

export function onlyDesired(given: GivenManifest = {}): Desired {
  const [one] = desired(manifest(given));
  if (one === undefined) throw new Error('no object');
  return one;
}

const ourFields: JsonObject = {
  'f:metadata': { 'f:labels': { [`f:${partOfLabel}`]: {} }, 'f:annotations': { [`f:${appliedAnnotation}`]: {} } },
  'f:data': { 'f:color': {} },
};

export const ourEntry = (fieldsV1: JsonObject = ourFields, apiVersion = 'v1'): ManagedFieldsEntry => ({
  manager: 'sluice',
  operation: 'Apply',
  apiVersion,
  fieldsV1,
});

export const entryOf = (manager: string, fieldsV1: JsonObject, more: Partial<ManagedFieldsEntry> = {}): ManagedFieldsEntry => ({
  manager,
  operation: 'Update',
  apiVersion: 'v1',
  fieldsV1,
  ...more,
});

/** What the API server has after the object was applied and nothing else happened; `others` are entries of other managers. */
export function applied(each: Desired, given: Partial<LiveMetadata> & { readonly others?: readonly ManagedFieldsEntry[] } = {}): Live {
  const { others = [], ...metadata } = given;
  const ours = ourEntry(ourFields, each.manifest.apiVersion);
  const entry = applyEntry({ managedFields: metadata.managedFields ?? [ours] });
  return {
    id: each.id,
    metadata: {
      name: each.id.name,
      ...(each.id.namespace === undefined ? {} : { namespace: each.id.namespace }),
      uid: `uid-${each.id.name}`,
      resourceVersion: '1',
      labels: { ...each.manifest.metadata.labels },
      annotations: { ...each.manifest.metadata.annotations, [appliedAnnotation]: `${each.digest}.${entry === undefined ? 'unknown' : fieldSetHash(ours)}` },
      managedFields: [ours, ...others],
      ...metadata,
    },
  };
}
