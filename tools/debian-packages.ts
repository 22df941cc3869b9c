import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { type Environment, onPath } from './machine-programs.ts';
import { run, type Say } from './run-program.ts';

/** Programs of Debian packages, unpacked into the parts cache: that needs no root and changes nothing on the machine. */
export type Unpacked = { readonly folder: string; readonly env: { readonly LD_LIBRARY_PATH: string } };

type Wanted = {
  /** For people: `Redis`. */
  readonly what: string;
  /** Of the folder in the cache: `redis`. */
  readonly name: string;
  /** The first one is what it is all for; what they need and the machine has not comes by itself. */
  readonly packages: readonly [string, ...string[]];
  /** What a person can do instead. */
  readonly advice: string;
  readonly cache: string;
  readonly say: Say;
  readonly environment: Environment;
};

const asOurselves = ['-o', 'APT::Sandbox::User=root'];

/** Throws with one line that says what to install. */
export async function ensureUnpacked(wanted: Wanted): Promise<Unpacked> {
  const { what, name, advice, cache, say, environment } = wanted;
  if (['apt-get', 'apt-cache', 'dpkg'].some((program) => onPath(program, environment) === undefined)) {
    throw new Error(`${what} is needed, and is not on PATH: ${advice}`);
  }
  const release = /^VERSION_CODENAME=(.+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1] ?? 'unknown';
  const folder = join(cache, `${name}-${release}-${process.arch}`);
  if (!existsSync(folder)) {
    await withLock(
      `${folder}.lock`,
      (holder) => say(`waiting for process ${holder}, which unpacks ${what} …`),
      async () => {
        if (existsSync(folder)) return;
        await unpack(folder, wanted).catch((cause: unknown) => {
          throw new Error(
            `${what} is needed and Debian's packages could not be downloaded: ${advice}. (${cause instanceof Error ? cause.message.replaceAll('\n', ' ') : cause})`,
            { cause },
          );
        });
      },
    );
  }
  const libraries = [...(await libraryFolders(folder)), environment.LD_LIBRARY_PATH ?? ''];
  return { folder, env: { LD_LIBRARY_PATH: libraries.filter(Boolean).join(':') } };
}

async function unpack(folder: string, { what, packages, say }: Wanted): Promise<void> {
  const began = performance.now();
  say(`${what}: downloading Debian's packages …`);
  const unfinished = await mkdtemp(`${folder}.unfinished-`);
  try {
    const downloads = join(unfinished, 'downloads');
    await mkdir(downloads);
    const apt = await aptOptions(downloads, what, packages[0], say);
    await run('apt-get', [...apt, 'download', ...(await missingPackages(apt, packages))], { cwd: downloads });
    for (const file of await readdir(downloads)) {
      if (file.endsWith('.deb')) await run('dpkg', ['-x', join(downloads, file), unfinished]);
    }
    await rm(downloads, { recursive: true });
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  say(`${what}: unpacked after ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

/** The machine's package lists when they know the package, else lists of our own, fetched into a folder where no root is needed. */
async function aptOptions(downloads: string, what: string, main: string, say: Say): Promise<readonly string[]> {
  const candidate = await run('apt-cache', ['policy', main]);
  if (/Candidate: (?!\(none\))\S/.test(candidate)) return asOurselves;
  say(`${what}: fetching the package lists …`);
  const lists = join(downloads, 'lists');
  const archives = join(downloads, 'cache');
  await Promise.all([lists, archives].map((one) => mkdir(join(one, 'partial'), { recursive: true })));
  const options = [...asOurselves, '-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${archives}`];
  await run('apt-get', [...options, 'update']);
  return options;
}

/** What apt would install: the packages and whatever they need that the machine has not. */
async function missingPackages(apt: readonly string[], packages: readonly string[]): Promise<readonly string[]> {
  const printed = await run('apt-get', [...apt, '--simulate', '--no-install-recommends', 'install', ...packages]);
  return [...printed.matchAll(/^Inst (\S+) /gm)].map(([, name = '']) => name);
}

/** Some packages keep libraries in a folder of their own beside the others. */
async function libraryFolders(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const base of ['usr/lib', 'lib']) {
    const names = existsSync(join(folder, base)) ? await readdir(join(folder, base)) : [];
    for (const name of names.filter((each) => each.endsWith('-linux-gnu'))) {
      const libraries = join(folder, base, name);
      found.push(libraries, ...['pulseaudio', 'nss'].map((inner) => join(libraries, inner)).filter((path) => existsSync(path)));
    }
  }
  return found;
}
