import { digestOf } from '../model/json.ts';
import { accepted, type Parsed, type Problem, refused } from '../model/parsed.ts';
import type { Files, TreeEntry } from '../source/source.ts';
import { type BoundedMap, openBoundedMap } from './bounded-map.ts';

const maxFiles = 10_000;

export type FolderFile = { readonly path: string; readonly id: string };

/** Files below a folder, their paths relative to it and sorted; the digest says the same of them in 40 hex digits. */
export type Folder = { readonly files: readonly FolderFile[]; readonly digest: string };

/**
 * `manifests`: *.yaml, *.yml and *.json below the folder, folders that begin with a dot left out; a link or submodule where one of them could be is refused.
 * `everything`: all files; links and submodules count in the digest only, since nothing of them is read.
 * `chart`: all files; every link and submodule is refused, since a template that wants it would silently read nothing.
 */
export type FolderContents = 'manifests' | 'everything' | 'chart';

export type Folders = { read(files: Files, path: string, treeId: string, contents: FolderContents): Promise<Parsed<Folder>> };

/** Folders by tree id, which says all about them: a commit costs only the folders that it changed. */
export function openFolders(maxKeptFiles: number): Folders {
  const kept: BoundedMap<Parsed<Folder>> = openBoundedMap(maxKeptFiles);

  async function read(files: Files, path: string, treeId: string, contents: FolderContents): Promise<Parsed<Folder>> {
    const known = kept.get(`${contents} ${treeId}`);
    if (known !== undefined) return known;
    const folder = folderOf(await partsOf(files, path, contents));
    kept.set(`${contents} ${treeId}`, folder, 1 + (folder.ok ? folder.value.files.length : folder.problems.length));
    return folder;
  }

  async function partsOf(files: Files, path: string, contents: FolderContents): Promise<readonly Part[]> {
    const parts: Part[] = [];
    for (const entry of (await files.list(path)) ?? []) {
      const part = entry.type === 'tree' ? await inner(files, path, entry, contents) : partOf(entry, contents);
      if (part !== undefined) parts.push(part);
    }
    return parts;
  }

  async function inner(files: Files, path: string, { name, id }: TreeEntry, contents: FolderContents): Promise<Part | undefined> {
    if (contents === 'manifests' && name.startsWith('.')) return undefined;
    const folder = await read(files, path === '' ? name : `${path}/${name}`, id, contents);
    if (!folder.ok) return { problems: folder.problems.map(({ at, message }) => ({ at: `${name}/${at}`, message })) };
    return { files: folder.value.files.map((file) => ({ path: `${name}/${file.path}`, id: file.id })), digest: `${name}/ ${folder.value.digest}` };
  }

  return { read };
}

type Part = { readonly files: readonly FolderFile[]; readonly digest: string } | { readonly problems: readonly Problem[] };

const isManifestName = (name: string): boolean => /\.(?:ya?ml|json)$/.test(name);

function partOf({ name, type, id }: TreeEntry, contents: FolderContents): Part | undefined {
  if (type === 'blob') return contents !== 'manifests' || isManifestName(name) ? { files: [{ path: name, id }], digest: `${name} ${id}` } : undefined;
  if (contents === 'everything') return { files: [], digest: `${type} ${name} ${id}` };
  // A link whose name has another ending than a manifest's is neither a manifest nor, as names go, a folder of them.
  if (contents === 'manifests' && type === 'symlink' && name.includes('.') && !isManifestName(name)) return undefined;
  return { problems: [{ at: name, message: linkMessage(type === 'submodule' ? 'submodule' : 'symlink') }] };
}

export const linkMessage = (type: 'symlink' | 'submodule'): string =>
  type === 'symlink'
    ? 'is a symbolic link, which is not followed: put the file itself there'
    : 'is a Git submodule, which is not fetched: vendor its files into this repository';

function folderOf(parts: readonly Part[]): Parsed<Folder> {
  const problems = parts.flatMap((part) => ('problems' in part ? part.problems : []));
  if (problems.length > 0) return refused(...problems);
  const files = parts.flatMap((part) => ('problems' in part ? [] : part.files)).sort((a, b) => (a.path < b.path ? -1 : 1));
  if (files.length > maxFiles)
    return refused({ at: '.', message: `holds more than ${maxFiles.toLocaleString('en')} files to render: split it into several Applications` });
  const lines = parts.flatMap((part) => ('problems' in part ? [] : [part.digest])).sort();
  return accepted({ files, digest: digestOf(lines.join('\n')) });
}
