import { createHash } from 'node:crypto';
import { cp, glob, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../tools/run-program.ts';

const root = join(import.meta.dirname, '../..');

/**
 * What deploy/Containerfile puts into /app, without a container: its own `npm ci` is run there and its own COPY lines are followed.
 * The page is left out, for which the Containerfile has a stage of its own.
 */
export async function makeImageFolder(folder: string): Promise<void> {
  const lines = (await readFile(join(root, 'deploy/Containerfile'), 'utf8')).split('\n');
  const install = lines
    .find((line) => /^RUN npm ci .*--omit=dev/.test(line))
    ?.slice('RUN '.length)
    .split(' ');
  if (install === undefined) throw new Error('deploy/Containerfile has no line `RUN npm ci … --omit=dev`');
  const copies = lines
    .filter((line) => line.startsWith('COPY ') && !line.startsWith('COPY --from') && line !== 'COPY . .')
    .map((line) => line.split(' ').slice(1));
  for (const words of copies) {
    const target = words.at(-1) ?? '';
    for (const source of words.slice(0, -1).filter((each) => !each.startsWith('tools/'))) {
      const to = join(folder, target.endsWith('/') ? join(target, source) : target);
      await mkdir(dirname(to), { recursive: true });
      await cp(join(root, source), to, { recursive: true });
    }
  }
  const [npm = 'npm', ...args] = install;
  await run(npm, args, { cwd: folder, env: { npm_config_prefer_offline: 'true' } });
}

/** One hash over all paths and contents: whoever writes there changes it. */
export async function contentOf(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const files: string[] = [];
  for await (const entry of glob('**/*', { cwd: folder, withFileTypes: true })) if (entry.isFile()) files.push(join(entry.parentPath, entry.name));
  for (const file of files.toSorted()) hash.update(file.slice(folder.length)).update(await readFile(file));
  return hash.digest('hex');
}
