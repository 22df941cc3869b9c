import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { ControlPlane } from './control-plane.ts';

export type Stage = 'staging' | 'production';

/** A cluster as the story asks it, with the rights of whoever runs the demo. */
export type DemoCluster = Pick<ControlPlane, 'name' | 'url' | 'kubectlOptions'> & {
  kubectl(args: readonly string[], options?: { readonly input?: string }): Promise<string>;
};

/** An object as a file of the example has it. */
export type Resource = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: Readonly<Record<string, unknown>>;
};

/** Where the shop lives and what it runs there. */
export type ShopLayout = {
  /** `hub` holds the shop's resources of sluice.dev, the others are what is deployed to. */
  readonly namespaces: Readonly<Record<'hub' | Stage, string>>;
  readonly catalogVersions: { readonly next: string; readonly fixed: string; readonly another: string };
  /** Whether there are no kubelets: the tags `broken` and `crash` then mean what tools/kwok-stages.yaml says. */
  readonly simulatedPods: boolean;
  readonly stepTimeoutMs: number;
  /** What the example's files become in this layout. */
  readonly adaptFile: (path: string, text: string) => string;
  readonly adaptHubResource: (resource: Resource) => Resource;
};

const exampleNamespace = 'shop';

/** The example as it stands. */
export const exampleLayout: ShopLayout = {
  namespaces: { hub: exampleNamespace, staging: exampleNamespace, production: exampleNamespace },
  catalogVersions: { next: '1.5.0', fixed: '1.5.1', another: '1.6.0' },
  simulatedPods: true,
  stepTimeoutMs: 60_000,
  adaptFile: (_path, text) => text,
  adaptHubResource: (resource) => resource,
};

const shopFolder = join(import.meta.dirname, '../examples/shop');

export const destinationFile = join(shopFolder, 'destination/sluice-deployer.yaml');

export async function readResources(file: string): Promise<readonly Resource[]> {
  return parseAllDocuments(await readFile(file, 'utf8')).flatMap((document) => {
    const resource = document.toJS() as Resource | null;
    return resource === null ? [] : [resource];
  });
}

/** For kubectl, on its standard input. */
export const listOf = (items: readonly object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

export type HubResources = {
  readonly shop: ShopLayout;
  readonly repositoryUrl: string;
  /** How often the Git host is polled, when not as by default. */
  readonly pollSeconds?: number;
  readonly gitToken: string;
  readonly webhookSecret: string;
  /** YAML texts by the Cluster's name, of the Clusters that are not the hub itself. */
  readonly kubeconfigs: Readonly<Partial<Record<Stage, string>>>;
};

/** What others name comes first. */
const order = ['Repository', 'Cluster', 'Pipeline', 'Application'];

/** examples/shop/sluice with this run's address filled in, after the namespace and the Secrets that it names: one List for kubectl apply. */
export async function hubResources({ shop, repositoryUrl, pollSeconds, gitToken, webhookSecret, kubeconfigs }: HubResources): Promise<string> {
  const folder = join(shopFolder, 'sluice');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
  const resources = (await Promise.all(files.map((name) => readResources(join(folder, name))))).flat();
  resources.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  const repositorySpec = { url: repositoryUrl, ...(pollSeconds === undefined ? {} : { pollSeconds }) };
  const items: readonly Resource[] = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: exampleNamespace } },
    secret('shop-git', { token: gitToken, webhookSecret }),
    ...Object.entries(kubeconfigs).map(([cluster, kubeconfig]) => secret(`${cluster}-kubeconfig`, { kubeconfig })),
    ...resources.map((resource) => (resource.kind === 'Repository' ? { ...resource, spec: { ...resource.spec, ...repositorySpec } } : resource)),
  ];
  return listOf(items.map((resource) => shop.adaptHubResource(resource)));
}

const secret = (name: string, stringData: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: exampleNamespace },
  stringData,
});

/** Every file of the example by its path, as the first commit has them. */
export async function shopFiles({ adaptFile }: ShopLayout): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(shopFolder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const paths = files.map((file) => file.slice(shopFolder.length + 1));
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, adaptFile(path, await readFile(join(shopFolder, path), 'utf8'))] as const)));
}
