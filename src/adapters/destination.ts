import { fieldManager } from '../diff/ownership.ts';
import { podFacts } from '../health/pods.ts';
import { at, type Json } from '../model/json.ts';
import type { LiveObject, Manifest } from '../model/manifest.ts';
import { isPortError, PortError } from '../model/port-error.ts';
import type { Reference } from '../model/reference.ts';
import type { Applied, Destination, Destinations, Identity, ObjectMetadata, ServedKind } from '../sync/destination.ts';
import type { ApiServer, Request } from './api-server.ts';
import { type Discovery, openDiscovery, resourcePath } from './discovery.ts';

const pageSize = 2_000;
/** A tenant's API server could go on for ever. */
const maxObjects = 200_000;

const configMaps: ServedKind = { group: '', kind: 'ConfigMap', resource: 'configmaps', namespaced: true, versions: ['v1'] };
const pods: ServedKind = { group: '', kind: 'Pod', resource: 'pods', namespaced: true, versions: ['v1'] };

/** `serverOf` throws PortError('destination', …) when the Cluster's credentials cannot be read. */
export function destinationsOf({ serverOf }: { readonly serverOf: (cluster: Reference, signal: AbortSignal) => Promise<ApiServer> }): Destinations {
  const discoveries = new WeakMap<ApiServer, Discovery>();

  return {
    async open(cluster, identity, signal) {
      const server = await serverOf(cluster, signal);
      const discovery = discoveries.get(server) ?? openDiscovery(server);
      discoveries.set(server, discovery);
      return destinationOn(server, discovery, identity);
    },
  };
}

function destinationOn(server: ApiServer, discovery: Discovery, identity: Identity): Destination {
  const applyObject = async (kind: ServedKind, manifest: Manifest, signal: AbortSignal, dryRun: 'All' | undefined): Promise<Applied> => {
    const { status, body } = await server.send({
      method: 'PATCH',
      path: objectPath(kind, manifest.metadata, manifest.apiVersion),
      query: { fieldManager, force: true, fieldValidation: 'Strict', dryRun },
      contentType: 'application/apply-patch+yaml',
      body: manifest,
      as: identity,
      signal,
    });
    // Also of a dry-run: 201 says that there was no such object.
    return { created: status === 201, object: liveObject(server, body) };
  };

  return {
    kinds: (wanted, signal) => discovery.kinds(wanted, signal),
    capabilities: (signal) => discovery.capabilities(signal),

    async list(kind, namespace, labelSelector, signal) {
      const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
      const items = await readPages(server, { path: resourcePath(kind, { namespace }), query: { labelSelector }, accept, signal });
      return items.map((item): ObjectMetadata => {
        const { metadata } = liveObject(server, item);
        const { name, namespace: inside } = metadata;
        return { id: { group: kind.group, kind: kind.kind, ...(inside === undefined ? {} : { namespace: inside }), name }, metadata };
      });
    },

    read: (kind, id, signal) => readObject(server, { path: objectPath(kind, id), as: identity, signal }),

    dryRun: (kind, manifest, signal) => applyObject(kind, manifest, signal, 'All'),
    apply: (kind, manifest, signal) => applyObject(kind, manifest, signal, undefined),

    async writeManagedFields(kind, { id, metadata: { uid, resourceVersion } }, managedFields, signal) {
      await server.send({
        method: 'PATCH',
        path: objectPath(kind, id),
        query: { fieldManager },
        contentType: 'application/merge-patch+json',
        body: { metadata: { uid, resourceVersion, managedFields: managedFields.map((entry) => ({ fieldsType: 'FieldsV1', ...entry })) } },
        as: identity,
        signal,
      });
    },

    remove: (kind, seen, signal) => removeObject(server, { path: objectPath(kind, seen.id), as: identity, signal }, seen),

    async pods(namespace, labelSelector, signal) {
      const items = await readPages(server, { path: resourcePath(pods, { namespace }), query: { labelSelector }, signal });
      return items.map((item) => podFacts(liveObject(server, item)));
    },

    readParent: (namespace, name, signal) => readObject(server, { path: objectPath(configMaps, { namespace, name }), signal }),

    async writeParent(parent, signal) {
      const { name, namespace, resourceVersion } = parent.metadata;
      const place = resourcePath(configMaps, { namespace, ...(resourceVersion === undefined ? {} : { name }) });
      const { body } = await server.send({
        method: resourceVersion === undefined ? 'POST' : 'PUT',
        path: place,
        query: { fieldManager },
        body: parent,
        signal,
      });
      return liveObject(server, body);
    },

    removeParent: (seen, signal) => removeObject(server, { path: objectPath(configMaps, seen.id), signal }, seen),

    async createNamespace(name, labels, signal) {
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
      try {
        await server.send({ method: 'POST', path: '/api/v1/namespaces', query: { fieldManager }, body, signal });
      } catch (error) {
        if (!isPortError(error, 'CONFLICT') || error.details?.reason !== 'AlreadyExists') throw error;
      }
    },
  };
}

function objectPath(kind: ServedKind, { namespace, name }: { readonly namespace?: string; readonly name: string }, apiVersion?: string): string {
  const version = apiVersion?.split('/').at(-1);
  return resourcePath(kind, { namespace, name, ...(version === undefined ? {} : { version }) });
}

async function readObject(server: ApiServer, request: Omit<Request, 'method'>): Promise<LiveObject | undefined> {
  try {
    return liveObject(server, (await server.send({ method: 'GET', ...request })).body);
  } catch (error) {
    if (isPortError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

async function removeObject(
  server: ApiServer,
  request: Omit<Request, 'method' | 'body'>,
  { metadata: { uid, resourceVersion } }: ObjectMetadata,
): Promise<void> {
  const body: Json = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion }, propagationPolicy: 'Background' };
  try {
    await server.send({ method: 'DELETE', body, ...request });
  } catch (error) {
    if (!isPortError(error, 'NOT_FOUND')) throw error;
  }
}

/** All items of a LIST, page by page, as they were at one moment; begun again when that moment is forgotten between two pages. */
async function readPages(server: ApiServer, request: Omit<Request, 'method'>): Promise<readonly unknown[]> {
  for (let tries = 1; ; tries += 1) {
    const items: unknown[] = [];
    try {
      let next: unknown;
      do {
        const { body } = await server.send({ method: 'GET', ...request, query: { ...request.query, limit: pageSize, continue: next as string | undefined } });
        const page: unknown = at(body, 'items');
        if (Array.isArray(page)) items.push(...(page as unknown[]));
        if (items.length > maxObjects)
          throw new PortError(
            server.port,
            'INVALID',
            `${server.name}: ${request.path} lists more than ${maxObjects} objects: split what Applications put there over several namespaces`,
            { cause: undefined },
          );
        next = at(body, 'metadata', 'continue');
      } while (typeof next === 'string' && next !== '');
      return items;
    } catch (error) {
      if (tries === 3 || !isPortError(error, 'CONFLICT')) throw error;
    }
  }
}

/** The answers of a tenant's API server are its own affair: what is no object must not pass for one. */
function liveObject(server: ApiServer, body: unknown): LiveObject {
  if (typeof at(body, 'metadata', 'name') !== 'string')
    throw new PortError(
      server.port,
      'INVALID',
      `${server.name}: ${server.url} answered something that is no Kubernetes object: see that this is the address of an API server`,
      { cause: undefined },
    );
  return body as LiveObject;
}
