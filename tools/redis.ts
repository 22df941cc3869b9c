import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis as Client } from 'ioredis';
import type { Parts } from './parts.ts';
import { type Child, startChild, waitUntilReady, withFreePorts } from './process.ts';

/** A real Redis on the loopback that asks for a password and keeps nothing on disk. */
export type Redis = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  readonly password: string;
  /** One command; answers text, or JSON when the reply is no text. Throws with Redis's error. */
  cli(...command: readonly [string, ...string[]]): Promise<string>;
  /** Kills it. `start` brings it back empty on the same port; `restart` does both. */
  stop(): Promise<void>;
  start(): Promise<void>;
  restart(): Promise<void>;
};

/** Starts one. Throws with the end of its log when it does not come up. */
export async function startRedis({ parts, dir }: { readonly parts: Parts; readonly dir: string }): Promise<Redis> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const password = randomBytes(24).toString('hex');
  const settings = join(dir, 'redis.conf');
  const startServer = async (port: number): Promise<Child> => {
    const child = await startChild({
      name: 'Redis',
      command: parts.redisServer.command,
      args: [settings],
      logFile: join(dir, 'redis.log'),
      env: parts.redisServer.env,
    });
    try {
      await waitUntilReady(child, async () => (await askRedis({ port, password }, ['PING'])) === 'PONG', { timeoutMs: 15_000 });
      return child;
    } catch (error) {
      await child.stop(0);
      throw error;
    }
  };
  const first = await withFreePorts(1, async ([port = 0]) => {
    // the password stands in a file and not among the arguments, which every user of the machine can read
    const lines = ['bind 127.0.0.1', `port ${port}`, `requirepass ${password}`, 'save ""', 'appendonly no', `dir ${dir}`];
    await writeFile(settings, `${lines.join('\n')}\n`, { mode: 0o600 });
    return { port, child: await startServer(port) };
  });
  let server = first.child;
  const stop = () => server.stop(0);
  const start = async () => {
    if (!server.isRunning()) server = await startServer(first.port);
  };
  return {
    url: `redis://:${password}@127.0.0.1:${first.port}`,
    port: first.port,
    password,
    cli: (...command) => askRedis({ port: first.port, password }, command),
    stop,
    start,
    async restart() {
      await stop();
      await start();
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** One command to a Redis of the loopback, as `cli` describes it. */
export async function askRedis(
  { port, password }: { readonly port: number; readonly password: string },
  [name, ...args]: readonly [string, ...string[]],
): Promise<string> {
  const client = new Client({ host: '127.0.0.1', port, password, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0, connectTimeout: 2000 });
  // a refused password is told here only; the command itself is rejected because the connection was closed
  let reason: unknown;
  client.on('error', (error) => {
    reason = error;
  });
  try {
    await client.connect();
    const reply = await client.call(name, ...args);
    return typeof reply === 'string' ? reply : JSON.stringify(reply);
  } catch (error) {
    throw reason ?? error;
  } finally {
    client.disconnect();
  }
}
