import type { JsonObject } from './json.ts';

/** A Kubernetes object as it is written: what a render yields and an apply sends. */
export type Manifest = JsonObject & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: JsonObject & {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
};

export type ManagedFieldsEntry = {
  readonly manager?: string;
  readonly operation?: 'Apply' | 'Update';
  readonly apiVersion?: string;
  readonly subresource?: string;
  readonly fieldsV1?: JsonObject;
};

export type OwnerReference = { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid: string; readonly controller?: boolean };

/** metadata as the API server returns it. */
export type LiveMetadata = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
};

/** A whole object as the API server returned it. */
export type LiveObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: LiveMetadata;
  readonly spec?: JsonObject;
  readonly status?: JsonObject;
  readonly [field: string]: unknown;
};

export type GroupKind = { readonly group: string; readonly kind: string };

/** One object of one cluster. `namespace` is missing for a cluster-scoped object. */
export type ResourceId = GroupKind & { readonly namespace?: string; readonly name: string };

export const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '');

export const idOf = (object: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}): ResourceId => ({
  group: groupOf(object.apiVersion),
  kind: object.kind,
  ...(object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace }),
  name: object.metadata.name,
});

/** A key that sorts by group, kind, namespace, name. */
export const resourceKey = ({ group, kind, namespace, name }: ResourceId): string => `${group}/${kind}/${namespace ?? ''}/${name}`;

/** As a person writes it: `Deployment shop/web`, `Widget.example.org cluster-wide-name`. */
export function describeId({ group, kind, namespace, name }: ResourceId): string {
  const builtIn = group === '' || !group.includes('.') || group.endsWith('.k8s.io');
  return `${builtIn ? kind : `${kind}.${group}`} ${namespace === undefined ? name : `${namespace}/${name}`}`;
}

export const groupKindText = ({ group, kind }: GroupKind): string => (group === '' ? kind : `${kind}.${group}`);
