import type { Logger } from 'pino';
import { at, type Json, type JsonObject } from '../model/json.ts';
import type { LiveObject } from '../model/manifest.ts';
import { describeProblems } from '../model/parsed.ts';
import { isPortError, PortError } from '../model/port-error.ts';
import { type Reference, referenceText } from '../model/reference.ts';
import type { Hub, ResourceOf } from '../resources/hub.ts';
import { apiVersion, group, type Kind, kinds, version } from '../resources/kinds.ts';
import { referenceOf } from '../resources/resource.ts';
import type { HubChange } from '../workers/hub-changes.ts';
import type { ApiServer } from './api-server.ts';
import { describeResource, isNewer, openHubStore, problemsOf } from './hub-store.ts';
import { type Watch, watchList } from './watch.ts';

export type OpenHub = Hub &
  AsyncDisposable & {
    /** Begins to watch. The listener hears of every change of what `seen` answers, also of this process's own writes, and must not throw. */
    start(onChange: (change: HubChange) => void): void;
    /** Whether all five kinds have been listed, so that what is not seen does not exist. */
    synced(): boolean;
    /** Resolves once `synced`; rejects with the reason of the signal. */
    whenSynced(signal: AbortSignal): Promise<void>;
  };

type Options = {
  readonly server: ApiServer;
  /** Sluice's own on the hub; named in advice. */
  readonly namespace?: string;
  readonly log: Logger;
};

const fieldManager = 'sluice';
const pipelineLabel = 'sluice.dev/pipeline';

