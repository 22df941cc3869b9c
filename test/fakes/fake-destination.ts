import type { PodFacts } from '../../src/health/pods.ts';
import { canonicalJson, isJsonObject, type JsonObject } from '../../src/model/json.ts';
import {
  describeId,
  groupKindText,
  groupOf,
  idOf,
  type LiveMetadata,
  type LiveObject,
  type ManagedFieldsEntry,
  type Manifest,
  type ResourceId,
  resourceKey,
} from '../../src/model/manifest.ts';
import { PortError, type PortErrorCode, type RefusalDetails } from '../../src/model/port-error.ts';
import type { Reference } from '../../src/model/reference.ts';
import type { Applied, Destination, Destinations, Identity, ObjectMetadata, ServedKind } from '../../src/sync/destination.ts';
import { changedFields, type FieldSet, fieldSet, overlay, removedFields, subtract, union, without } from './field-sets.ts';
import { definedKind, matches, servedFromTheStart } from './served-kinds.ts';

type Verb = 'list' | 'read' | 'dryRun' | 'apply' | 'writeManagedFields' | 'remove' | 'pods' | 'readParent' | 'writeParent' | 'removeParent' | 'createNamespace';

export type FakeRequest = { readonly verb: Verb; readonly what: string; readonly as: Identity };

export type FakeDestination = {
  /** Every Cluster is this one. */
  readonly destinations: Destinations;
  /** As Sluice itself. */
  readonly destination: Destination;
  /** What was asked, in order. */
  readonly requests: FakeRequest[];
  readonly opened: { readonly cluster: Reference; readonly identity: Identity }[];
  objects(): readonly LiveObject[];
  get(id: ResourceId): LiveObject | undefined;
  /** Creates or replaces an object as another manager; needs neither its namespace nor a served kind. */
  put(manifest: Manifest, manager?: string): LiveObject;
  /** Changes an object as another manager: it owns what it sets, and nobody owns what it removes. */
  edit(id: ResourceId, manager: string, change: (object: LiveObject) => LiveObject): LiveObject;
  setStatus(id: ResourceId, status: JsonObject): LiveObject;
  /** Somebody else deletes it. */
  drop(id: ResourceId): void;
  /** The pods that exactly this selector chooses. */
  setPods(namespace: string, labelSelector: string, facts: readonly PodFacts[]): void;
  /** Answers the verbs (writes and dry-runs unless given) for one object with a refusal, until it is given undefined. */
  refuse(id: ResourceId, refusal: Refusal | undefined, verbs?: readonly Verb[]): void;
  /** Answers everything with this error, until it is given undefined. */
  fail(error: PortError | undefined): void;
};

export type Refusal = { readonly code: PortErrorCode; readonly message: string; readonly details?: RefusalDetails };

type Stored = LiveObject & { readonly metadata: LiveMetadata & { readonly managedFields: readonly ManagedFieldsEntry[] } };

