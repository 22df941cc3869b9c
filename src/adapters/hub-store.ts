import { Check, Errors } from 'typebox/value';
import type { LiveObject } from '../model/manifest.ts';
import type { Problem } from '../model/parsed.ts';
import { type Reference, referenceText } from '../model/reference.ts';
import { schemasOf } from '../resources/crd.ts';
import type { ResourceOf } from '../resources/hub.ts';
import { type Kind, kinds } from '../resources/kinds.ts';
import { referenceOf } from '../resources/resource.ts';
import type { HubChange } from '../workers/hub-changes.ts';

type Any = ResourceOf[Kind];
/** `resource` is missing when the schema of this release of Sluice does not allow what was read. */
type Entry = { readonly uid: string; readonly version: string; readonly resource: Any | undefined };

/** The newest version of every custom resource that this process knows of, from watches, reads and its own writes alike. */
export type HubStore = {
  /** Takes a version in, unless a newer one is known. `setBack`: the API server itself went back to an older one. */
  put(kind: Kind, object: LiveObject, setBack?: boolean): void;
  /** This very object (by uid) is gone. */
  drop(kind: Kind, reference: Reference, uid: string): void;
  get<K extends Kind>(kind: K, reference: Reference): ResourceOf[K] | undefined;
  list<K extends Kind>(kind: K, namespace?: string): readonly ResourceOf[K][];
  version(kind: Kind, reference: Reference): string | undefined;
};

type Listeners = {
  readonly onChange: (change: HubChange) => void;
  readonly onUnreadable: (kind: Kind, reference: Reference, problems: readonly Problem[]) => void;
};

/** What was deleted is remembered so that an answer that was late does not bring it back. */
const rememberedDeletions = 10_000;

export function openHubStore({ onChange, onUnreadable }: Listeners): HubStore {
  const byKind = new Map<Kind, Map<string, Map<string, Entry>>>((Object.keys(kinds) as Kind[]).map((kind) => [kind, new Map()]));
  const deletedUids = new Set<string>();

  const entriesIn = (kind: Kind, namespace: string): Map<string, Entry> | undefined => byKind.get(kind)?.get(namespace);
  const entryOf = (kind: Kind, { namespace, name }: Reference): Entry | undefined => entriesIn(kind, namespace)?.get(name);

  function tell(kind: Kind, reference: Reference, before: Any | undefined, now: Any | undefined): void {
    if (before === undefined && now === undefined) return;
    const type = before === undefined ? 'ADDED' : now === undefined ? 'DELETED' : 'MODIFIED';
    // One kind for all three: TypeScript cannot follow that through the union.
    onChange({ kind, reference, type, ...(before === undefined ? {} : { before }), ...(now === undefined ? {} : { now }) } as HubChange);
  }

  return {
    put(kind, object, setBack = false) {
      const { uid, resourceVersion, namespace = '', name } = object.metadata;
      const reference: Reference = { namespace, name };
      const before = entryOf(kind, reference);
      if (deletedUids.has(uid)) return;
      if (before !== undefined && !setBack && !isNewer(resourceVersion, before.version)) return;

      const problems = problemsOf(kind, object);
      if (problems.length > 0) onUnreadable(kind, reference, problems);
      const now = problems.length > 0 ? undefined : (object as unknown as Any);
      const inKind = byKind.get(kind);
      const inNamespace = inKind?.get(namespace) ?? new Map<string, Entry>();
      inKind?.set(namespace, inNamespace);
      inNamespace.set(name, { uid, version: resourceVersion, resource: now });
      if (before?.resource !== undefined && before.uid !== uid) {
        tell(kind, reference, before.resource, undefined);
        tell(kind, reference, undefined, now);
      } else tell(kind, reference, before?.resource, now);
    },

    drop(kind, reference, uid) {
      deletedUids.add(uid);
      const [oldest] = deletedUids;
      if (deletedUids.size > rememberedDeletions && oldest !== undefined) deletedUids.delete(oldest);
      const before = entryOf(kind, reference);
      if (before?.uid !== uid) return;
      entriesIn(kind, reference.namespace)?.delete(reference.name);
      tell(kind, reference, before.resource, undefined);
    },

    get: (kind, reference) => entryOf(kind, reference)?.resource as ResourceOf[typeof kind] | undefined,

    list(kind, namespace) {
      const inKind = byKind.get(kind) ?? new Map<string, Map<string, Entry>>();
      const chosen = namespace === undefined ? [...inKind.values()] : [inKind.get(namespace) ?? new Map<string, Entry>()];
      return chosen.flatMap((entries) => [...entries.values()].flatMap(({ resource }) => resource ?? [])) as unknown as readonly ResourceOf[typeof kind][];
    },

    version: (kind, reference) => entryOf(kind, reference)?.version,
  };
}

/** Resource versions of one kind of one API server are decimal numbers that grow. */
export function isNewer(version: string, than: string): boolean {
  if (!/^\d+$/.test(version) || !/^\d+$/.test(than)) return version !== than;
  return BigInt(version) > BigInt(than);
}

/** What a custom resource breaks of the schema of this release of Sluice: CRDs of another release are installed. */
export function problemsOf(kind: Kind, object: LiveObject): readonly Problem[] {
  const schemas = schemasOf(kind);
  const parts = [['spec', schemas.spec, object.spec], ...(object.status === undefined ? [] : ([['status', schemas.status, object.status]] as const))] as const;
  return parts.flatMap(([part, schema, value]) =>
    Check(schema, value) ? [] : Errors(schema, value).map(({ instancePath, message }) => ({ at: `${part}${instancePath.replaceAll('/', '.')}`, message })),
  );
}

export const describeResource = (kind: Kind, resource: { readonly metadata: { readonly namespace: string; readonly name: string } }): string =>
  `${kind} ${referenceText(referenceOf(resource))}`;
