import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type BorrowedRun, image, runLabel } from './demo-borrowed-layout.ts';
import { type DemoCluster, listOf, type Resource, readResources } from './demo-resources.ts';
import type { Parts } from './parts.ts';
import { run } from './run-program.ts';

/** A context of the user's kubeconfig. */
export type Context = {
  readonly cluster: DemoCluster;
  /** Of the API server. */
  readonly version: string;
  /** The fields of the kubeconfig's cluster: address and certificate, no credentials. */
  readonly connection: Readonly<Record<string, unknown>>;
  /** Ours, parted by whether the cluster serves them already, in just our version. */
  readonly missingCrds: readonly Resource[];
  readonly presentCrds: readonly Resource[];
};

const crdFolder = join(import.meta.dirname, '../deploy/crds');

/** Looks and writes nothing. Throws with advice when the demo cannot or must not run there. */
export async function readContext(parts: Parts, name: string): Promise<Context> {
  const kubectlOptions = [`--context=${name}`];
  const kubectl: DemoCluster['kubectl'] = (args, options) => run(parts.kubectl, [...kubectlOptions, ...args], options);
  const connection = await readConnection(kubectl, name);
  const { serverVersion } = JSON.parse(await kubectl(['version', '-o', 'json', '--request-timeout=20s'])) as {
    readonly serverVersion?: { readonly gitVersion: string };
  };
  const crds = await readCrds();
  const present = await presentCrds(kubectl, crds, name);
  if (present.length > 0) await refuseNeighbours(kubectl, present, name);
  return {
    cluster: { name, url: String(connection.server), kubectlOptions, kubectl },
    version: serverVersion?.gitVersion ?? 'of an unknown version',
    connection,
    missingCrds: crds.filter(({ metadata }) => !present.includes(metadata.name)),
    presentCrds: crds.filter(({ metadata }) => present.includes(metadata.name)),
  };
}

/** What the user is asked to agree to. */
export function describePlan({ cluster, version, missingCrds, presentCrds }: Context, { id, prefix, namespaces }: BorrowedRun): readonly string[] {
  const names = (crds: readonly Resource[]) => crds.map(({ metadata }) => metadata.name).join(', ');
  return [
    'The demo is about to write to a cluster of yours:',
    `  context     ${cluster.name}`,
    `  server      ${cluster.url} (Kubernetes ${version})`,
    `  namespaces  ${Object.values(namespaces).join(', ')}`,
    `  rights      ClusterRoles and bindings ${prefix}-…, for the service account of ${namespaces.system} that Sluice runs as:`,
    '              it reads everything, writes resources of sluice.dev and ConfigMaps, makes namespaces, and acts as service accounts (deploy/rights)',
    ...(missingCrds.length === 0 ? [] : [`  CRDs        makes ${names(missingCrds)}`]),
    ...(presentCrds.length === 0 ? [] : [`  CRDs        uses ${names(presentCrds)}, which are there, and leaves them`]),
    `  workloads   four Deployments for each stage, 13 pods of ${image.repository} in all`,
    `  afterwards  all that carries the label ${runLabel}=${id} is removed, and nothing else`,
    'Gitea, Redis and Sluice run on this machine; Sluice connects to the server above, and the cluster need not reach this machine.',
    'No other Sluice may be at work there: it would take up the same resources.',
  ];
}

async function readConnection(kubectl: DemoCluster['kubectl'], name: string): Promise<Readonly<Record<string, unknown>>> {
  const contexts = (await kubectl(['config', 'get-contexts', '-o', 'name'])).split('\n').filter((line) => line !== '');
  if (!contexts.includes(name)) {
    const advice = contexts.length === 0 ? 'it has none; set KUBECONFIG to the file that has it' : `it has: ${contexts.join(', ')}`;
    throw new Error(`your kubeconfig has no context ${name}; ${advice}`);
  }
  const view = JSON.parse(await kubectl(['config', 'view', '--raw', '--minify', '--flatten', '-o', 'json'])) as {
    readonly clusters: readonly { readonly cluster: Readonly<Record<string, unknown>> }[] | null;
  };
  const connection = view.clusters?.[0]?.cluster;
  if (typeof connection?.server !== 'string')
    throw new Error(`context ${name} names no cluster with a server; look at: kubectl config view --minify --context=${name}`);
  if (connection['proxy-url'] !== undefined)
    throw new Error(`context ${name} reaches its cluster by a proxy (proxy-url), which Sluice does not do: choose a context that reaches the server itself`);
  return connection;
}

async function readCrds(): Promise<readonly Resource[]> {
  const files = (await readdir(crdFolder)).filter((file) => file.endsWith('.yaml')).sort();
  return (await Promise.all(files.map((file) => readResources(join(crdFolder, file))))).flat();
}

/** Names of those that the cluster has. Throws when one of them is not what ours would make of it. */
async function presentCrds(kubectl: DemoCluster['kubectl'], crds: readonly Resource[], context: string): Promise<readonly string[]> {
  const names = crds.map(({ metadata }) => metadata.name);
  const live = itemsOf(await kubectl(['get', 'customresourcedefinitions', ...names, '--ignore-not-found', '-o', 'json']));
  const ours = crds.filter(({ metadata }) => live.some((crd) => crd.metadata.name === metadata.name));
  if (ours.length === 0) return [];
  // The server itself fills in the defaults, so that both sides have them.
  const dryRun = ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '--field-manager=sluice-demo', '-f', '-', '-o', 'json'];
  const wanted = itemsOf(await kubectl(dryRun, { input: listOf(ours) }));
  const different = wanted.filter(({ metadata, spec }) => !isDeepStrictEqual(spec, live.find((crd) => crd.metadata.name === metadata.name)?.spec));
  if (different.length > 0) {
    throw new Error(
      `the cluster of context ${context} has ${different.map(({ metadata }) => metadata.name).join(', ')} in another version than this Sluice, and the demo overwrites nothing: ` +
        'run the demo of the version that is installed there, or choose a cluster without Sluice',
    );
  }
  return ours.map(({ metadata }) => metadata.name);
}

/** The demo's Sluice watches all namespaces: it would take up the resources of others. */
async function refuseNeighbours(kubectl: DemoCluster['kubectl'], names: readonly string[], context: string): Promise<void> {
  const objects = itemsOf(await kubectl(['get', names.join(','), '--all-namespaces', '-o', 'json']));
  if (objects.length === 0) return;
  const run = objects.map(({ metadata }) => metadata.labels?.[runLabel]).find((id) => id !== undefined);
  const advice =
    run === undefined
      ? 'choose a cluster where no Sluice is at work'
      : `those of demo run ${run} may be left from a demo that was killed; if it does not run any more: ${removalByHand(context, run)}`;
  throw new Error(
    `the cluster of context ${context} has resources of sluice.dev (${describeSome(objects)}), and the demo's Sluice would take them up: ${advice}`,
  );
}

/** The first ones by name. */
export function describeSome(objects: readonly Resource[]): string {
  const named = objects.slice(0, 3).map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
  return [...named, ...(objects.length > named.length ? [`${objects.length - named.length} more`] : [])].join(', ');
}

export function itemsOf(json: string): readonly Resource[] {
  if (json.trim() === '') return [];
  const answer = JSON.parse(json) as Resource & { readonly items?: readonly Resource[] };
  return answer.items ?? [answer];
}

/** The command that removes what a run has left. */
export const removalByHand = (context: string, id: string): string =>
  `kubectl --context=${context} delete namespaces,clusterroles,clusterrolebindings -l ${runLabel}=${id}`;
