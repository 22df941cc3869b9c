import { isPortError } from '../model/port-error.ts';
import type { Commit } from './source.ts';

export type FirstParents = { readonly kind: 'continued'; readonly commits: readonly Commit[] } | { readonly kind: 'rewritten' };

/**
 * The tips that a branch had on its way: `to`'s first-parent line back to `from`, oldest first, without `from`, with `to`.
 * `rewritten` when `from` is not on that line, is more than `limit` commits back, or the line leaves what was fetched. A process that
 * has not seen `from` yet should fetch it first, else what lies between never arrives. Without `from`: `to` alone.
 * Throws  what readCommit throws for `to` itself, and everything but NOT_FOUND for the others.
 */
export async function firstParentsBetween(
  readCommit: (id: string) => Promise<Commit>,
  from: string | undefined,
  to: string,
  limit: number,
): Promise<FirstParents> {
  if (from === to) return { kind: 'continued', commits: [] };
  const line: Commit[] = [await readCommit(to)];
  if (from === undefined) return { kind: 'continued', commits: line };

  for (let parent = line[0]?.parents[0]; parent !== from; parent = line.at(-1)?.parents[0]) {
    const commit = parent === undefined || line.length >= limit ? undefined : await readOrMissing(readCommit, parent);
    if (commit === undefined) return { kind: 'rewritten' };
    line.push(commit);
  }
  return { kind: 'continued', commits: line.reverse() };
}

async function readOrMissing(readCommit: (id: string) => Promise<Commit>, id: string): Promise<Commit | undefined> {
  try {
    return await readCommit(id);
  } catch (error) {
    if (isPortError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}
