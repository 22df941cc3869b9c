import { createHash } from 'node:crypto';
import { canonicalJson, digestOf, type JsonObject } from '../model/json.ts';
import type { LiveMetadata, ManagedFieldsEntry } from '../model/manifest.ts';
import type { Reference } from '../model/reference.ts';
import { referenceText } from '../model/reference.ts';

export const fieldManager = 'sluice';

export const applicationLabel = 'sluice.dev/application';
export const installationLabel = 'sluice.dev/installation';
export const partOfLabel = 'applyset.kubernetes.io/part-of';
export const applySetIdLabel = 'applyset.kubernetes.io/id';
export const toolingAnnotation = 'applyset.kubernetes.io/tooling';
export const groupKindsAnnotation = 'applyset.kubernetes.io/contains-group-kinds';
export const namespacesAnnotation = 'applyset.kubernetes.io/additional-namespaces';
/** `namespace/name` of the Application on the hub: a label cannot hold it. */
export const ownerAnnotation = 'sluice.dev/owner';
/** `<desired digest>.<hash of the field set of our Apply entry>`: what a metadata-only LIST needs to prove an object in sync. */
export const appliedAnnotation = 'sluice.dev/applied';

/** Who owns members: one Application of one installation. */
export type Owner = {
  readonly installation: string;
  readonly application: Reference;
  /** Value of the application label: 40 hex digits. */
  readonly hash: string;
  readonly parentName: string;
  readonly parentNamespace: string;
  /** Value of the part-of label of members and of the id label of the parent. */
  readonly applySetId: string;
};

export function ownerOf(installation: string, application: Reference, destinationNamespace: string): Owner {
  const hash = digestOf(`${installation}/${referenceText(application)}`);
  const parentName = `sluice-${hash}`;
  return { installation, application, hash, parentName, parentNamespace: destinationNamespace, applySetId: applySetId(parentName, destinationNamespace) };
}

/** Source: KEP-3659, "ApplySet Identification": base64url(sha256(<name>.<namespace>.<kind>.<group>)). */
function applySetId(name: string, namespace: string): string {
  const id = createHash('sha256').update(`${name}.${namespace}.ConfigMap.`).digest('base64url');
  return `applyset-${id}-v1`;
}

/** Our one Apply entry. None, or several, or one of a subresource: nothing can be proven from it. */
export function applyEntry(metadata: Pick<LiveMetadata, 'managedFields'>): ManagedFieldsEntry | undefined {
  const entries = (metadata.managedFields ?? []).filter((entry) => entry.manager === fieldManager && entry.operation === 'Apply');
  return entries.length === 1 && !entries[0]?.subresource ? entries[0] : undefined;
}

export function fieldSetHash(entry: ManagedFieldsEntry): string {
  return digestOf(`${entry.apiVersion ?? ''} ${canonicalJson(entry.fieldsV1)}`).slice(0, 20);
}

/**
 * Whether an object is the owner's. The label alone proves nothing: controllers copy a Service's labels to what they generate, so the label
 * must be owned by our own Apply entry, and the object must not belong to a controller.
 */
export function isMember(metadata: LiveMetadata, owner: Owner): boolean {
  if (metadata.labels?.[partOfLabel] !== owner.applySetId) return false;
  if (metadata.ownerReferences?.some((reference) => reference.controller)) return false;
  const entry = applyEntry(metadata);
  return entry !== undefined && fieldAt(entry.fieldsV1, 'f:metadata', 'f:labels', `f:${partOfLabel}`) !== undefined;
}

/** Which Application an existing object says it belongs to, were it applied by any installation of Sluice. */
export const ownerNamedBy = (metadata: LiveMetadata): string | undefined =>
  applyEntry(metadata) === undefined ? undefined : metadata.annotations?.[ownerAnnotation];

function fieldAt(fields: JsonObject | undefined, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as JsonObject | undefined)?.[key], fields);
}
