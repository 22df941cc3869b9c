import { accepted, type Parsed, type Problem, refused } from '../model/parsed.ts';
import { partsInside } from '../source/files.ts';
import { isLfsPointer } from '../source/lfs-pointer.ts';
import type { Files, TreeEntry } from '../source/source.ts';
import { type Chart, inlineValuesProblems, parseChart, schemaProblems } from './chart.ts';
import { linkMessage } from './folder.ts';
import { isRemote } from './kustomization.ts';
import type { HelmSettings } from './renderer.ts';
import { lfsMessage, textOf } from './text.ts';

/** Longer names do not fit into what Helm makes of them. */
const longestReleaseName = 53;

/** What a chart reads beside its own folder, by paths of the repository. */
export type ChartInputs = {
  readonly settings: HelmSettings;
  readonly outside: readonly { readonly path: string; readonly id: string }[];
  readonly checkSchema: boolean;
};

/** Reads what a chart's folder and its settings refer to, without running Helm. `inFolder`: the folder's files by paths of the repository. */
export async function walkChart(
  files: Files,
  path: string,
  inFolder: readonly { readonly path: string }[],
  settings: HelmSettings,
): Promise<Parsed<ChartInputs>> {
  const problems: Problem[] = [];
  const chart = await readChart(files, within(path, 'Chart.yaml'));
  if (!chart.ok) problems.push(...chart.problems);
  else problems.push(...(await missingDependencies(files, path, chart.value)));

  const schemas = inFolder.filter((file) => file.path.endsWith('/values.schema.json') || file.path === 'values.schema.json');
  for (const schema of schemas) problems.push(...schemaProblems(new TextDecoder().decode(await files.read(schema.path)), schema.path));

  const named = await Promise.all(settings.valueFiles.map((file, index) => valueFile(files, path, file, `spec.source.helm.valueFiles[${index}]`)));
  problems.push(...named.flatMap((file) => (file.ok ? [] : file.problems)));
  const valueFiles = named.flatMap((file) => (file.ok ? [file.value] : []));

  if (settings.values !== undefined) problems.push(...inlineValuesProblems(settings.values));
  if (settings.releaseName.length > longestReleaseName)
    problems.push({
      at: 'spec.source.helm.releaseName',
      message: `is ${settings.releaseName.length} characters long, and Helm allows ${longestReleaseName}: give a shorter one`,
    });
  if (problems.length > 0) return refused(...problems);

  const own = new Set(inFolder.map((file) => file.path));
  return accepted({
    settings: { ...settings, valueFiles: valueFiles.map((file) => file.path) },
    outside: valueFiles.filter((file) => !own.has(file.path)),
    // A packaged subchart may hold a schema that refers to anything; nobody has looked into it.
    checkSchema: !inFolder.some((file) => /\/charts\/[^/]+\.t?gz$/.test(`/${file.path}`)),
  });
}

async function readChart(files: Files, file: string): Promise<Parsed<Chart>> {
  const entry = await files.entry(file);
  if (entry === undefined) return refused({ at: file, message: 'does not exist at this commit, and a chart needs one: correct spec.source.path' });
  if (entry.type !== 'blob') return refused({ at: file, message: whyNotFile(entry) });
  const bytes = (await files.read(file)) ?? new Uint8Array();
  const text = isLfsPointer(bytes) ? refused({ at: file, message: lfsMessage }) : textOf(bytes, file);
  return text.ok ? parseChart(text.value, file) : text;
}

async function missingDependencies(files: Files, path: string, chart: Chart): Promise<readonly Problem[]> {
  const requirements = within(path, 'requirements.yaml');
  const separate = chart.version === 'v1' && (await files.entry(requirements))?.type === 'blob' ? await readChart(files, requirements) : undefined;
  if (separate !== undefined && !separate.ok) return separate.problems;
  const wanted =
    separate === undefined
      ? chart.dependencies.map((each) => ({ ...each, file: within(path, 'Chart.yaml') }))
      : separate.value.dependencies.map((each) => ({ ...each, file: requirements }));
  if (wanted.length === 0) return [];

  const vendored = (await files.list(within(path, 'charts'))) ?? [];
  const names = await Promise.all(vendored.filter(({ type }) => type === 'tree').map((folder) => nameOf(files, within(path, `charts/${folder.name}`))));
  const packed = vendored.filter(({ name, type }) => type === 'blob' && /\.t?gz$/.test(name)).map(({ name }) => name);
  return wanted
    .filter(({ name }) => !names.includes(name) && !packed.some((file) => file.startsWith(`${name}-`)))
    .map(({ name, line, file }) => ({
      at: `${file}:${line}`,
      message: `dependency ${name} is not in ${within(path, 'charts')}, and nothing is fetched while rendering: run \`helm dependency build\` and commit charts/`,
    }));
}

async function nameOf(files: Files, folder: string): Promise<string | undefined> {
  const chart = await readChart(files, within(folder, 'Chart.yaml'));
  return chart.ok ? chart.value.name : undefined;
}

async function valueFile(files: Files, path: string, file: string, place: string): Promise<Parsed<{ readonly path: string; readonly id: string }>> {
  const refuse = (message: string) => refused({ at: place, message: `${JSON.stringify(file)} ${message}` });
  const parts = partsInside(file.startsWith('/') ? file.replace(/^\/+/, '') : within(path, file));
  const entry = parts === undefined ? undefined : await files.entry(parts.join('/'));
  if (entry === undefined && (isRemote(file) || /^[a-z][a-z0-9+.-]*:/i.test(file)))
    return refuse('is not in this repository, and nothing is fetched while rendering: commit the file and name its path');
  if (parts === undefined) return refuse('leads out of the repository: name a path inside it, relative to the chart, or from the root with a leading /');
  if (entry === undefined) return refuse(`does not exist at this commit, or lies behind a symbolic link or a submodule (${parts.join('/')})`);
  if (entry.type !== 'blob') return refuse(whyNotFile(entry));
  return accepted({ path: parts.join('/'), id: entry.id });
}

const within = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`);

function whyNotFile({ type }: TreeEntry): string {
  return type === 'symlink' || type === 'submodule' ? linkMessage(type) : 'is a folder; a file is wanted here';
}
