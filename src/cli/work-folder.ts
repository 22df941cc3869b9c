import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname, join, parse, relative, resolve, sep } from 'node:path';
import { accepted, type Problem } from '../model/parsed.ts';
import { type Answer, refuse } from './answer.ts';
import { whyUnreadable } from './input.ts';

/** A folder to render: `path` lies below `root`, beyond which nothing is read. Both absolute on this machine, `path` relative with slashes. */
export type WorkFolder = { readonly root: string; readonly path: string };

/**
 * The Git work tree that a folder lies in; outside of one any file of the machine may be a base, as for kustomize itself.
 */
export async function findWorkFolder(folder: string, from: string): Promise<Answer<WorkFolder>> {
  try {
    const place = await realpath(resolve(from, folder));
    if (!(await stat(place)).isDirectory()) return refuse('FileUnreadable', { at: folder, message: 'is a file: name the folder that holds the manifests' });
    const root = workTreeOf(place) ?? parse(place).root;
    return accepted({ root, path: relative(root, place).split(sep).join('/') });
  } catch (error) {
    return refuse('FileUnreadable', { at: folder, message: whyUnreadable(error) });
  }
}

/** The nearest folder at or above this one that holds a `.git`. */
export function workTreeOf(folder: string): string | undefined {
  for (let here = folder; ; here = dirname(here)) {
    if (existsSync(join(here, '.git'))) return here;
    if (dirname(here) === here) return undefined;
  }
}

/** Problems whose places can be opened from the folder that the command was started in. */
export function placedFrom(problems: readonly Problem[], { root }: WorkFolder, from: string): readonly Problem[] {
  return problems.map(({ at, message }) => {
    const [file = '', ...rest] = at.split(/(?=[:\s])/);
    const place = join(root, file);
    if (file === '' || !existsSync(place)) return { at, message };
    const near = relative(from, place) || '.';
    return { at: [near.startsWith('..') ? place : near, ...rest].join(''), message };
  });
}
