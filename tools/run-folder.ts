import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guard } from './process.ts';

export type RunFolder = AsyncDisposable & {
  readonly path: string;
  /** A folder inside, made when missing. */
  folder(name: string): Promise<string>;
  remove(): Promise<void>;
};

/** The folder that holds everything one run writes. It is removed at the end, also when this process is killed. */
export async function openRunFolder(): Promise<RunFolder> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-'));
  if (!/\s/.test(path)) guard('folder', path);
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  return {
    path,
    async folder(name) {
      const inner = join(path, name);
      await mkdir(inner, { recursive: true, mode: 0o700 });
      return inner;
    },
    remove,
    [Symbol.asyncDispose]: remove,
  };
}
