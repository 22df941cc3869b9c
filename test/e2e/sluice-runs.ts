import { mkdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { World } from '../../tools/demo-world.ts';
import { type Ended, startChild, waitUntilReady } from '../../tools/process.ts';

const ownMain = join(import.meta.dirname, '../../src/main.ts');

/** Sluice as a process whose end is seen. */
export type SluiceRun = AsyncDisposable & {
  /** How it signs its claims. */
  readonly identity: string;
  readonly url: string;
  readonly ended: Promise<Ended>;
  isRunning(): boolean;
  /** SIGSTOP has it stand still, as a long pause of its machine would, until SIGCONT. */
  signal(name: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
  /** What it has logged since it was started, one entry per line. */
  logged(): Promise<readonly Readonly<Record<string, unknown>>[]>;
};

/** Starts Sluice on the hub and the Redis of the world; ready when /readyz says so. `name` names its cache and log in the folder of the run. */
export async function runSluice(
  world: World,
  {
    name,
    port,
    environment = {},
    main = ownMain,
  }: { readonly name: string; readonly port: number; readonly environment?: Readonly<Record<string, string | undefined>>; readonly main?: string },
): Promise<SluiceRun> {
  const cacheDir = join(world.dir, `cache-${name}`);
  await mkdir(cacheDir, { recursive: true, mode: 0o700 });
  const logFile = join(world.dir, `${name}.log`);
  const before = (await readFile(logFile, 'utf8').catch(() => '')).length;
  const url = `http://127.0.0.1:${port}`;
  const child = await startChild({
    name,
    command: process.execPath,
    args: [main],
    logFile,
    env: {
      ...withoutSluice(),
      SLUICE_HUB_KUBECONFIG: world.hub.kubeconfigFile('sluice'),
      SLUICE_REDIS_URL: world.redis.url,
      SLUICE_KUSTOMIZE_BIN: world.parts.kustomize,
      SLUICE_HELM_BIN: world.parts.helm,
      SLUICE_CACHE_DIR: cacheDir,
      SLUICE_LISTEN_PORT: String(port),
      SLUICE_PUBLIC_URL: url,
      ...environment,
    },
  });
  try {
    await waitUntilReady(child, async () => (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3000) })).ok);
  } catch (error) {
    await child.stop(0);
    throw error;
  }
  return {
    identity: `${hostname()}:${port}`,
    url,
    ended: child.ended,
    isRunning: child.isRunning,
    signal: (signal) => process.kill(child.pid, signal),
    async logged() {
      const lines = (await readFile(logFile, 'utf8')).slice(before).split('\n');
      return lines.flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []));
    },
    [Symbol.asyncDispose]: () => child.stop(0),
  };
}

/** Settings of the person who runs the tests are none of the test's. */
const withoutSluice = (): Readonly<Record<string, undefined>> =>
  Object.fromEntries(Object.keys(process.env).flatMap((name) => (name.startsWith('SLUICE_') ? [[name, undefined]] : [])));
