import { digestOf } from '../model/json.ts';
import { accepted, type Parsed, type Problem, refused } from '../model/parsed.ts';
import type { Files } from '../source/source.ts';
import { openBoundedMap } from './bounded-map.ts';
import { walkChart } from './chart-walk.ts';
import { type FolderContents, openFolders } from './folder.ts';
import { type Kustomization, kustomizationNames } from './kustomization.ts';
import { walkKustomizations } from './kustomize-walk.ts';
import type { HelmSettings, RenderKind } from './renderer.ts';
import { unreadableFile } from './text.ts';

/** A file's blob id, a digest of a folder's files, or '' for a path where nothing is but something could come to be. */
export type ClosureInput = { readonly path: string; readonly id: string };

/** `certain`: named by an entry. The others lie in a folder of which anything may be read. */
export type ClosureFile = { readonly path: string; readonly id: string; readonly certain: boolean };

/** Everything that a render reads. Equal keys render equal manifests, at whatever commit. */
export type Closure = {
  readonly tool: ClosureTool;
  readonly path: string;
  /** Sorted by path. */
  readonly inputs: readonly ClosureInput[];
  readonly files: readonly ClosureFile[];
  readonly key: string;
};

/** Value files of a chart are named by their paths in the repository. */
export type ClosureTool = { readonly kind: 'plain' | 'kustomize' } | { readonly kind: 'helm'; readonly settings: HelmSettings; readonly checkSchema: boolean };

export type Closures = {
  /**
   * The closure of a path, found without running any tool. Refused, all at once with `file:line`: entries that do not exist, lead out of the
   * repository, are remote, or go through links and submodules; cycles; dependencies of a chart that are not vendored.
   * Throws  PortError('source', …) as Files does.
   */
  of(files: Files, path: string, kind: RenderKind, helm?: HelmSettings): Promise<Parsed<Closure>>;
};

const keptKustomizations = 20_000;
const keptFiles = 500_000;

/** What was read is kept by blob and tree id, so that a commit costs what it changed. */
export function openClosures(): Closures {
  const folders = openFolders(keptFiles);
  const kustomizations = openBoundedMap<Parsed<Kustomization>>(keptKustomizations);

  async function plain(files: Files, path: string, treeId: string): Promise<Parsed<Closure>> {
    const folder = await readFolder(files, path, treeId, 'manifests');
    if (!folder.ok) return folder;
    return accepted(
      closure(
        { kind: 'plain' },
        path,
        [{ path, id: folder.value.digest }],
        folder.value.files.map((file) => ({ ...file, certain: true })),
      ),
    );
  }

  async function readFolder(files: Files, path: string, treeId: string, contents: FolderContents) {
    const folder = await folders.read(files, path, treeId, contents);
    if (!folder.ok) return refused(...folder.problems.map(({ at, message }) => ({ at: inside(path, at), message })));
    return accepted({ digest: folder.value.digest, files: folder.value.files.map((file) => ({ path: inside(path, file.path), id: file.id })) });
  }

  async function kustomize(files: Files, path: string): Promise<Parsed<Closure>> {
    const problems: Problem[] = [];
    const inputs = new Map<string, string>();
    const read = new Map<string, ClosureFile>();
    const walked = await walkKustomizations(files, path, kustomizations);
    problems.push(...walked.problems);
    for (const { path: at, id } of walked.files) {
      inputs.set(at, id);
      if (id !== '') read.set(at, { path: at, id, certain: true });
    }
    for (const { path: at, treeId } of walked.folders) {
      const folder = await readFolder(files, at, treeId, 'everything');
      if (!folder.ok) problems.push(...folder.problems);
      else {
        inputs.set(at, folder.value.digest);
        for (const file of folder.value.files) if (!read.has(file.path)) read.set(file.path, { ...file, certain: false });
      }
    }
    const list = [...inputs].map(([at, id]) => ({ path: at, id }));
    return problems.length === 0 ? accepted(closure({ kind: 'kustomize' }, path, list, [...read.values()])) : refused(...problems);
  }

  async function helm(files: Files, path: string, treeId: string, settings: HelmSettings): Promise<Parsed<Closure>> {
    const folder = await readFolder(files, path, treeId, 'chart');
    const chart = await walkChart(files, path, folder.ok ? folder.value.files : [], settings);
    if (!folder.ok || !chart.ok) return refused(...(folder.ok ? [] : folder.problems), ...(chart.ok ? [] : chart.problems));
    const { outside, checkSchema } = chart.value;
    const read = [...folder.value.files, ...outside].map((file) => ({ ...file, certain: true }));
    return accepted(
      closure({ kind: 'helm', settings: chart.value.settings, checkSchema }, path, [{ path, id: folder.value.digest }, ...outside], unique(read)),
    );
  }

  async function find(...[files, asked, kind, settings]: Parameters<Closures['of']>): Promise<Parsed<Closure>> {
    const entry = await files.entry(asked);
    const path = asked
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .join('/');
    const at = path === '' ? '.' : path;
    if (entry === undefined)
      return refused({ at, message: 'does not exist at this commit, or lies behind a symbolic link or a submodule: correct spec.source.path' });
    if (entry.type !== 'tree') return refused({ at, message: `is a ${entry.type === 'blob' ? 'file' : entry.type}; name the folder that holds the manifests` });
    const names = (await files.list(path))?.map(({ name }) => name) ?? [];
    switch (kind === 'auto' ? kindOf(names) : kind) {
      case 'plain':
        return plain(files, path, entry.id);
      case 'kustomize':
        return kustomize(files, path);
      case 'helm':
        return helm(files, path, entry.id, settings ?? noSettings);
    }
  }

  return {
    async of(...asked) {
      try {
        return await find(...asked);
      } catch (error) {
        const problem = unreadableFile(error);
        if (problem === undefined) throw error;
        return refused(problem);
      }
    },
  };
}

/** One closure by itself; to ask for many, keep one `openClosures()`. */
export const closureOf = (files: Files, path: string, kind: RenderKind, helm?: HelmSettings): Promise<Parsed<Closure>> =>
  openClosures().of(files, path, kind, helm);

/** What `helm template` itself does when it is told nothing. */
const noSettings: HelmSettings = { releaseName: 'release-name', valueFiles: [], skipCrds: false };

function kindOf(names: readonly string[]): Exclude<RenderKind, 'auto'> {
  if (kustomizationNames.some((name) => names.includes(name))) return 'kustomize';
  return names.includes('Chart.yaml') ? 'helm' : 'plain';
}

const unique = (files: readonly ClosureFile[]): readonly ClosureFile[] => [...new Map(files.map((file) => [file.path, file])).values()];

function closure(tool: ClosureTool, path: string, inputs: readonly ClosureInput[], files: readonly ClosureFile[]): Closure {
  const sorted = inputs.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const { kind } = tool;
  const settings = kind === 'helm' ? [tool.settings.releaseName, tool.settings.valueFiles, tool.settings.values ?? null, tool.settings.skipCrds] : [];
  return {
    tool,
    path,
    inputs: sorted,
    files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    key: digestOf(JSON.stringify([kind, path, sorted.map(({ path: at, id }) => [at, id]), ...settings])),
  };
}

const inside = (folder: string, path: string): string => (folder === '' ? path : path === '.' ? folder : `${folder}/${path}`);
