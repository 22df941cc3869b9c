import { createHash } from 'node:crypto';
import type { TreeEntry } from '../source/source.ts';
import type { NewObject } from './environment-branch.ts';

/** The tree of the notes ref: a folder for the first two digits of a commit's id, in it a file named by the others. Source: git-notes(1), fan-out. */
export type NotesTree = {
  readonly root: readonly TreeEntry[];
  /** Entries of the folders that are to change, by their two digits; one that is missing is new. */
  readonly folders: ReadonlyMap<string, readonly TreeEntry[]>;
};

export const folderOf = (revision: string): string => revision.slice(0, 2);
export const fileOf = (revision: string): string => revision.slice(2);

/** The message of every commit on the notes ref, to the letter: a promotion commit, which has the same signature, can then not pass for one. */
export const notesMessage = 'Note verdicts of stages\n\nSluice-Notes: 1\n';

/**
 * The notes with some texts laid over them.
 * Input   texts: by commit id. Output: the new tree's id, and exactly the objects that are new.
 */
export function notesTreeWith(
  { root, folders }: NotesTree,
  texts: ReadonlyMap<string, string>,
): { readonly tree: string; readonly objects: readonly NewObject[] } {
  const objects: NewObject[] = [];
  const add = (type: NewObject['type'], bytes: Uint8Array): string => {
    objects.push({ type, bytes });
    return objectId(type, bytes);
  };
  const changed = [...Map.groupBy(texts, ([revision]) => folderOf(revision))].map(([name, inside]): TreeEntry => {
    const files = inside.map(([revision, text]): TreeEntry => ({ name: fileOf(revision), type: 'blob', id: add('blob', Buffer.from(text)) }));
    return { name, type: 'tree', id: add('tree', treeBytes(laidOver(folders.get(name) ?? [], files))) };
  });
  return { tree: add('tree', treeBytes(laidOver(root, changed))), objects };
}

export const objectId = (type: NewObject['type'], bytes: Uint8Array): string =>
  createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');

const laidOver = (entries: readonly TreeEntry[], changed: readonly TreeEntry[]): readonly TreeEntry[] => [
  ...entries.filter(({ name }) => !changed.some((each) => each.name === name)),
  ...changed,
];

const modes: Readonly<Record<TreeEntry['type'], string>> = { tree: '40000', blob: '100644', symlink: '120000', submodule: '160000' };

// Git sorts a folder as if its name ended in a slash.
const sortName = ({ name, type }: TreeEntry): string => (type === 'tree' ? `${name}/` : name);

function treeBytes(entries: readonly TreeEntry[]): Buffer {
  const sorted = entries.toSorted((a, b) => (sortName(a) < sortName(b) ? -1 : 1));
  return Buffer.concat(sorted.flatMap(({ name, type, id }) => [Buffer.from(`${modes[type]} ${name}\0`), Buffer.from(id, 'hex')]));
}