const ours = 'sluice';
const sluiceItself: Identity = { as: 'sluice' };
const serverOwned = ['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'managedFields'];

/** An API server in memory: server-side apply with field ownership (a list is one field), preconditions, namespaces, kinds from CRDs. */
export function fakeDestination({ namespaces = ['default'] }: { readonly namespaces?: readonly string[] } = {}): FakeDestination {
  const stored = new Map<string, Stored>();
  const served = new Map(servedFromTheStart);
  const podsOf = new Map<string, readonly PodFacts[]>();
  const refusals = new Map<string, { readonly refusal: Refusal; readonly verbs: readonly Verb[] }>();
  const requests: FakeRequest[] = [];
  const opened: { cluster: Reference; identity: Identity }[] = [];
  let failure: PortError | undefined;
  let versions = 100;

  const nextVersion = () => {
    versions += 1;
    return String(versions);
  };
  const error = (code: PortErrorCode, message: string, details?: RefusalDetails) =>
    new PortError('destination', code, `fake cluster: ${message}`, { cause: undefined, details });

  function store(object: Stored): Stored {
    const key = resourceKey(idOf(object));
    if (object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).length === 0) {
      stored.delete(key);
      return object;
    }
    if (object.kind === 'CustomResourceDefinition') {
      const kind = definedKind(object);
      served.set(groupKindText(kind), kind);
    }
    const establishes = object.kind === 'CustomResourceDefinition' && object.status === undefined;
    stored.set(key, establishes ? { ...object, status: established, metadata: { ...object.metadata, resourceVersion: nextVersion() } } : object);
    return object;
  }

  /** A new version of an object, and a new generation when more than its metadata and status changed. */
  function next(live: Stored | undefined, fields: JsonObject, managedFields: readonly ManagedFieldsEntry[]): Stored {
    const { metadata, ...rest } = fields as JsonObject & { readonly metadata: LiveMetadata };
    const before = live?.metadata.generation ?? 0;
    const isNewSpec = live === undefined || canonicalJson(rest.spec as JsonObject) !== canonicalJson(live.spec);
    return {
      ...(rest as Omit<LiveObject, 'metadata'>),
      metadata: {
        ...metadata,
        uid: live?.metadata.uid ?? `uid-of-${nextVersion()}`,
        creationTimestamp: live?.metadata.creationTimestamp ?? '2026-05-04T10:00:00Z',
        resourceVersion: nextVersion(),
        ...(rest.spec === undefined ? {} : { generation: isNewSpec ? before + 1 : before }),
        managedFields,
      },
    } as Stored;
  }

  /** What an apply would make of the object; the very same object when nothing would change. */
  function applied(live: Stored | undefined, manifest: Manifest): Stored {
    const { status: _status, ...wanted } = manifest as JsonObject;
    const owned = live?.metadata.managedFields ?? [];
    const set = ownedFields(manifest);
    const others = owned.filter((entry) => !isOurApply(entry));
    const given = subtract(owned.find(isOurApply)?.fieldsV1 ?? {}, set);
    const nobodys = others.reduce<FieldSet>((fields, entry) => subtract(fields, entry.fieldsV1 ?? {}), given);
    const fields = overlay(without((live ?? {}) as JsonObject, nobodys), wanted);
    const taken = changedFields((live ?? {}) as JsonObject, wanted);
    const managedFields = [...losing(others, taken), entryOf(ours, 'Apply', manifest.apiVersion, set)];
    if (live !== undefined && canonicalJson(fields) === canonicalJson(live as JsonObject) && sameOwners(managedFields, owned)) return live;
    return next(live, fields, managedFields);
  }

  function applyObject(verb: 'dryRun' | 'apply', kind: ServedKind, manifest: Manifest): Applied {
    const id = idOf(manifest);
    if (!served.has(groupKindText(kind))) throw error('NOT_FOUND', 'the server could not find the requested resource');
    requireNamespace(id.namespace);
    const live = stored.get(resourceKey(id));
    const object = applied(live, manifest);
    if (verb === 'apply' && object !== live) store(object);
    return { created: live === undefined, object };
  }

  function requireNamespace(namespace: string | undefined): void {
    if (namespace === undefined || stored.has(resourceKey({ group: '', kind: 'Namespace', name: namespace }))) return;
    throw error('NOT_FOUND', `namespaces "${namespace}" not found`, { reason: 'NotFound', kind: 'namespaces', name: namespace });
  }

  function current({ id, metadata }: ObjectMetadata): Stored | undefined {
    const live = stored.get(resourceKey(id));
    if (live === undefined) return undefined;
    if (live.metadata.uid === metadata.uid && live.metadata.resourceVersion === metadata.resourceVersion) return live;
    throw error('CONFLICT', `${describeId(id)} has changed`, { reason: 'Conflict', kind: id.kind, name: id.name });
  }

  function removeObject(live: Stored): void {
    if (live.metadata.deletionTimestamp !== undefined) return;
    store({ ...live, metadata: { ...live.metadata, deletionTimestamp: '2026-05-04T10:30:00Z', resourceVersion: nextVersion() } });
    const { name } = live.metadata;
    if (live.kind === 'Namespace') for (const inside of [...stored.values()]) if (inside.metadata.namespace === name) removeObject(inside);
    if (live.kind === 'CustomResourceDefinition') served.delete(groupKindText(definedKind(live)));
    for (const dependent of [...stored.values()]) if (dependent.metadata.ownerReferences?.some(({ uid }) => uid === live.metadata.uid)) removeObject(dependent);
  }

  function put(manifest: Manifest, manager = 'somebody'): LiveObject {
    const live = stored.get(resourceKey(idOf(manifest)));
    return store(next(live, manifest, [entryOf(manager, 'Update', manifest.apiVersion, ownedFields(manifest))]));
  }

  function existing(id: ResourceId): Stored {
    const live = stored.get(resourceKey(id));
    if (live === undefined) throw new Error(`the fake cluster has no ${describeId(id)}`);
    return live;
  }

  function openAs(identity: Identity): Destination {
    /** Records a request and answers it, after what a server does first: fail, or refuse. */
    const ask = async <T>(verb: Verb, id: ResourceId | string, as: Identity, signal: AbortSignal, answer: () => T): Promise<T> => {
      signal.throwIfAborted();
      requests.push({ verb, what: typeof id === 'string' ? id : describeId(id), as });
      if (failure !== undefined) throw failure;
      const refused = typeof id === 'string' ? undefined : refusals.get(resourceKey(id));
      if (refused?.verbs.includes(verb)) throw error(refused.refusal.code, refused.refusal.message, refused.refusal.details);
      return answer();
    };
    const parentId = (namespace: string | undefined, name: string): ResourceId => ({
      group: '',
      kind: 'ConfigMap',
      ...(namespace === undefined ? {} : { namespace }),
      name,
    });

    return {
      async kinds(wanted, signal) {
        signal.throwIfAborted();
        if (failure !== undefined) throw failure;
        return new Map(
          wanted.flatMap((each) => {
            const kind = served.get(groupKindText(each));
            return kind === undefined ? [] : [[groupKindText(each), kind] as const];
          }),
        );
      },
      async capabilities(signal) {
        signal.throwIfAborted();
        if (failure !== undefined) throw failure;
        const kinds = [...served.values()].flatMap(({ group, kind, versions: each }) =>
          each.map((version) => `${group === '' ? '' : `${group}/`}${version}/${kind}`),
        );
        return { kubeVersion: 'v1.36.0', apiVersions: kinds };
      },
      list: (kind, namespace, labelSelector, signal) =>
        ask('list', `${groupKindText(kind)} ${namespace ?? '*'} ${labelSelector}`, sluiceItself, signal, () =>
          [...stored.values()]
            .filter((object) => object.kind === kind.kind && groupOf(object.apiVersion) === kind.group)
            .filter(({ metadata }) => (namespace === undefined || metadata.namespace === namespace) && matches(labelSelector, metadata.labels ?? {}))
            .map((object) => ({ id: idOf(object), metadata: object.metadata })),
        ),
      read: (_kind, id, signal) => ask('read', id, identity, signal, () => stored.get(resourceKey(id))),
      dryRun: (kind, manifest, signal) => ask('dryRun', idOf(manifest), identity, signal, () => applyObject('dryRun', kind, manifest)),
      apply: (kind, manifest, signal) => ask('apply', idOf(manifest), identity, signal, () => applyObject('apply', kind, manifest)),
      writeManagedFields: (_kind, seen, managedFields, signal) =>
        ask('writeManagedFields', seen.id, identity, signal, () => {
          const live = current(seen);
          if (live === undefined) throw error('NOT_FOUND', `there is no ${describeId(seen.id)}`, { reason: 'NotFound', name: seen.id.name });
          store(next(live, live as JsonObject, managedFields));
        }),
      remove: (_kind, seen, signal) =>
        ask('remove', seen.id, identity, signal, () => {
          const live = current(seen);
          if (live !== undefined) removeObject(live);
        }),
      pods: (namespace, labelSelector, signal) =>
        ask('pods', `${namespace} ${labelSelector}`, sluiceItself, signal, () => podsOf.get(`${namespace} ${labelSelector}`) ?? []),
      readParent: (namespace, name, signal) =>
        ask('readParent', parentId(namespace, name), sluiceItself, signal, () => stored.get(resourceKey(parentId(namespace, name)))),
      writeParent: (parent, signal) =>
        ask('writeParent', idOf(parent), sluiceItself, signal, () => {
          requireNamespace(parent.metadata.namespace);
          const { name, resourceVersion } = parent.metadata;
          const live = stored.get(resourceKey(idOf(parent)));
          if (resourceVersion === undefined && live !== undefined)
            throw error('CONFLICT', `configmaps "${name}" already exists`, { reason: 'AlreadyExists', kind: 'configmaps', name });
          if (resourceVersion !== undefined && live === undefined)
            throw error('NOT_FOUND', `configmaps "${name}" not found`, { reason: 'NotFound', kind: 'configmaps', name });
          if (live !== undefined && live.metadata.resourceVersion !== resourceVersion)
            throw error('CONFLICT', `${name} has changed`, { reason: 'Conflict', kind: 'configmaps', name });
          return put(parent, ours);
        }),
      removeParent: (seen, signal) =>
        ask('removeParent', seen.id, sluiceItself, signal, () => {
          const live = current(seen);
          if (live !== undefined) removeObject(live);
        }),
      createNamespace: (name, labels, signal) =>
        ask('createNamespace', { group: '', kind: 'Namespace', name }, sluiceItself, signal, () => {
          if (!stored.has(resourceKey({ group: '', kind: 'Namespace', name }))) put(namespaceOf(name, labels), ours);
        }),
    };
  }

  for (const name of namespaces) put(namespaceOf(name, {}));

  return {
    destinations: {
      async open(cluster, identity) {
        opened.push({ cluster, identity });
        return openAs(identity);
      },
    },
    destination: openAs(sluiceItself),
    requests,
    opened,
    objects: () => [...stored.values()],
    get: (id) => stored.get(resourceKey(id)),
    put,
    edit(id, manager, change) {
      const live = existing(id);
      const fields = change(live) as JsonObject;
      const changed = ownedOnly(changedFields(live as JsonObject, fields));
      const gone = ownedOnly(removedFields(live as JsonObject, fields));
      const before = live.metadata.managedFields;
      const theirs = before.find((entry) => entry.manager === manager && entry.operation === 'Update' && entry.subresource === undefined)?.fieldsV1 ?? {};
      const others = before.filter((entry) => entry.manager !== manager || entry.operation !== 'Update' || entry.subresource !== undefined);
      return store(
        next(live, fields, [...losing(others, union(changed, gone)), entryOf(manager, 'Update', live.apiVersion, union(subtract(theirs, gone), changed))]),
      );
    },
    setStatus(id, status) {
      const live = existing(id);
      const others = live.metadata.managedFields.filter(({ subresource }) => subresource !== 'status');
      const entry = { ...entryOf('kube-controller-manager', 'Update', live.apiVersion, { 'f:status': fieldSet(status) }), subresource: 'status' };
      return store(next(live, { ...(live as JsonObject), status }, [...others, entry]));
    },
    drop: (id) => removeObject(existing(id)),
    setPods(namespace, labelSelector, facts) {
      podsOf.set(`${namespace} ${labelSelector}`, facts);
    },
    refuse(id, refusal, verbs = ['dryRun', 'apply', 'remove', 'writeManagedFields', 'writeParent', 'removeParent', 'createNamespace']) {
      if (refusal === undefined) refusals.delete(resourceKey(id));
      else refusals.set(resourceKey(id), { refusal, verbs });
    },
    fail(error_) {
      failure = error_;
    },
  };
}

