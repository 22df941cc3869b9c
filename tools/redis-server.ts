import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { type Environment, namedByEnvironment, onPath } from './machine-programs.ts';
import { run, type Say } from './run-program.ts';

export type RedisServer = { readonly command: string; readonly env: Readonly<Record<string, string>> };

type Options = { readonly cache: string; readonly say: Say; readonly environment: Environment };

/**
 * The machine's own redis-server or valkey-server; else Debian's packages, unpacked into the cache: that needs no root and changes nothing on the machine.
 * Throws with one line that says what to install.
 */
export async function ensureRedis({ cache, say, environment }: Options): Promise<RedisServer> {
  const own = namedByEnvironment('redis-server', environment) ?? onPath('redis-server', environment) ?? onPath('valkey-server', environment);
  if (own !== undefined) return { command: own, env: {} };
  const advice = 'install it (Debian: apt-get install redis-server), or name the program of this machine with SLUICE_REDIS_SERVER_BIN';
  if (['apt-get', 'apt-cache', 'dpkg', 'dpkg-query'].some((program) => onPath(program, environment) === undefined)) {
    throw new Error(`Redis is needed, and neither redis-server nor valkey-server is on PATH: ${advice}`);
  }
  const release = /^VERSION_CODENAME=(.+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1] ?? 'unknown';
  const folder = join(cache, `redis-${release}-${process.arch}`);
  if (!existsSync(folder)) {
    await withLock(
      `${folder}.lock`,
      (holder) => say(`waiting for process ${holder}, which unpacks Redis …`),
      async () => {
        if (existsSync(folder)) return;
        await unpackRedis(folder, say).catch((cause: unknown) => {
          throw new Error(
            `Redis is needed and Debian's packages could not be downloaded: ${advice}. (${cause instanceof Error ? cause.message.replaceAll('\n', ' ') : cause})`,
            { cause },
          );
        });
      },
    );
  }
  const libraries = (await readdir(join(folder, 'usr/lib'))).filter((name) => name.endsWith('-linux-gnu')).map((name) => join(folder, 'usr/lib', name));
  return {
    command: join(folder, 'usr/bin/redis-server'),
    env: { LD_LIBRARY_PATH: [...libraries, environment.LD_LIBRARY_PATH ?? ''].filter(Boolean).join(':') },
  };
}

async function unpackRedis(folder: string, say: Say): Promise<void> {
  const began = performance.now();
  say("Redis: downloading Debian's packages …");
  const unfinished = await mkdtemp(`${folder}.unfinished-`);
  try {
    const downloads = join(unfinished, 'downloads');
    await mkdir(downloads);
    const apt = await aptOptions(downloads, say);
    const packages = ['redis-server', 'redis-tools', ...(await missingLibraries(apt))];
    await run('apt-get', [...apt, 'download', ...packages], { cwd: downloads });
    for (const file of await readdir(downloads)) {
      if (file.endsWith('.deb')) await run('dpkg', ['-x', join(downloads, file), unfinished]);
    }
    await rm(downloads, { recursive: true });
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  say(`Redis: unpacked after ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

/** The machine's package lists when they know Redis, else lists of our own, fetched into a folder where no root is needed. */
async function aptOptions(downloads: string, say: Say): Promise<readonly string[]> {
  const asOurselves = ['-o', 'APT::Sandbox::User=root'];
  const candidate = await run('apt-cache', ['policy', 'redis-server']);
  if (/Candidate: (?!\(none\))\S/.test(candidate)) return asOurselves;
  say('Redis: fetching the package lists …');
  const lists = join(downloads, 'lists');
  const archives = join(downloads, 'cache');
  await Promise.all([lists, archives].map((one) => mkdir(join(one, 'partial'), { recursive: true })));
  const options = [...asOurselves, '-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${archives}`];
  await run('apt-get', [...options, 'update']);
  return options;
}

/** What redis-server needs and the machine has not installed. */
async function missingLibraries(apt: readonly string[]): Promise<readonly string[]> {
  const only = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((kind) => `--no-${kind}`);
  const printed = await run('apt-cache', [...apt, 'depends', '--recurse', ...only, 'redis-server']);
  const names = new Set([...printed.matchAll(/^(lib\S+|lua-\S+)$/gm)].map(([name]) => name));
  const installed = (await run('dpkg-query', ['--show', '--showformat', '${db:Status-Status} ${Package}\n'])).matchAll(/^installed (\S+)$/gm);
  for (const [, name] of installed) if (name !== undefined) names.delete(name);
  return [...names];
}
