import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export type Ended = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** A long-running program that this process started, in a process group of its own. */
export type Child = {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when the program has ended; never rejects. */
  readonly ended: Promise<Ended>;
  isRunning(): boolean;
  /** SIGTERM to the group, SIGKILL after the grace; resolves once it has ended. `graceMs` 0 kills at once. */
  stop(graceMs?: number): Promise<void>;
};

export type Command = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  /** Added to the environment of this process; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
};

/** Starts a program whose output goes to its log file. It ends when this process ends, however that comes about. Throws when the program cannot be started. */
export async function startChild({ name, command, args, logFile, env = {}, cwd }: Command): Promise<Child> {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(new Error(`${name}: ${command} cannot be started: ${cause.message}`, { cause })));
  });
  const pid = child.pid as number;
  const running = () => child.exitCode === null && child.signalCode === null;
  guard('add', pid);
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => {
      guard('drop', pid);
      resolve({ code, signal });
    });
  });
  return {
    name,
    pid,
    logFile,
    ended,
    isRunning: running,
    async stop(graceMs = 5000) {
      if (!running()) return;
      signalGroup(pid, graceMs === 0 ? 'SIGKILL' : 'SIGTERM');
      if (graceMs > 0 && !(await settledWithin(ended, graceMs))) signalGroup(pid, 'SIGKILL');
      await ended;
    },
  };
}

/** Asks until the probe answers true. Throws when the program ends first or the time is over, with the end of its log. */
export async function waitUntilReady(child: Child, probe: () => Promise<boolean>, { timeoutMs = 60_000, everyMs = 50 } = {}): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (!child.isRunning()) throw new Error(`${child.name} ended before it was ready. The end of ${child.logFile}:\n${endOfLog(child)}`);
    if (await probe().catch(() => false)) return;
    if (performance.now() > deadline)
      throw new Error(`${child.name} was not ready within ${timeoutMs / 1000} s. The end of ${child.logFile}:\n${endOfLog(child)}`);
    await sleep(everyMs);
  }
}

const endOfLog = ({ logFile }: Child): string => readFileSync(logFile, 'utf8').slice(-1500);

const givenPorts = new Set<number>();

/**
 * A free port of the loopback. It is taken from below the range that the kernel gives to outgoing connections, so that a program that is
 * stopped and started again finds its port free; another run that draws the same one in the same moment makes the start be tried again.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (givenPorts.has(port) || !(await isFree(port))) continue;
    givenPorts.add(port);
    return port;
  }
  throw new Error('no free port between 20000 and 32000 on 127.0.0.1');
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });

/** Starts something that needs ports, again with other ports when another program took one in between. */
export async function withFreePorts<T>(count: number, start: (ports: readonly number[]) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const ports: number[] = [];
    while (ports.length < count) ports.push(await freePort());
    try {
      return await start(ports);
    } catch (error) {
      if (tries === 5 || !(error instanceof Error) || !/address already in use|EADDRINUSE/i.test(error.message)) throw error;
    }
  }
}

/** Whether `awaited` settles within the time. */
async function settledWithin(awaited: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const ring = new AbortController();
  const over = sleep(timeoutMs, false, { signal: ring.signal }).catch(() => false);
  const settled = await Promise.race([
    awaited.then(
      () => true,
      () => true,
    ),
    over,
  ]);
  ring.abort();
  return settled;
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // the group ended between the question and the signal
  }
}

/** Reads what this process has running; when the pipe closes, because this process is gone in whatever way, it ends what is left. */
const guardScript = `
trap '' INT TERM HUP
groups= folders=
without() { kept=; for one in $1; do [ "$one" = "$2" ] || kept="$kept $one"; done; echo "$kept"; }
while read -r verb what; do
  case $verb in
    add) groups="$groups $what" ;;
    drop) groups=$(without "$groups" "$what") ;;
    folder) folders="$folders $what" ;;
  esac
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
[ -z "$groups" ] || sleep 1
for folder in $folders; do rm -rf -- "$folder"; done
`;

let guardProcess: ChildProcess | undefined;

/** `folder`: a folder of this run, to be removed at the end. Its path must hold no spaces. */
export function guard(verb: 'add' | 'drop' | 'folder', what: number | string): void {
  if (guardProcess === undefined) {
    guardProcess = spawn('/bin/sh', ['-c', guardScript], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
    guardProcess.unref();
    const pipe = guardProcess.stdin;
    pipe?.on('error', () => {});
    if (pipe !== null && pipe !== undefined && 'unref' in pipe && typeof pipe.unref === 'function') pipe.unref();
  }
  guardProcess.stdin?.write(`${verb} ${what}\n`);
}
