import { isDeepStrictEqual } from 'node:util';
import { Check, Errors } from 'typebox/value';
import { PortError } from '../../src/model/port-error.ts';
import { type Reference, referenceText } from '../../src/model/reference.ts';
import { schemasOf } from '../../src/resources/crd.ts';
import type { Hub, ResourceOf, StatusOf } from '../../src/resources/hub.ts';
import { apiVersion, type Kind } from '../../src/resources/kinds.ts';
import { referenceOf } from '../../src/resources/resource.ts';
import type { HubChange } from '../../src/workers/hub-changes.ts';
import { withDefaults } from '../builders.ts';

export type AnyResource = ResourceOf[Kind];

export type FakeHub = {
  readonly hub: Hub;
  /**
   * Creates a resource, or replaces its spec, labels and annotations as `kubectl apply` would; the generation grows when the spec changes.
   * Its status is set too when it is given. Throws PortError INVALID for what the schema refuses (CEL rules are not tried here). Output: as it was stored.
   */
  put<R extends AnyResource>(resource: R): R;
  remove(kind: Kind, reference: Reference): void;
  /** As it stands now; throws when there is none. */
  get<K extends Kind>(kind: K, reference: Reference): ResourceOf[K];
  putSecret(reference: Reference, values: Readonly<Record<string, string>> | undefined): void;
  /** Called after every change, from whomever. */
  onChange(listener: (change: HubChange) => void): void;
  /** What others see (`seen`, `list`) stays as it is now, until the returned function is called. */
  holdSeen(): () => void;
  /** Every method that asks the API server throws this, until it is given undefined. */
  fail(error: PortError | undefined): void;
  /** Runs before the next status write of this kind is stored: for a change by somebody else in between. */
  beforeWrite(kind: Kind, meanwhile: () => void): void;
  /** Every status that was stored, oldest first. */
  readonly writes: readonly { readonly kind: Kind; readonly reference: Reference; readonly status: unknown }[];
};

/** The hub in memory, with the API server's ways: resource versions, conflicts, generations, defaults and checks. */
export function fakeHub(...resources: readonly AnyResource[]): FakeHub {
  const objects = new Map<string, AnyResource>();
  const secrets = new Map<string, Readonly<Record<string, string>>>();
  const listeners = new Set<(change: HubChange) => void>();
  const writes: { kind: Kind; reference: Reference; status: unknown }[] = [];
  const meanwhiles = new Map<Kind, () => void>();
  let held: ReadonlyMap<string, AnyResource> | undefined;
  let failure: PortError | undefined;
  let version = 100;

  const reachable = (signal?: AbortSignal): void => {
    signal?.throwIfAborted();
    if (failure !== undefined) throw failure;
  };
  const tell = (kind: Kind, reference: Reference, type: HubChange['type'], before: AnyResource | undefined, now: AnyResource | undefined): void => {
    const change = { kind, reference, type, ...(before === undefined ? {} : { before }), ...(now === undefined ? {} : { now }) } as HubChange;
    for (const listener of listeners) listener(change);
  };

  function store(given: AnyResource): AnyResource {
    const now = asJson(given);
    const key = keyOf(now.kind, referenceOf(now));
    const before = objects.get(key);
    if (
      before !== undefined &&
      isDeepStrictEqual({ ...before, metadata: { ...before.metadata, resourceVersion: '' } }, { ...now, metadata: { ...now.metadata, resourceVersion: '' } })
    )
      return before;
    const stored = frozen({ ...now, metadata: { ...now.metadata, resourceVersion: String(++version) } }) as AnyResource;
    objects.set(key, stored);
    tell(now.kind, referenceOf(now), before === undefined ? 'ADDED' : 'MODIFIED', before, stored);
    return stored;
  }

  function put<R extends AnyResource>(resource: R): R {
    const { kind } = resource;
    const before = objects.get(keyOf(kind, referenceOf(resource)));
    const schemas = schemasOf(kind);
    const spec = checked(kind, resource, 'spec', withDefaults(schemas.spec, resource.spec));
    const status = resource.status === undefined ? before?.status : checked(kind, resource, 'status', withDefaults(schemas.status, resource.status));
    const generation = before === undefined ? resource.metadata.generation : before.metadata.generation + (isDeepStrictEqual(before.spec, spec) ? 0 : 1);
    const uid = before?.metadata.uid ?? `${resource.metadata.uid}-${version + 1}`;
    return store({
      ...resource,
      metadata: { ...resource.metadata, uid, generation },
      spec,
      ...(status === undefined ? {} : { status }),
    } as unknown as AnyResource) as R;
  }

  function remove(kind: Kind, reference: Reference): void {
    const key = keyOf(kind, reference);
    const before = objects.get(key);
    if (!objects.delete(key)) return;
    version += 1;
    tell(kind, reference, 'DELETED', before, undefined);
    for (const other of objects.values())
      if (other.metadata.ownerReferences?.some(({ uid }) => uid === before?.metadata.uid)) remove(other.kind, referenceOf(other));
  }

  const hub: Hub = {
    async read(kind, reference, signal) {
      await Promise.resolve();
      reachable(signal);
      return objects.get(keyOf(kind, reference)) as ResourceOf[typeof kind] | undefined;
    },
    seen: (kind, reference) => (held ?? objects).get(keyOf(kind, reference)) as ResourceOf[typeof kind] | undefined,
    list: (kind, namespace) =>
      [...(held ?? objects).values()].filter(
        (each) => each.kind === kind && (namespace === undefined || each.metadata.namespace === namespace),
      ) as unknown as readonly ResourceOf[typeof kind][],
    async writeStatus<K extends Kind>(kind: K, resource: ResourceOf[K], status: StatusOf[K], signal: AbortSignal): Promise<ResourceOf[K]> {
      await Promise.resolve();
      reachable(signal);
      const meanwhile = meanwhiles.get(kind);
      meanwhiles.delete(kind);
      meanwhile?.();
      const reference = referenceOf(resource);
      const current = objects.get(keyOf(kind, reference));
      if (current === undefined) throw new PortError('hub', 'NOT_FOUND', `${kind} ${referenceText(reference)} is gone`, { cause: undefined });
      if (current.metadata.resourceVersion !== resource.metadata.resourceVersion)
        throw new PortError('hub', 'CONFLICT', `${kind} ${referenceText(reference)} has changed since it was read`, { cause: undefined });
      const whole = checked(kind, resource, 'status', withDefaults(schemasOf(kind).status, status));
      writes.push({ kind, reference, status: whole });
      return store({ ...current, status: whole } as unknown as AnyResource) as ResourceOf[K];
    },
    async createRelease(pipeline, name, spec, signal) {
      await Promise.resolve();
      reachable(signal);
      const { namespace, uid } = pipeline.metadata;
      if (objects.has(keyOf('Release', { namespace, name }))) return;
      put<ResourceOf['Release']>({
        apiVersion,
        kind: 'Release',
        metadata: {
          name,
          namespace,
          uid: `uid-release-${namespace}-${name}`,
          resourceVersion: '',
          generation: 1,
          labels: { 'sluice.dev/pipeline': pipeline.metadata.name },
          ownerReferences: [{ apiVersion, kind: 'Pipeline', name: pipeline.metadata.name, uid }],
        },
        spec,
      });
    },
    async deleteRelease(release, signal) {
      await Promise.resolve();
      reachable(signal);
      remove('Release', referenceOf(release));
    },
    async secret(reference, signal) {
      await Promise.resolve();
      reachable(signal);
      return secrets.get(referenceText(reference));
    },
    async ensureSecret(reference, values, signal) {
      await Promise.resolve();
      reachable(signal);
      const standing = secrets.get(referenceText(reference)) ?? values;
      secrets.set(referenceText(reference), standing);
      return standing;
    },
  };

  for (const resource of resources) put(resource);

  return {
    hub,
    put,
    remove,
    get(kind, reference) {
      const found = objects.get(keyOf(kind, reference));
      if (found === undefined) throw new Error(`there is no ${kind} ${referenceText(reference)}`);
      return found as ResourceOf[typeof kind];
    },
    putSecret(reference, values) {
      if (values === undefined) secrets.delete(referenceText(reference));
      else secrets.set(referenceText(reference), values);
    },
    onChange(listener) {
      listeners.add(listener);
    },
    holdSeen() {
      held = new Map(objects);
      return () => {
        held = undefined;
      };
    },
    fail(error) {
      failure = error;
    },
    beforeWrite(kind, meanwhile) {
      meanwhiles.set(kind, meanwhile);
    },
    writes,
  };
}

