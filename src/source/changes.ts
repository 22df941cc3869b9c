import type { TreeEntry } from './source.ts';

/**
 * The files that differ between two trees: added, removed or changed, as sorted full paths. A submodule counts as a file.
 * Equal ids are not looked into, so the cost grows with the change. Without an old tree every file was added.
 */
export async function changedPaths(
  readTree: (treeId: string) => Promise<readonly TreeEntry[]>,
  oldTree: string | undefined,
  newTree: string | undefined,
): Promise<readonly string[]> {
  const changed: string[] = [];

  async function walk(oldId: string | undefined, newId: string | undefined, prefix: string): Promise<void> {
    if (oldId === newId) return;
    const [before, after] = await Promise.all([oldId, newId].map(async (id) => byName(id === undefined ? [] : await readTree(id))));
    for (const name of new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])) {
      await compare(before?.get(name), after?.get(name), `${prefix}${name}`);
    }
  }

  async function compare(before: TreeEntry | undefined, after: TreeEntry | undefined, path: string): Promise<void> {
    if (before?.id === after?.id && before?.type === after?.type) return;
    const sameKindOfFile = isFile(before) && isFile(after);
    if (sameKindOfFile || isFile(before) !== isFile(after)) changed.push(path);
    await walk(treeIdOf(before), treeIdOf(after), `${path}/`);
  }

  await walk(oldTree, newTree, '');
  return changed.sort();
}

const byName = (entries: readonly TreeEntry[]): ReadonlyMap<string, TreeEntry> => new Map(entries.map((entry) => [entry.name, entry]));
const isFile = (entry: TreeEntry | undefined): boolean => entry !== undefined && entry.type !== 'tree';
const treeIdOf = (entry: TreeEntry | undefined): string | undefined => (entry?.type === 'tree' ? entry.id : undefined);
