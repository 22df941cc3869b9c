import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

const shopFolder = join(import.meta.dirname, '../examples/shop');

/** The namespace of the hub that holds the shop's resources, and the one it is deployed to. */
export const shopNamespace = 'shop';

export const destinationFile = join(shopFolder, 'destination/sluice-deployer.yaml');

type Resource = { readonly kind: string; readonly spec?: Readonly<Record<string, unknown>> };

export type HubResources = {
  readonly repositoryUrl: string;
  /** How often the Git host is polled, when not as by default. */
  readonly pollSeconds?: number;
  readonly gitToken: string;
  readonly webhookSecret: string;
  /** YAML texts by the Cluster's name. */
  readonly kubeconfigs: Readonly<Record<'staging' | 'production', string>>;
};

/** What others name comes first. */
const order = ['Repository', 'Cluster', 'Pipeline', 'Application'];

/** examples/shop/sluice with this run's address filled in, after the namespace and the Secrets that it names: one List for kubectl apply. */
export async function hubResources({ repositoryUrl, pollSeconds, gitToken, webhookSecret, kubeconfigs }: HubResources): Promise<string> {
  const folder = join(shopFolder, 'sluice');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  const resources = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Resource));
  resources.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  const repositorySpec = { url: repositoryUrl, ...(pollSeconds === undefined ? {} : { pollSeconds }) };
  const items = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: shopNamespace } },
    secret('shop-git', { token: gitToken, webhookSecret }),
    ...Object.entries(kubeconfigs).map(([cluster, kubeconfig]) => secret(`${cluster}-kubeconfig`, { kubeconfig })),
    ...resources.map((resource) => (resource.kind === 'Repository' ? { ...resource, spec: { ...resource.spec, ...repositorySpec } } : resource)),
  ];
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

const secret = (name: string, stringData: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: shopNamespace },
  stringData,
});

/** Every file of the example by its path, as the first commit has them. */
export async function shopFiles(): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(shopFolder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path.slice(shopFolder.length + 1), await readFile(path, 'utf8')] as const)));
}
