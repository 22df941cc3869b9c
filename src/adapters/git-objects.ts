// Git's object formats. Source: gitformat-pack(5) and git's Documentation/technical notes on trees and commits.
import type { Commit, TreeEntry } from '../source/source.ts';

export type GitObject = { readonly type: string; readonly bytes: Buffer };

/** One place that holds a repository's objects. `read` answers undefined for an object that is not there, and throws when what is there cannot be trusted. */
export type ObjectStore = {
  read(id: string): Promise<GitObject | undefined>;
};

const modeTypes: Readonly<Record<string, TreeEntry['type']>> = { '40000': 'tree', '120000': 'symlink', '160000': 'submodule' };

export function treeEntriesOf(bytes: Buffer): readonly TreeEntry[] {
  const entries: TreeEntry[] = [];
  let start = 0;
  while (start < bytes.length) {
    const space = bytes.indexOf(0x20, start);
    const end = bytes.indexOf(0, space);
    entries.push({
      name: bytes.toString('utf8', space + 1, end),
      type: modeTypes[bytes.toString('latin1', start, space)] ?? 'blob',
      id: bytes.toString('hex', end + 1, end + 21),
    });
    start = end + 21;
  }
  return entries;
}

export function commitOf(id: string, bytes: Buffer): Commit {
  const text = bytes.toString('utf8');
  const blank = text.indexOf('\n\n');
  const headers = text.slice(0, blank === -1 ? text.length : blank).split('\n');
  const valuesOf = (name: string): readonly string[] =>
    headers.filter((header) => header.startsWith(`${name} `)).map((header) => header.slice(name.length + 1));
  return {
    id,
    tree: valuesOf('tree')[0] ?? '',
    parents: valuesOf('parent'),
    author: (valuesOf('author')[0] ?? '').replace(/ -?\d+ [-+]\d+$/, ''),
    committedAt: new Date(Number(/ (-?\d+) [-+]\d+$/.exec(valuesOf('committer')[0] ?? '')?.[1] ?? 0) * 1000),
    message: blank === -1 ? '' : text.slice(blank + 2),
  };
}
