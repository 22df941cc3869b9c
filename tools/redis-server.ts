import { join } from 'node:path';
import { ensureUnpacked } from './debian-packages.ts';
import { type Environment, namedByEnvironment, onPath } from './machine-programs.ts';
import type { Say } from './run-program.ts';

export type RedisServer = { readonly command: string; readonly env: Readonly<Record<string, string>> };

type Options = { readonly cache: string; readonly say: Say; readonly environment: Environment };

/**
 * The machine's own redis-server or valkey-server; else Debian's packages, unpacked into the cache.
 * Throws with one line that says what to install.
 */
export async function ensureRedis(options: Options): Promise<RedisServer> {
  const { environment } = options;
  const own = namedByEnvironment('redis-server', environment) ?? onPath('redis-server', environment) ?? onPath('valkey-server', environment);
  if (own !== undefined) return { command: own, env: {} };
  const advice = 'install it (Debian: apt-get install redis-server), or name the program of this machine with SLUICE_REDIS_SERVER_BIN';
  const { folder, env } = await ensureUnpacked({ what: 'Redis', name: 'redis', packages: ['redis-server', 'redis-tools'], advice, ...options });
  return { command: join(folder, 'usr/bin/redis-server'), env };
}
