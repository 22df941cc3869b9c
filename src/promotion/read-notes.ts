import { describeProblems } from '../model/parsed.ts';
import type { RepositoryAccess, TreeEntry } from '../source/source.ts';
import { notesRef } from './environment-branch.ts';
import { emptyNote, type Note, parseNote } from './note.ts';
import { fileOf, folderOf, notesMessage } from './notes-tree.ts';
import type { Ports } from './ports.ts';
import { signedContentOf } from './record.ts';

/** Where the notes are now. What a foreign head says is believed in nothing. */
export type NotesHead =
  | { readonly is: 'none' }
  | { readonly is: 'ours'; readonly id: string; readonly root: readonly TreeEntry[] }
  | { readonly is: 'foreign'; readonly id: string; readonly why: string };

type Readable = Pick<Ports, 'source' | 'readRawCommit' | 'signer'>;

const maxNoteBytes = 1024 * 1024;

/** Asks the host for the head of the notes and fetches it: some 200 bytes when nothing has moved. */
export async function readNotesHead(access: RepositoryAccess, { source, readRawCommit, signer }: Readable, signal: AbortSignal): Promise<NotesHead> {
  const ref = (await source.refs(access, [notesRef], signal)).find(({ name }) => name === notesRef);
  if (ref === undefined) return { is: 'none' };
  await source.fetch(access, ref, signal);
  const content = signedContentOf(await readRawCommit(access, ref.commit, signal), [signer.key.publicKey]);
  if (!content.ok) return { is: 'foreign', id: ref.commit, why: describeProblems(content.problems) };
  if (content.value.message !== notesMessage)
    return { is: 'foreign', id: ref.commit, why: `commit ${ref.commit} was signed for something else and has been copied here` };
  return { is: 'ours', id: ref.commit, root: await source.tree(access, content.value.tree, signal) };
}

/** The folders that hold the notes of some commits, by name; a missing one has none yet. */
export async function readFolders(
  head: NotesHead,
  revisions: readonly string[],
  access: RepositoryAccess,
  { source }: Readable,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly TreeEntry[]>> {
  const wanted = new Set(revisions.map(folderOf));
  const found = head.is === 'ours' ? head.root.filter(({ name, type }) => type === 'tree' && wanted.has(name)) : [];
  return new Map(await Promise.all(found.map(async ({ name, id }) => [name, await source.tree(access, id, signal)] as const)));
}

/** The note of a commit, from its folder. */
export async function readNote(
  folders: ReadonlyMap<string, readonly TreeEntry[]>,
  revision: string,
  access: RepositoryAccess,
  { source }: Readable,
  signal: AbortSignal,
): Promise<Note> {
  const entry = folders.get(folderOf(revision))?.find(({ name, type }) => type === 'blob' && name === fileOf(revision));
  return entry === undefined ? emptyNote : parseNote(Buffer.from(await source.blob(access, entry.id, maxNoteBytes, signal)).toString());
}

/** Every note there is, by commit: for a hub that has lost everything. */
export async function readAllNotes(head: NotesHead, access: RepositoryAccess, ports: Readable, signal: AbortSignal): Promise<ReadonlyMap<string, Note>> {
  const notes = new Map<string, Note>();
  if (head.is !== 'ours') return notes;
  for (const { name } of head.root) {
    const folders = await readFolders(head, [name], access, ports, signal);
    const revisions = (folders.get(name) ?? []).map((entry) => `${name}${entry.name}`).filter((revision) => /^[0-9a-f]{40}$/.test(revision));
    const read = await Promise.all(revisions.map(async (revision) => [revision, await readNote(folders, revision, access, ports, signal)] as const));
    for (const [revision, note] of read) notes.set(revision, note);
  }
  return notes;
}
