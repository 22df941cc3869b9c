import { isPortError, PortError } from '../model/port-error.ts';
import type { Commit, Files, RepositoryAccess, Source, TreeEntry } from './source.ts';

export const maxFileBytes = 10 * 1024 * 1024;

/**
 * One commit's files by path. A path that leaves the repository, or that goes through a symlink or a submodule, names nothing.
 * Source  the commit must have been fetched; trees come from the adapter's cache, so reading many files of a folder parses it once.
 * Throws  PortError('source', …) as Source does; INVALID, with the path as its details' name, for a file over 10 MiB.
 */
export function filesAt(source: Source, access: RepositoryAccess, commit: Commit, signal: AbortSignal): Files {
  const entries = async (treeId: string): Promise<readonly TreeEntry[]> => source.tree(access, treeId, signal);

  async function find(parts: readonly string[]): Promise<TreeEntry | undefined> {
    let here: TreeEntry | undefined = { name: '', type: 'tree', id: commit.tree };
    for (const part of parts) {
      if (here?.type !== 'tree') return undefined;
      here = (await entries(here.id)).find(({ name }) => name === part);
    }
    return here;
  }

  async function entry(path: string): Promise<TreeEntry | undefined> {
    const parts = partsInside(path);
    return parts === undefined ? undefined : find(parts);
  }

  return {
    tree: commit.tree,
    entry,
    async list(path) {
      const found = await entry(path);
      return found?.type === 'tree' ? entries(found.id) : undefined;
    },
    async read(path) {
      const found = await entry(path);
      if (found?.type !== 'blob') return undefined;
      try {
        return await source.blob(access, found.id, maxFileBytes, signal);
      } catch (error) {
        // The source knows the file by its id only, and a person by its path.
        throw isPortError(error, 'INVALID')
          ? new PortError('source', 'INVALID', `${path}: ${error.message}`, { cause: error, details: { name: path } })
          : error;
      }
    },
  };
}

/** A path's parts below the repository's root, `.` and `..` worked out; undefined when it is absolute or leaves the repository. */
export function partsInside(path: string): readonly string[] | undefined {
  if (path.startsWith('/') || path.includes('\0')) return undefined;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts;
}
