import { Redis } from 'ioredis';
import type { RedisAccess } from './bullmq-queues.ts';

/** `reason` is Redis's own word or the kind of failure; it never holds the password. */
export type RedisAnswer = { readonly answered: true; readonly text: string } | { readonly answered: false; readonly reason: string };

export type RedisFacts = {
  /** INFO, with the credentials that were given. */
  readonly info: RedisAnswer;
  /** PING without any credentials. */
  readonly withoutPassword: RedisAnswer;
};

/** Asks one Redis two questions, each on a connection of its own that is closed again. */
export async function probeRedis(access: RedisAccess, timeoutMs: number): Promise<RedisFacts> {
  const { username: _username, password: _password, ...open } = access;
  const [info, withoutPassword] = await Promise.all([ask(access, timeoutMs, (redis) => redis.info()), ask(open, timeoutMs, (redis) => redis.ping())]);
  return { info, withoutPassword };
}

async function ask({ tls, database: _database, ...access }: RedisAccess, timeoutMs: number, question: (redis: Redis) => Promise<string>): Promise<RedisAnswer> {
  const redis = new Redis({
    ...access,
    ...(tls ? { tls: {} } : {}),
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
  });
  let last: Error | undefined;
  redis.on('error', (error: Error) => {
    last = error;
  });
  try {
    await redis.connect();
    return { answered: true, text: await question(redis) };
  } catch (error) {
    return { answered: false, reason: reasonOf(last ?? error) };
  } finally {
    redis.disconnect();
  }
}

/** Of Redis's refusals the first word (NOAUTH, WRONGPASS, NOPERM) says all, and the rest may name the user. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no reason given';
  const word = /\b(NOAUTH|WRONGPASS|NOPERM|LOADING|MASTERDOWN|DENIED)\b/.exec(error.message)?.[1];
  if (word !== undefined) return word;
  if (/ERR AUTH|invalid password/i.test(error.message)) return 'WRONGPASS';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message.includes('timed out') ? 'no answer in time' : error.name;
}
