import type { ApiServer } from '../../adapters/api-server.ts';
import { at, type Json } from '../../model/json.ts';
import { describeId, groupOf, idOf, type Manifest } from '../../model/manifest.ts';
import { isPortError, PortError } from '../../model/port-error.ts';
import type { ClusterRule } from '../../resources/cluster.ts';
import { group, kinds } from '../../resources/kinds.ts';

/** The plural names of what init makes; there is no need to ask the server for them. */
const plurals: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  Secret: 'secrets',
  ServiceAccount: 'serviceaccounts',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  RoleBinding: 'rolebindings',
  ...kinds,
};

const fieldManager = 'sluice-init';

export type ApplyOptions = { readonly force: boolean; readonly say: (line: string) => void; readonly signal: AbortSignal };

/**
 * Server-side apply, one after the other, unknown fields refused; what is there already as it should be stays untouched.
 * Throws PortError at the first that is refused: what came before it stays, and running it again goes on from there.
 */
export async function applyObjects(server: ApiServer, objects: readonly Manifest[], { force, say, signal }: ApplyOptions): Promise<void> {
  for (const object of objects) {
    const what = describeId(idOf(object));
    try {
      const { status } = await server.send({
        method: 'PATCH',
        path: pathOf(object),
        query: { fieldManager, fieldValidation: 'Strict', force: force || undefined },
        contentType: 'application/apply-patch+yaml',
        body: object,
        signal,
      });
      say(`${what}: ${status === 201 ? 'created' : 'in place'}`);
    } catch (error) {
      if (!isPortError(error)) throw error;
      throw new PortError(error.port, error.code, `${what}: ${error.message}${adviceFor(error)}`, { cause: error, details: error.details });
    }
  }
}

function adviceFor({ code }: PortError): string {
  if (code === 'CONFLICT') return '; somebody else has set these fields: --force-conflicts takes them over, or change them by hand';
  if (code === 'FORBIDDEN') return '; ask an administrator for this right, or print the resources (without --apply) and let one apply them';
  return '';
}

/** undefined when there is none. Throws what ApiServer.send throws. */
export async function readObject(server: ApiServer, object: Pick<Manifest, 'apiVersion' | 'kind' | 'metadata'>, signal: AbortSignal): Promise<unknown> {
  try {
    return (await server.send({ method: 'GET', path: pathOf(object), signal })).body;
  } catch (error) {
    if (isPortError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/** Whether the five kinds are served. Throws what ApiServer.send throws. */
export async function servesSluice(server: ApiServer, signal: AbortSignal): Promise<boolean> {
  try {
    const { body } = await server.send({ method: 'GET', path: `/apis/${group}/v1alpha1`, signal });
    const resources: unknown = at(body, 'resources');
    const names = Array.isArray(resources) ? resources.map((each) => at(each, 'name')) : [];
    return Object.values(kinds).every((plural) => names.includes(plural));
  } catch (error) {
    if (isPortError(error, 'NOT_FOUND')) return false;
    throw error;
  }
}

/** A Cluster may serve others already: their rules stay beside the new one. */
export function withRulesOf(cluster: Manifest, live: unknown): Manifest {
  const spec = cluster.spec as { readonly rules: readonly ClusterRule[] } & Record<string, Json>;
  const there: unknown = at(live, 'spec', 'rules');
  const others = (Array.isArray(there) ? (there as ClusterRule[]) : []).filter((rule) => !spec.rules.some((own) => isCovered(rule, own)));
  return { ...cluster, spec: { ...spec, rules: [...others, ...spec.rules] } };
}

const isCovered = (rule: ClusterRule, by: ClusterRule): boolean =>
  (['hubNamespaces', 'namespaces', 'serviceAccounts'] as const).every((field) => rule[field].every((each) => by[field].includes(each)));

function pathOf({ apiVersion, kind, metadata: { name, namespace } }: Pick<Manifest, 'apiVersion' | 'kind' | 'metadata'>): string {
  const base = groupOf(apiVersion) === '' ? `/api/${apiVersion}` : `/apis/${apiVersion}`;
  const place = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${base}${place}/${plurals[kind] ?? ''}/${encodeURIComponent(name)}`;
}
