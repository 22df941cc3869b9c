import { digestOf } from '../model/json.ts';
import { accepted, type Parsed, type Problem, refused } from '../model/parsed.ts';
import type { Files } from '../source/source.ts';
import { openBoundedMap } from './bounded-map.ts';
import { type FolderContents, openFolders } from './folder.ts';
import { type Kustomization, kustomizationNames } from './kustomization.ts';
import { walkKustomizations } from './kustomize-walk.ts';
import type { RenderKind } from './renderer.ts';

/** A file's blob id, a digest of a folder's files, or '' for a path where nothing is but something could come to be. */
export type ClosureInput = { readonly path: string; readonly id: string };

/** `certain`: named by an entry. The others lie in a folder of which anything may be read. */
export type ClosureFile = { readonly path: string; readonly id: string; readonly certain: boolean };

/** Everything that a render reads. Equal keys render equal manifests, at whatever commit. */
export type Closure = {
  readonly kind: 'plain' | 'kustomize';
  readonly path: string;
  /** Sorted by path. */
  readonly inputs: readonly ClosureInput[];
  readonly files: readonly ClosureFile[];
  readonly key: string;
};

export type Closures = {
  /**
   * The closure of a path, found without running any tool. Refused, all at once with `file:line`: entries that do not exist, lead out of the
   * repository, are remote, or go through links and submodules; cycles.
   * Throws  PortError('source', …) as Files does.
   */
  of(files: Files, path: string, kind: RenderKind): Promise<Parsed<Closure>>;
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
        'plain',
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
    return problems.length === 0 ? accepted(closure('kustomize', path, list, [...read.values()])) : refused(...problems);
  }

  return {
    async of(files, asked, kind) {
      const entry = await files.entry(asked);
      const path = asked
        .split('/')
        .filter((part) => part !== '' && part !== '.')
        .join('/');
      const at = path === '' ? '.' : path;
      if (entry === undefined) return refused({ at, message: 'does not exist at this commit, or lies behind a symbolic link or a submodule' });
      if (entry.type !== 'tree')
        return refused({ at, message: `is a ${entry.type === 'blob' ? 'file' : entry.type}; name the folder that holds the manifests` });
      const names = (await files.list(path))?.map(({ name }) => name) ?? [];
      const isKustomize = kind === 'kustomize' || (kind === 'auto' && kustomizationNames.some((name) => names.includes(name)));
      return isKustomize ? kustomize(files, path) : plain(files, path, entry.id);
    },
  };
}

/** One closure by itself; to ask for many, keep one `openClosures()`. */
export const closureOf = (files: Files, path: string, kind: RenderKind): Promise<Parsed<Closure>> => openClosures().of(files, path, kind);

function closure(kind: Closure['kind'], path: string, inputs: readonly ClosureInput[], files: readonly ClosureFile[]): Closure {
  const sorted = inputs.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return {
    kind,
    path,
    inputs: sorted,
    files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    key: digestOf(JSON.stringify([kind, path, sorted.map(({ path: at, id }) => [at, id])])),
  };
}

const inside = (folder: string, path: string): string => (folder === '' ? path : path === '.' ? folder : `${folder}/${path}`);
