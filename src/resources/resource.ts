import type { LiveMetadata } from '../model/manifest.ts';
import type { Reference } from '../model/reference.ts';
import type { apiVersion, Kind } from './kinds.ts';

export type HubMetadata = LiveMetadata & { readonly namespace: string; readonly generation: number };

/** A custom resource as the hub's API server returned it: defaults are filled in, `status` may not have been written yet. */
export type Resource<K extends Kind, Spec, Status> = {
  readonly apiVersion: typeof apiVersion;
  readonly kind: K;
  readonly metadata: HubMetadata;
  readonly spec: Spec;
  readonly status?: Status;
};

export const referenceOf = (resource: { readonly metadata: { readonly namespace: string; readonly name: string } }): Reference => ({
  namespace: resource.metadata.namespace,
  name: resource.metadata.name,
});

/** What a reference without a namespace means: the namespace of the resource that holds it. */
export const resolveReference = (
  from: { readonly metadata: { readonly namespace: string } },
  to: { readonly name: string; readonly namespace?: string },
): Reference => ({
  namespace: to.namespace ?? from.metadata.namespace,
  name: to.name,
});

/** Whether a resource of `namespace` may use this Repository or Cluster. */
export const mayBeUsedFrom = (
  shared: { readonly metadata: { readonly namespace: string }; readonly spec: { readonly allowedNamespaces: readonly string[] } },
  namespace: string,
): boolean => shared.metadata.namespace === namespace || shared.spec.allowedNamespaces.includes(namespace);