const namespaceOf = (name: string, labels: Readonly<Record<string, string>>): Manifest => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } },
  status: { phase: 'Active' },
});

const established: JsonObject = { conditions: ['NamesAccepted', 'Established'].map((type) => ({ type, status: 'True', reason: type, message: '' })) };

const isOurApply = (entry: ManagedFieldsEntry): boolean => entry.manager === ours && entry.operation === 'Apply';

function entryOf(
  manager: string,
  operation: 'Apply' | 'Update',
  apiVersion: string,
  fieldsV1: FieldSet,
): ManagedFieldsEntry & { readonly fieldsType: 'FieldsV1' } {
  return { manager, operation, apiVersion, fieldsType: 'FieldsV1', fieldsV1 };
}

/** The fields of an object that anybody can own. */
function ownedFields(object: JsonObject): FieldSet {
  return ownedOnly(fieldSet(object));
}

function ownedOnly(fields: FieldSet): FieldSet {
  const { 'f:apiVersion': _apiVersion, 'f:kind': _kind, 'f:metadata': metadata, 'f:status': _status, ...rest } = fields;
  if (!isJsonObject(metadata)) return rest;
  const kept = Object.fromEntries(Object.entries(metadata).filter(([field]) => !serverOwned.includes(field.slice(2))));
  return Object.keys(kept).length === 0 ? rest : { ...rest, 'f:metadata': kept };
}

/** Entries without these fields; one that is left with none goes. */
const losing = (entries: readonly ManagedFieldsEntry[], fields: FieldSet): readonly ManagedFieldsEntry[] =>
  entries.map((entry) => ({ ...entry, fieldsV1: subtract(entry.fieldsV1 ?? {}, fields) })).filter(({ fieldsV1 }) => Object.keys(fieldsV1).length > 0);

function sameOwners(a: readonly ManagedFieldsEntry[], b: readonly ManagedFieldsEntry[]): boolean {
  const text = (entries: readonly ManagedFieldsEntry[]) =>
    entries
      .map((entry) => canonicalJson(entry as JsonObject))
      .toSorted()
      .join();
  return text(a) === text(b);
}