/** The custom resources of one API server. Every method but `seen` and `list` may throw what ApiServer.send throws. */
export function openHub({ server, namespace: ownNamespace = 'sluice-system', log }: Options): OpenHub {
  const watches: Watch[] = [];
  const listed = new Set<Kind>();
  const { promise: allListed, resolve: tellAllListed } = Promise.withResolvers<void>();
  let listener: (change: HubChange) => void = () => {};

  const store = openHubStore({
    onChange: (change) => listener(change),
    onUnreadable: (kind, reference, problems) =>
      log.warn(
        { kind, object: referenceText(reference), reason: describeProblems(problems.slice(0, 5)) },
        'left out: not as this release of Sluice knows it; apply its deploy/crds',
      ),
  });

  function watchKind(kind: Kind): Watch {
    return watchList(server, {
      path: collectionPath(kind),
      metadataOnly: false,
      // The CRDs may be applied at any moment.
      times: { missingMs: 2000 },
      onEvent({ type, object }) {
        const { namespace = '', name, uid } = object.metadata;
        if (type === 'DELETED') store.drop(kind, { namespace, name }, uid);
        else store.put(kind, object);
      },
      onSynced() {
        log.info({ kind }, 'custom resources watched');
        listed.add(kind);
        if (listed.size === Object.keys(kinds).length) tellAllListed();
      },
      onLost: (error) => {
        const advice = error.code === 'NOT_FOUND' ? '; apply deploy/crds to the hub' : '';
        log.warn({ kind, code: error.code, reason: `${error.message}${advice}` }, 'custom resources not watched');
      },
    });
  }

  /** What the API server answered is the newest there is: others in this process see it at once. */
  function taken<K extends Kind>(kind: K, body: unknown): ResourceOf[K] {
    const object = body as LiveObject & ResourceOf[K];
    store.put(kind, object);
    const problems = problemsOf(kind, object);
    if (problems.length === 0) return object;
    throw new PortError(
      'hub',
      'INVALID',
      `${describeResource(kind, object)} is not as this release of Sluice knows it: ${describeProblems(problems.slice(0, 5))}; apply deploy/crds of this release`,
      {
        cause: undefined,
      },
    );
  }

  async function secret(reference: Reference, signal: AbortSignal): Promise<Readonly<Record<string, string>> | undefined> {
    try {
      const { body } = (await unlessMissing(server.send({ method: 'GET', path: secretPath(reference), signal }))) ?? {};
      return body === undefined ? undefined : decoded(body);
    } catch (error) {
      throw isPortError(error, 'FORBIDDEN') ? secretForbidden(reference, error) : error;
    }
  }

  /** The rights on Secrets are given namespace by namespace, by the administrator of the hub. */
  function secretForbidden(reference: Reference, cause: PortError): PortError {
    const command = `kubectl -n ${reference.namespace} create rolebinding sluice-credentials --clusterrole=sluice-credentials --group=system:serviceaccounts:${ownNamespace}`;
    const advice =
      reference.namespace === ownNamespace ? 'apply deploy/ of this release, it gives that right to workers' : `an administrator allows it with: ${command}`;
    return new PortError('hub', 'FORBIDDEN', `Sluice may not read Secret ${referenceText(reference)}; ${advice}`, { cause });
  }

  return {
    async read(kind, reference, signal) {
      const known = store.version(kind, reference);
      const { body } = (await unlessMissing(server.send({ method: 'GET', path: objectPath(kind, reference), signal }))) ?? {};
      if (body === undefined) return undefined;
      // Older than what was known before it was asked: the hub was restored from a backup.
      const answered = (body as LiveObject).metadata.resourceVersion;
      if (known !== undefined && isNewer(known, answered)) store.put(kind, body as LiveObject, true);
      return taken(kind, body);
    },
    seen: (kind, reference) => store.get(kind, reference),
    list: (kind, namespace) => store.list(kind, namespace),

    async writeStatus(kind, resource, status, signal) {
      const { name, namespace, uid, resourceVersion } = resource.metadata;
      const body = {
        apiVersion,
        kind,
        metadata: { name, namespace, uid, resourceVersion },
        spec: resource.spec as unknown as JsonObject,
        status: status as unknown as JsonObject,
      };
      const answer = await server.send({
        method: 'PUT',
        path: `${objectPath(kind, referenceOf(resource))}/status`,
        query: { fieldManager, fieldValidation: 'Strict' },
        body,
        signal,
      });
      return taken(kind, answer.body);
    },

    async createRelease({ metadata: { name: owner, namespace, uid } }, name, spec, signal) {
      const metadata = { name, namespace, labels: { [pipelineLabel]: owner }, ownerReferences: [{ apiVersion, kind: 'Pipeline', name: owner, uid }] };
      const body: Json = { apiVersion, kind: 'Release', metadata, spec: spec as unknown as JsonObject };
      const answer = await unlessExisting(
        server.send({ method: 'POST', path: collectionPath('Release', namespace), query: { fieldManager, fieldValidation: 'Strict' }, body, signal }),
      );
      if (answer !== undefined) taken('Release', answer.body);
    },

    async deleteRelease(release, signal) {
      const body: Json = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: release.metadata.uid } };
      await unlessMissing(server.send({ method: 'DELETE', path: objectPath('Release', referenceOf(release)), body, signal }));
    },

    secret,
    async ensureSecret(reference, values, signal) {
      const standing = await secret(reference, signal);
      if (standing !== undefined) return standing;
      const data = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
      const body: Json = { apiVersion: 'v1', kind: 'Secret', metadata: { name: reference.name, namespace: reference.namespace }, type: 'Opaque', data };
      const path = `/api/v1/namespaces/${encodeURIComponent(reference.namespace)}/secrets`;
      const created = await unlessExisting(server.send({ method: 'POST', path, query: { fieldManager, fieldValidation: 'Strict' }, body, signal }));
      if (created !== undefined) return decoded(created.body);
      const others = await secret(reference, signal);
      if (others === undefined)
        throw new PortError('hub', 'CONFLICT', `Secret ${referenceText(reference)} was removed while it was made`, { cause: undefined });
      return others;
    },

    start(onChange) {
      listener = onChange;
      watches.push(...(Object.keys(kinds) as Kind[]).map(watchKind));
    },
    synced: () => listed.size === Object.keys(kinds).length,
    async whenSynced(signal) {
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const giveUp = () => reject(signal.reason as Error);
      if (signal.aborted) giveUp();
      signal.addEventListener('abort', giveUp, { once: true });
      await Promise.race([allListed, aborted]).finally(() => signal.removeEventListener('abort', giveUp));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(watches.map((watch) => watch.stop()));
    },
  };
}

function collectionPath(kind: Kind, namespace?: string): string {
  return `/apis/${group}/${version}${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${kinds[kind]}`;
}

const objectPath = (kind: Kind, { namespace, name }: Reference): string => `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}`;

const secretPath = ({ namespace, name }: Reference): string => `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`;

function decoded(body: unknown): Readonly<Record<string, string>> {
  const data = at(body, 'data');
  return Object.fromEntries(Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(String(value), 'base64').toString()]));
}

async function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isPortError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

async function unlessExisting<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isPortError(error, 'CONFLICT') && error.details?.reason === 'AlreadyExists') return undefined;
    throw error;
  }
}
