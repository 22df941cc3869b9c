import { type ApiServer, openApiServer } from '../adapters/api-server.ts';
import { problemsOf } from '../adapters/hub-store.ts';
import { at, type Json } from '../model/json.ts';
import type { LiveObject } from '../model/manifest.ts';
import { accepted, describeProblems } from '../model/parsed.ts';
import { isPortError, PortError } from '../model/port-error.ts';
import { parseReference, type Reference, referenceText } from '../model/reference.ts';
import type { ResourceOf } from '../resources/hub.ts';
import { group, type Kind, kinds, version } from '../resources/kinds.ts';
import { type Answer, refuse } from './answer.ts';
import type { ChosenContext } from './kubeconfig.ts';

const pageSize = 500;

/** With the caller's own credentials. Nothing is asked yet. */
export const openServer = ({ text, context }: ChosenContext, port: 'hub' | 'destination'): ApiServer & AsyncDisposable =>
  openApiServer(text, { port, name: `context ${context}`, trusted: true, connections: 16 });

/** `resources` are as this release knows them; of the others it is said why they are not. Throws what ApiServer.send throws. */
export async function listResources<K extends Kind>(
  server: ApiServer,
  kind: K,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly resources: readonly ResourceOf[K][]; readonly unreadable: readonly string[] }> {
  const resources: ResourceOf[K][] = [];
  const unreadable: string[] = [];
  let next: string | undefined;
  do {
    const { body } = await told(kind, server.send({ method: 'GET', path: pathOf(kind, namespace), query: { limit: pageSize, continue: next }, signal }));
    const items: unknown = at(body, 'items');
    for (const item of Array.isArray(items) ? (items as LiveObject[]) : []) {
      const read = readResource(kind, item);
      if (read.ok) resources.push(read.value);
      else unreadable.push(describeProblems(read.problems));
    }
    const following = at(body, 'metadata', 'continue');
    next = typeof following === 'string' && following !== '' ? following : undefined;
  } while (next !== undefined);
  return { resources, unreadable };
}

/** One resource; that there is none is a refusal. Throws what ApiServer.send throws. */
export async function readOne<K extends Kind>(server: ApiServer, kind: K, reference: Reference, signal: AbortSignal): Promise<Answer<ResourceOf[K]>> {
  try {
    const { body } = await server.send({ method: 'GET', path: `${pathOf(kind, reference.namespace)}/${encodeURIComponent(reference.name)}`, signal });
    return readResource(kind, body as LiveObject);
  } catch (error) {
    if (!isPortError(error, 'NOT_FOUND')) throw error;
    const message = `does not exist at ${server.name}: \`sluice get ${kinds[kind]} -A\` shows those that do`;
    return refuse('NotFound', { at: `${kind} ${referenceText(reference)}`, message });
  }
}

export async function annotate<K extends Kind>(
  server: ApiServer,
  kind: K,
  reference: Reference,
  annotations: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const body: Json = { metadata: { annotations } };
  const path = `${pathOf(kind, reference.namespace)}/${encodeURIComponent(reference.name)}`;
  await server.send({ method: 'PATCH', path, query: { fieldManager: 'sluice-cli' }, contentType: 'application/merge-patch+json', body, signal });
}

/** `name`, or `namespace/name`. */
export function referenceFrom(text: string, namespace: string): Answer<Reference> {
  const reference = text.includes('/') ? parseReference(text) : { namespace, name: text };
  return reference === undefined || reference.name === ''
    ? refuse('UnknownName', { at: text, message: 'is no name: write NAME or NAMESPACE/NAME' })
    : accepted(reference);
}

function readResource<K extends Kind>(kind: K, object: LiveObject): Answer<ResourceOf[K]> {
  const problems = problemsOf(kind, object);
  if (problems.length === 0) return accepted(object as unknown as ResourceOf[K]);
  const why = describeProblems(problems.slice(0, 3)).replaceAll('\n', '; ');
  return refuse('OtherRelease', {
    at: `${kind} ${object.metadata.namespace ?? ''}/${object.metadata.name}`,
    message: `is not as this release of sluice knows it: ${why}; use the release of the hub`,
  });
}

const pathOf = (kind: Kind, namespace: string | undefined): string =>
  `/apis/${group}/${version}${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${kinds[kind]}`;

/** What is not served at all is not just missing. */
async function told<T>(kind: Kind, asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (!isPortError(error, 'NOT_FOUND')) throw error;
    const message = `${error.message}: this cluster has no ${kinds[kind]}.${group}; name the hub with --context, or apply deploy/crds to it`;
    throw new PortError('hub', 'NOT_FOUND', message, { cause: error });
  }
}