const keyOf = (kind: Kind, reference: Reference): string => `${kind} ${referenceText(reference)}`;

/** What fieldValidation=Strict and the CRD would refuse. */
function checked(kind: Kind, resource: { readonly metadata: { readonly name: string } }, part: 'spec' | 'status', value: unknown): unknown {
  const schema = schemasOf(kind)[part];
  const problems = [
    ...unknownFields(schema, value, part),
    ...(Check(schema, value) ? [] : Errors(schema, value).map(({ instancePath, message }) => `${part}${instancePath.replaceAll('/', '.')}: ${message}`)),
  ];
  if (problems.length > 0) throw new PortError('hub', 'INVALID', `${kind} ${resource.metadata.name}: ${problems.slice(0, 5).join('; ')}`, { cause: undefined });
  return value;
}

type Schema = {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
};

function unknownFields(schema: Schema, value: unknown, place: string): readonly string[] {
  if (Array.isArray(value)) {
    const [key] = schema['x-kubernetes-list-map-keys'] ?? [];
    const keys = key === undefined ? [] : value.map((item) => (item as Record<string, unknown>)[key]);
    const twice = new Set(keys).size === keys.length ? [] : [`${place}: two entries have the same ${key}`];
    return [...twice, ...value.flatMap((item, index) => unknownFields(schema.items ?? {}, item, `${place}[${index}]`))];
  }
  if (typeof value !== 'object' || value === null || schema.additionalProperties !== undefined) return [];
  return Object.entries(value).flatMap(([field, inner]): readonly string[] => {
    if (inner === undefined) return [];
    const known = schema.properties?.[field];
    return known === undefined ? [`${place}.${field}: unknown field`] : unknownFields(known, inner, `${place}.${field}`);
  });
}

/** As the API server would answer it: without undefined fields, and nobody else's. */
const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

function frozen<T>(value: T): T {
  const freeze = (inner: unknown): void => {
    if (typeof inner !== 'object' || inner === null) return;
    Object.values(inner).forEach(freeze);
    Object.freeze(inner);
  };
  freeze(value);
  return value;
}
