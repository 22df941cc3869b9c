import type { Closure } from './closure.ts';

/** The paths that a closure reads, sorted; a folder stands for all that is below it. */
export const closurePaths = ({ inputs }: Pick<Closure, 'inputs'>): readonly string[] => inputs.map(({ path }) => path);

/**
 * Whether a change of these paths may change what the closure renders. It may say yes where the key stays the same, never no where the key differs.
 * A cheap filter for many closures against one commit: the list of changed paths is prepared once.
 */
export function touches(closure: { readonly inputs: readonly { readonly path: string }[] }, changedPaths: readonly string[]): boolean {
  const changed = withFolders(changedPaths);
  return closure.inputs.some(({ path }) => changed.has(path));
}

const prepared = new WeakMap<readonly string[], ReadonlySet<string>>();

/** Changed paths and every folder above them, the root ('') included. */
function withFolders(changedPaths: readonly string[]): ReadonlySet<string> {
  const known = prepared.get(changedPaths);
  if (known !== undefined) return known;
  const all = new Set<string>();
  for (const path of changedPaths) {
    for (let part = path; !all.has(part); part = part.slice(0, Math.max(part.lastIndexOf('/'), 0))) all.add(part);
  }
  prepared.set(changedPaths, all);
  return all;
}
