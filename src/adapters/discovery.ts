import { at } from '../model/json.ts';
import { type GroupKind, groupKindText } from '../model/manifest.ts';
import { PortError } from '../model/port-error.ts';
import type { Capabilities } from '../render/renderer.ts';
import type { ServedKind } from '../sync/destination.ts';
import type { ApiServer } from './api-server.ts';

/** Which kinds one API server serves. Throws what ApiServer.send throws, and PortError INVALID for a server older than 1.27. */
export type Discovery = {
  /** Those of the wanted kinds that are served, by groupKindText. Asks the server (two requests) when nothing is known, or not a wanted kind. */
  kinds(wanted: readonly GroupKind[], signal: AbortSignal): Promise<ReadonlyMap<string, ServedKind>>;
  /** The server's version, and everything that it serves as `apps/v1` and `apps/v1/Deployment`, sorted. */
  capabilities(signal: AbortSignal): Promise<Capabilities>;
};

type Kinds = ReadonlyMap<string, ServedKind>;

const accept = [
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList',
  'application/json',
].join(',');

/** Versions come and go with upgrades. */
const maxAgeMs = 5 * 60_000;
/** Many syncs wait for the same new kind at once. */
const missedAgainAfterMs = 1000;

export function openDiscovery(server: ApiServer): Discovery {
  let known: { readonly kinds: Kinds; readonly atMs: number } | undefined;
  let asked: Promise<Kinds> | undefined;
  let version: { readonly text: string | undefined; readonly atMs: number } | undefined;
  const missedAtMs = new Map<string, number>();

  // The question outlives the caller that began it: others wait for the same answer.
  const ask = () =>
    (asked ??= readServedKinds(server, AbortSignal.timeout(120_000))
      .then((kinds) => {
        known = { kinds, atMs: performance.now() };
        return kinds;
      })
      .finally(() => {
        asked = undefined;
      }));

  const freshKinds = () => (known !== undefined && performance.now() - known.atMs < maxAgeMs ? known.kinds : undefined);

  async function versionOf(signal: AbortSignal): Promise<string | undefined> {
    if (version !== undefined && performance.now() - version.atMs < maxAgeMs) return version.text;
    const { body } = await server.send({ method: 'GET', path: '/version', signal });
    const text = textAt(body, 'gitVersion');
    version = { text: /^v?\d+\.\d+\.\d+[\w.+-]*$/.test(text) ? text : undefined, atMs: performance.now() };
    return version.text;
  }

  return {
    async capabilities(signal) {
      const [kinds, kubeVersion] = await Promise.all([freshKinds() ?? unlessAborted(ask(), signal), versionOf(signal)]);
      return { ...(kubeVersion === undefined ? {} : { kubeVersion }), apiVersions: apiVersionsOf(kinds) };
    },
    async kinds(wanted, signal) {
      const names = [...new Set(wanted.map(groupKindText))];
      const fresh = freshKinds();
      const isWorthAsking = (name: string) => performance.now() - (missedAtMs.get(name) ?? Number.NEGATIVE_INFINITY) >= missedAgainAfterMs;
      if (fresh !== undefined && names.every((name) => fresh.has(name) || !isWorthAsking(name))) return chosen(fresh, names);

      const kinds = await unlessAborted(ask(), signal);
      for (const name of names) {
        if (kinds.has(name)) missedAtMs.delete(name);
        else missedAtMs.set(name, performance.now());
      }
      return chosen(kinds, names);
    },
  };
}

function apiVersionsOf(kinds: Kinds): readonly string[] {
  const all = [...kinds.values()].flatMap(({ group, kind, versions }) => {
    const apiVersions = versions.map((each) => (group === '' ? each : `${group}/${each}`));
    return apiVersions.flatMap((each) => [each, `${each}/${kind}`]);
  });
  // They become an option of a program, which takes a list apart at its commas.
  return [...new Set(all)].filter((each) => /^[\w./-]+$/.test(each)).sort();
}

const chosen = (kinds: Kinds, names: readonly string[]): Kinds =>
  new Map(
    names.flatMap((name) => {
      const kind = kinds.get(name);
      return kind === undefined ? [] : [[name, kind] as const];
    }),
  );

async function readServedKinds(server: ApiServer, signal: AbortSignal): Promise<Kinds> {
  const answers = await Promise.all(['/api', '/apis'].map((path) => server.send({ method: 'GET', path, accept, signal })));
  for (const { body } of answers) {
    if (at(body, 'kind') === 'APIGroupDiscoveryList') continue;
    throw new PortError(server.port, 'INVALID', `${server.name}: ${server.url} has no aggregated discovery; Sluice needs Kubernetes 1.27 or later`, {
      cause: undefined,
    });
  }
  return servedKinds(answers.map(({ body }) => body));
}

/** Input: APIGroupDiscoveryLists. Groups, versions and resources stand there in the server's order of preference. */
export function servedKinds(lists: readonly unknown[]): Kinds {
  const kinds = new Map<string, ServedKind>();
  for (const group of lists.flatMap((list) => listAt(list, 'items'))) {
    const name = textAt(group, 'metadata', 'name');
    for (const version of listAt(group, 'versions')) {
      for (const resource of listAt(version, 'resources')) addKind(kinds, name, textAt(version, 'version'), resource);
    }
  }
  return kinds;
}

function addKind(kinds: Map<string, ServedKind>, group: string, version: string, resource: unknown): void {
  const kind = textAt(resource, 'responseKind', 'kind');
  const plural = textAt(resource, 'resource');
  // Reviews, bindings and the like can be created only; they are no objects that stay.
  if (kind === '' || plural === '' || !listAt(resource, 'verbs').includes('get')) return;
  const key = groupKindText({ group, kind });
  const known = kinds.get(key);
  if (known === undefined) kinds.set(key, { group, kind, resource: plural, namespaced: at(resource, 'scope') === 'Namespaced', versions: [version] });
  else if (!known.versions.includes(version)) kinds.set(key, { ...known, versions: [...known.versions, version] });
}

/** `version` undefined means the preferred one; `namespace` is left out for a cluster-scoped kind. Every part is URL-encoded. */
export function resourcePath(
  kind: ServedKind,
  { version = kind.versions[0] ?? '', namespace, name }: { version?: string; namespace?: string | undefined; name?: string },
): string {
  const parts = [
    ...(kind.group === '' ? ['api'] : ['apis', kind.group]),
    version,
    ...(kind.namespaced && namespace !== undefined ? ['namespaces', namespace] : []),
    kind.resource,
    ...(name === undefined ? [] : [name]),
  ];
  return `/${parts.map(encodeURIComponent).join('/')}`;
}

function unlessAborted<T>(awaited: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason as Error);
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    awaited.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

function listAt(value: unknown, field: string): readonly unknown[] {
  const list = at(value, field);
  return Array.isArray(list) ? list : [];
}

function textAt(value: unknown, ...path: readonly string[]): string {
  const text = at(value, ...path);
  return typeof text === 'string' ? text : '';
}
