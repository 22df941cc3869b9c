import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { glob, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { withLock } from './lock.mjs';
import type { Say } from './run-program.ts';

const root = join(import.meta.dirname, '..');
const web = join(root, 'web');
/** Where Sluice looks for the page; not in Git. */
const folder = join(web, 'dist');
const stamp = join(folder, '.built-from');
const lock = join(tmpdir(), `sluice-page-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`);

/** Builds the page with Vite unless it stands there built from the present sources. Some seconds, or some milliseconds. */
export async function ensurePage({ say }: { readonly say: Say }): Promise<void> {
  const wanted = await digestOfSources();
  const isBuilt = async () => existsSync(stamp) && (await readFile(stamp, 'utf8')) === wanted;
  if (await isBuilt()) return;
  await withLock(
    lock,
    (holder) => say(`waiting for process ${holder}, which builds the page …`),
    async () => {
      if (!(await isBuilt())) await build(wanted, say);
    },
  );
}

async function build(wanted: string, say: Say): Promise<void> {
  const began = performance.now();
  const unfinished = join(web, `dist.unfinished-${process.pid}`);
  try {
    const vite = await import('vite');
    await vite.build({ configFile: join(web, 'vite.config.ts'), logLevel: 'warn', build: { outDir: unfinished } });
    await writeFile(join(unfinished, '.built-from'), wanted);
    await mkdir(folder, { recursive: true });
    await rm(folder, { recursive: true });
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  say(`page: built after ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

async function digestOfSources(): Promise<string> {
  const sources = [join(root, 'package-lock.json'), join(web, 'index.html'), join(web, 'vite.config.ts')];
  for await (const file of glob('src/**/*.*', { cwd: web })) sources.push(join(web, file));
  const hash = createHash('sha256');
  for (const file of sources.toSorted()) hash.update(`${relative(root, file)}\n`).update(await readFile(file));
  return hash.digest('hex');
}
