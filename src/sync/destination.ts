import type { PodFacts } from '../health/pods.ts';
import type { GroupKind, LiveMetadata, LiveObject, Manifest, ResourceId } from '../model/manifest.ts';
import type { Reference } from '../model/reference.ts';
import type { Capabilities } from '../render/renderer.ts';

/** Whose rights decide on a destination: a service account there, or Sluice itself where the Cluster allows it. */
export type Identity = { readonly as: 'service-account'; readonly namespace: string; readonly name: string } | { readonly as: 'sluice' };

/** How the destination serves a kind. `versions` in the API server's order of preference. */
export type ServedKind = GroupKind & { readonly resource: string; readonly namespaced: boolean; readonly versions: readonly string[] };

/** One object without its contents. */
export type ObjectMetadata = { readonly id: ResourceId; readonly metadata: LiveMetadata };

export type Applied = {
  /** Whether the object did not exist before. */
  readonly created: boolean;
  readonly object: LiveObject;
};

/**
 * One Cluster as one Application may use it. Reads of whole objects, dry-runs, applies and removals impersonate the identity that it was
 * opened with; metadata LISTs, pods, the applyset parent and namespaces to create are Sluice's own.
 * Every method may throw PortError('destination', …): UNREACHABLE, TIMEOUT, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, INVALID.
 * No message holds a value of a Secret.
 */
export type Destination = {
  /** The served kinds among those wanted, by groupKindText. Asks the API server again (once) when one is not known. */
  kinds(wanted: readonly GroupKind[], signal: AbortSignal): Promise<ReadonlyMap<string, ServedKind>>;
  /** What charts may ask of the cluster: its version, and the versions and kinds that it serves. Up to five minutes old. */
  capabilities(signal: AbortSignal): Promise<Capabilities>;
  /** One metadata-only LIST, at the most recent version; `namespace` undefined means all. */
  list(kind: ServedKind, namespace: string | undefined, labelSelector: string, signal: AbortSignal): Promise<readonly ObjectMetadata[]>;
  /** The whole object, or undefined when there is none. */
  read(kind: ServedKind, id: ResourceId, signal: AbortSignal): Promise<LiveObject | undefined>;
  /** Server-side apply with force and fieldValidation=Strict, nothing stored. */
  dryRun(kind: ServedKind, manifest: Manifest, signal: AbortSignal): Promise<Applied>;
  /** Server-side apply with force and fieldValidation=Strict. */
  apply(kind: ServedKind, manifest: Manifest, signal: AbortSignal): Promise<Applied>;
  /** Replaces metadata.managedFields of exactly the object that was seen. */
  writeManagedFields(kind: ServedKind, seen: ObjectMetadata, managedFields: NonNullable<LiveMetadata['managedFields']>, signal: AbortSignal): Promise<void>;
  /** Removes exactly the object that was seen (uid and resourceVersion) in the background; one already gone is no error; CONFLICT when it changed. */
  remove(kind: ServedKind, seen: ObjectMetadata, signal: AbortSignal): Promise<void>;
  /** Facts of the pods that a selector chooses; never their contents. */
  pods(namespace: string, labelSelector: string, signal: AbortSignal): Promise<readonly PodFacts[]>;
  /** The applyset parent; undefined when there is none. */
  readParent(namespace: string, name: string, signal: AbortSignal): Promise<LiveObject | undefined>;
  /** Creates (resourceVersion absent) or replaces the applyset parent; CONFLICT when it changed since it was read. */
  writeParent(parent: Manifest, signal: AbortSignal): Promise<LiveObject>;
  removeParent(seen: ObjectMetadata, signal: AbortSignal): Promise<void>;
  /** Creates a namespace as Sluice; one that exists is no error. */
  createNamespace(name: string, labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>;
};

export type Destinations = {
  /** Throws PortError('destination', …) when the Cluster's credentials cannot be read. */
  open(cluster: Reference, identity: Identity, signal: AbortSignal): Promise<Destination>;
};
