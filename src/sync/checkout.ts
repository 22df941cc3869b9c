import { isPortError } from '../model/port-error.ts';
import { filesAt } from '../source/files.ts';
import type { Commit, Files, RepositoryAccess, Source } from '../source/source.ts';

/** The files of a commit; fetched when this process has not seen it yet. */
export async function checkout(
  source: Source,
  access: RepositoryAccess,
  wanted: { readonly revision: string; readonly ref: string | undefined },
  signal: AbortSignal,
): Promise<{ readonly commit: Commit; readonly files: Files }> {
  const commit = await commitOf(source, access, wanted, signal);
  return { commit, files: filesAt(source, access, commit, signal) };
}

export async function commitOf(
  source: Source,
  access: RepositoryAccess,
  { revision, ref }: { readonly revision: string; readonly ref: string | undefined },
  signal: AbortSignal,
): Promise<Commit> {
  try {
    return await source.commit(access, revision, signal);
  } catch (error) {
    if (!isPortError(error, 'NOT_FOUND')) throw error;
    await source.fetch(access, { name: ref ?? revision, commit: revision }, signal);
    return source.commit(access, revision, signal);
  }
}
