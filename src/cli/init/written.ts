import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Manifest } from '../../model/manifest.ts';
import { accepted, type Problem } from '../../model/parsed.ts';
import { objectYaml } from '../../render/object-yaml.ts';
import { type Answer, refuse } from '../answer.ts';
import { readText } from '../input.ts';
import type { Terminal } from '../terminal.ts';
import { identityObjects } from './destination-access.ts';
import type { InstallationPlan, SecretPlan } from './resources.ts';

/** Values of Secrets by name and key. */
export type SecretValues = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What goes to one API server. `sensitive`: it holds secrets, or is the place for them. */
export type WrittenFile = { readonly name: string; readonly heading: string; readonly objects: readonly Manifest[]; readonly sensitive: boolean };

const placeholder = 'REPLACE-ME';

/** The resources as files, in the order in which they are to be applied. Secrets for which there are no values have placeholders. */
export function writtenFiles(plan: InstallationPlan, values: SecretValues): readonly WrittenFile[] {
  const { namespace, credentials, resources } = partsOf(plan);
  const atHub = plan.destinations.filter(({ access }) => access === undefined).flatMap(({ objects }) => objects);
  const elsewhere = plan.destinations.filter(({ access }) => access !== undefined);
  const open = plan.secrets.some((secret) => secret.keys.some((key) => values[secret.name]?.[key] === undefined));
  const heading = `hub: Secrets${open ? `; put the values in place of ${placeholder}, and keep this out of Git` : '; keep this out of Git'}`;
  return [
    ...elsewhere.map(({ cluster, access, objects }) => ({
      name: `destination-${cluster}.yaml`,
      heading: `destination ${cluster} (${describeAccess(access)}): what an administrator applies there, before the hub`,
      objects: [...identityObjects, ...objects],
      sensitive: false,
    })),
    {
      name: 'hub-namespace.yaml',
      heading: 'hub: namespaces, whom Sluice deploys as, and its right to read the Secrets',
      objects: unique([...namespace, ...atHub, ...credentials]),
      sensitive: false,
    },
    ...(plan.secrets.length === 0
      ? []
      : [{ name: 'hub-secrets.yaml', heading, objects: plan.secrets.map((secret) => secretObject(secret, plan.namespace, values)), sensitive: true }]),
    { name: 'hub-resources.yaml', heading: 'hub: what is deployed, and how it is promoted', objects: resources, sensitive: false },
  ];
}

export const describeAccess = (access: { readonly context?: string; readonly kubeconfig?: string } | undefined): string =>
  access === undefined
    ? 'the hub'
    : [access.kubeconfig, access.context === undefined ? 'its current context' : `context ${access.context}`].filter(Boolean).join(', ');

/** What has to be there first, and what names it. */
export const partsOf = ({ hub }: InstallationPlan) => ({
  namespace: hub.filter(({ kind }) => kind === 'Namespace'),
  credentials: hub.filter(({ kind }) => kind === 'RoleBinding'),
  resources: hub.filter(({ apiVersion }) => apiVersion.startsWith('sluice.dev/')),
});

/** A destination namespace may be the hub's own. */
const unique = (objects: readonly Manifest[]): readonly Manifest[] => [...new Map(objects.map((object) => [JSON.stringify(object), object])).values()];

export const secretObject = ({ name, keys }: SecretPlan, namespace: string, values: SecretValues): Manifest => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace },
  stringData: Object.fromEntries(keys.map((key) => [key, values[name]?.[key] ?? placeholder])),
});

export const yamlText = ({ heading, objects }: WrittenFile): string => `# ${heading}\n${objects.map((object) => `---\n${objectYaml(object)}`).join('')}`;

/** Writes the files; one that is there and says something else is not overwritten. Answers their paths. */
export async function writeFiles(folder: string, files: readonly WrittenFile[], terminal: Terminal): Promise<Answer<readonly string[]>> {
  const problems: Problem[] = [];
  for (const file of files) {
    const path = join(folder, file.name);
    const there = await readText(path, terminal);
    if (there.ok && there.value !== yamlText(file))
      problems.push({ at: path, message: 'is there with other contents: name another folder, or remove it first' });
  }
  if (problems.length > 0) return refuse('OutputExists', ...problems);
  await mkdir(resolve(terminal.folder, folder), { recursive: true });
  for (const file of files) await writeFile(resolve(terminal.folder, folder, file.name), yamlText(file), { mode: file.sensitive ? 0o600 : 0o644 });
  return accepted(files.map(({ name }) => join(folder, name)));
}
