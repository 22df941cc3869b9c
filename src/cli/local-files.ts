import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PortError } from '../model/port-error.ts';
import { partsInside } from '../source/files.ts';
import type { Files, TreeEntry } from '../source/source.ts';

const maxFileBytes = 10 * 1024 * 1024;

/**
 * A folder of this machine as it lies there now, untracked files included and `.git` left out. As in a commit, nothing outside of it can be
 * reached and links are not followed; a folder with a `.git` of its own is a submodule. Files have the ids that Git gives them, so that a render
 * reads the same inputs as that of the commit; ids of folders only name the place, which is enough for one command.
 * Throws  PortError('source', INVALID) for a file over 10 MiB or one that cannot be read.
 */
export function localFiles(root: string): Files {
  const read = async <T>(path: string, doIt: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await doIt();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw new PortError('source', 'INVALID', `${path}: cannot be read (${code}): check its permissions`, { cause: error });
    }
  };

  async function typeOf(path: string, found: Pick<Dirent, 'isSymbolicLink' | 'isDirectory' | 'isFile'>): Promise<TreeEntry['type'] | undefined> {
    if (found.isSymbolicLink()) return 'symlink';
    if (found.isFile()) return 'blob';
    if (!found.isDirectory()) return undefined;
    const isRepository = path !== '' && (await read(path, () => lstat(join(root, path, '.git')))) !== undefined;
    return isRepository ? 'submodule' : 'tree';
  }

  async function idOf(type: TreeEntry['type'], path: string): Promise<string> {
    const isSmall = type === 'blob' && ((await read(path, () => lstat(join(root, path))))?.size ?? 0) <= maxFileBytes;
    const content = isSmall ? await read(path, () => readFile(join(root, path))) : undefined;
    return content === undefined ? `${type} ${path}` : createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
  }

  async function entryAt(parts: readonly string[]): Promise<TreeEntry | undefined> {
    let entry: TreeEntry = { name: '', type: 'tree', id: 'tree ' };
    for (const [index, name] of parts.entries()) {
      if (entry.type !== 'tree' || name === '.git') return undefined;
      const path = parts.slice(0, index + 1).join('/');
      const found = await read(path, () => lstat(join(root, path)));
      const type = found === undefined ? undefined : await typeOf(path, found);
      if (type === undefined) return undefined;
      entry = { name, type, id: await idOf(type, path) };
    }
    return entry;
  }

  const entry = async (path: string) => {
    const parts = partsInside(path);
    return parts === undefined ? undefined : entryAt(parts);
  };

  return {
    tree: 'tree ',
    entry,
    async list(path) {
      if ((await entry(path))?.type !== 'tree') return undefined;
      const inside = (partsInside(path) ?? []).join('/');
      const found = (await read(inside, () => readdir(join(root, inside), { withFileTypes: true }))) ?? [];
      const entries = await Promise.all(
        found
          .filter(({ name }) => name !== '.git')
          .map(async (each): Promise<TreeEntry | undefined> => {
            const at = inside === '' ? each.name : `${inside}/${each.name}`;
            const type = await typeOf(at, each);
            return type === undefined ? undefined : { name: each.name, type, id: await idOf(type, at) };
          }),
      );
      return entries.filter((each) => each !== undefined);
    },
    async read(path) {
      if ((await entry(path))?.type !== 'blob') return undefined;
      const inside = (partsInside(path) ?? []).join('/');
      const size = (await read(inside, () => lstat(join(root, inside))))?.size ?? 0;
      if (size > maxFileBytes)
        throw new PortError('source', 'INVALID', `${inside}: has ${size} bytes, more than the ${maxFileBytes} that are read: take it out of what is rendered`, {
          cause: undefined,
        });
      return read(inside, () => readFile(join(root, inside)));
    },
  };
}
