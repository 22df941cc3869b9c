import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { accepted } from '../model/parsed.ts';
import { textOf } from '../render/text.ts';
import { type PlacedManifest, readManifests } from '../render/yaml.ts';
import { type Answer, refuse, refusedAs } from './answer.ts';
import type { Terminal } from './terminal.ts';

/** The text of a file, or of standard input for `-`. */
export async function readText(file: string, terminal: Pick<Terminal, 'folder' | 'readStandardInput'>): Promise<Answer<string>> {
  if (file === '-') return refusedAs('FileUnreadable', textOf(await terminal.readStandardInput(), nameOf(file)));
  try {
    return refusedAs('FileUnreadable', textOf(await readFile(resolve(terminal.folder, file)), file));
  } catch (error) {
    return refuse('FileUnreadable', { at: file, message: whyUnreadable(error) });
  }
}

/** As readObjects; a file without any object is a refusal. */
export async function readSomeObjects(
  files: readonly string[],
  terminal: Pick<Terminal, 'folder' | 'readStandardInput'>,
): Promise<Answer<readonly PlacedManifest[]>> {
  const objects = await readObjects(files, terminal);
  if (!objects.ok || objects.value.length > 0) return objects;
  return refuse('NoObject', { at: files.map(nameOf).join(', '), message: 'holds no object: give YAML or JSON with apiVersion, kind and metadata.name' });
}

const nameOf = (file: string): string => (file === '-' ? 'standard input' : file);

/** The objects of files in document order, read as kubectl reads them. */
export async function readObjects(
  files: readonly string[],
  terminal: Pick<Terminal, 'folder' | 'readStandardInput'>,
): Promise<Answer<readonly PlacedManifest[]>> {
  const placed: PlacedManifest[] = [];
  for (const file of files) {
    const text = await readText(file, terminal);
    if (!text.ok) return text;
    const manifests = refusedAs('ManifestRefused', readManifests(text.value, nameOf(file)));
    if (!manifests.ok) return manifests;
    placed.push(...manifests.value);
  }
  return accepted(placed);
}

export function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist: correct the path';
    case 'EISDIR':
      return 'is a folder: name a file, or - for standard input';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read: check its permissions';
    default:
      return `cannot be read (${code || (error instanceof Error ? error.message : 'unknown')})`;
  }
}
