import { type Parsed, type Problem, refused } from '../model/parsed.ts';
import { partsInside } from '../source/files.ts';
import { isLfsPointer } from '../source/lfs-pointer.ts';
import type { Files, TreeEntry } from '../source/source.ts';
import type { BoundedMap } from './bounded-map.ts';
import { linkMessage } from './folder.ts';
import { isRemote, type Kustomization, type KustomizeReference, kustomizationNames, parseKustomization } from './kustomization.ts';
import { lfsMessage, textOf } from './text.ts';

const maxKustomizations = 1_000;

/** Files that Kustomize will read ('' for a kustomization file that is not there), and folders of which it may read anything. */
export type KustomizeInputs = {
  readonly files: readonly { readonly path: string; readonly id: string }[];
  readonly folders: readonly { readonly path: string; readonly treeId: string }[];
  readonly problems: readonly Problem[];
};

/** Follows the kustomization file of a folder and of all that it refers to. `known` keeps parsed files by blob id and path. */
export async function walkKustomizations(files: Files, root: string, known: BoundedMap<Parsed<Kustomization>>): Promise<KustomizeInputs> {
  const inputs = new Map<string, string>();
  const folders = new Map<string, string>();
  const problems: Problem[] = [];
  const state = new Map<string, 'open' | 'done'>();

  async function folder(path: string, from: string, plugins: boolean): Promise<void> {
    const key = `${plugins} ${path}`;
    if (state.get(key) === 'open') return void problems.push({ at: from, message: `refers back to ${shown(path)}, which leads here: break the cycle` });
    if (state.has(key)) return;
    if (state.size === maxKustomizations)
      return void problems.push({ at: from, message: `is the ${maxKustomizations}th kustomization of this path: no more are read, so split the Application` });
    state.set(key, 'open');
    const file = await kustomizationFile(path, from);
    if (file !== undefined) await follow(path, file, plugins);
    state.set(key, 'done');
  }

  async function kustomizationFile(path: string, from: string): Promise<string | undefined> {
    const entries = (await files.list(path)) ?? [];
    const found = kustomizationNames.flatMap((name) => entries.filter((entry) => entry.name === name));
    for (const name of kustomizationNames) inputs.set(within(path, name), found.find((entry) => entry.name === name)?.id ?? '');
    const [only, second] = found;
    if (only === undefined) problems.push({ at: from, message: `${shown(path)} has no ${kustomizationNames.join(', ')}: add one, or correct the reference` });
    else if (second !== undefined) problems.push({ at: within(path, second.name), message: `stands beside ${only.name}: a folder has one kustomization file` });
    else if (only.type !== 'blob') problems.push({ at: within(path, only.name), message: whyNotFile(only) });
    else return within(path, only.name);
    return undefined;
  }

  async function follow(path: string, file: string, plugins: boolean): Promise<void> {
    const parsed = await read(file, inputs.get(file) ?? '');
    if (!parsed.ok) return void problems.push(...parsed.problems);
    if (plugins || parsed.value.readsUnknown) folders.set(path, (await files.entry(path))?.id ?? '');
    for (const reference of parsed.value.references) await resolve(path, file, reference, plugins);
  }

  async function read(file: string, id: string): Promise<Parsed<Kustomization>> {
    const kept = known.get(`${id} ${file}`);
    if (kept !== undefined) return kept;
    const bytes = (await files.read(file)) ?? new Uint8Array();
    const text = isLfsPointer(bytes) ? refused({ at: file, message: lfsMessage }) : textOf(bytes, file);
    const parsed = text.ok ? parseKustomization(text.value, file) : text;
    known.set(`${id} ${file}`, parsed, 1);
    return parsed;
  }

  async function resolve(path: string, file: string, reference: KustomizeReference, plugins: boolean): Promise<void> {
    const at = `${file}:${reference.line}`;
    const refuse = (message: string) => void problems.push({ at, message: `${JSON.stringify(reference.entry)} ${message}` });
    const parts = reference.entry.startsWith('/') ? undefined : partsInside(`${path}/${reference.entry}`.replace(/^\/+/, ''));
    const target = parts?.join('/') ?? '';
    const entry = parts === undefined ? undefined : await files.entry(target);
    if (entry === undefined && isRemote(reference.entry))
      return refuse('is not in this repository, and nothing is fetched while rendering: vendor it, then name its path');
    if (parts === undefined) return refuse('leads out of the repository: name a path inside it, relative to this folder');
    if (entry === undefined) return refuse(await whyMissing(files, parts));
    if (entry.type === 'tree') {
      if (reference.takes === 'file') return refuse('is a folder; a file is wanted here');
      return folder(target, at, plugins || reference.plugins);
    }
    if (entry.type !== 'blob') return refuse(whyNotFile(entry));
    if (reference.takes === 'folder') return refuse('is a file; a folder with a kustomization file is wanted here');
    inputs.set(target, entry.id);
  }

  await folder(root, shown(root), false);
  return {
    files: [...inputs].map(([path, id]) => ({ path, id })),
    folders: [...folders].map(([path, treeId]) => ({ path, treeId })),
    problems,
  };
}

const within = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`);
const shown = (path: string): string => (path === '' ? '.' : path);

function whyNotFile({ type }: TreeEntry): string {
  if (type === 'symlink' || type === 'submodule') return linkMessage(type);
  return 'is a folder; a file is wanted here';
}

async function whyMissing(files: Files, parts: readonly string[]): Promise<string> {
  for (let length = 1; length < parts.length; length++) {
    const above = await files.entry(parts.slice(0, length).join('/'));
    if (above === undefined) break;
    if (above.type === 'symlink' || above.type === 'submodule') return `goes through ${parts.slice(0, length).join('/')}, which ${linkMessage(above.type)}`;
  }
  return `does not exist at this commit (${parts.join('/')})`;
}
