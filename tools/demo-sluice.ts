import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Child, type Ended, startChild, waitUntilReady } from './process.ts';

export type SluiceEnvironment = Readonly<Record<string, string | undefined>>;

/** Sluice as a process of its own, so that it can be stopped, killed and started again on the same port. */
export type SluiceProcess = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  readonly logFile: string;
  isRunning(): boolean;
  /** Throws when it does not run. */
  pid(): number;
  /** Starts it unless it runs, and answers when /readyz says ready. `overrides` change its environment for this one start. */
  start(overrides?: SluiceEnvironment): Promise<void>;
  /** SIGTERM: it ends what it has begun. Answers how it ended; undefined when it was never started. */
  stop(): Promise<Ended | undefined>;
  /** SIGKILL: it ends nothing. */
  kill(): Promise<void>;
  /** The last warnings and errors of its log, in one line each. */
  warnings(most?: number): Promise<readonly string[]>;
};

const main = join(import.meta.dirname, '../src/main.ts');
const graceMs = 15_000;

/** Prepares it; `start` starts it. `environment` holds the SLUICE_… variables; those of this process are not passed on. */
export function sluiceProcess({
  port,
  logFile,
  environment,
}: {
  readonly port: number;
  readonly logFile: string;
  readonly environment: SluiceEnvironment;
}): SluiceProcess {
  const url = `http://127.0.0.1:${port}`;
  const notOurs = Object.fromEntries(Object.keys(process.env).flatMap((name) => (name.startsWith('SLUICE_') ? [[name, undefined]] : [])));
  let child: Child | undefined;
  const stop = async () => {
    await child?.stop(graceMs);
    return child?.ended;
  };
  return {
    url,
    port,
    logFile,
    isRunning: () => child?.isRunning() === true,
    pid() {
      if (child === undefined) throw new Error('Sluice was not started');
      return child.pid;
    },
    async start(overrides = {}) {
      if (child?.isRunning()) return;
      const env = { ...notOurs, SLUICE_LISTEN_PORT: String(port), SLUICE_PUBLIC_URL: url, ...environment, ...overrides };
      const started = await startChild({ name: 'Sluice', command: process.execPath, args: [main], logFile, env });
      child = started;
      try {
        await waitUntilReady(started, async () => (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3000) })).ok);
      } catch (error) {
        await started.stop(0);
        throw error;
      }
    },
    stop,
    kill: async () => child?.stop(0),
    warnings: async (most = 12) => warningsIn(await readFile(logFile, 'utf8').catch(() => '')).slice(-most),
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** Lines of level warn and above, and what is no log line at all: a crash writes its stack as plain text. */
function warningsIn(log: string): readonly string[] {
  return log.split('\n').flatMap((line) => {
    if (line.trim() === '') return [];
    const entry = parseEntry(line);
    if (entry === undefined) return [line.slice(0, 400)];
    return isWarning(entry.level) ? [describe(entry)] : [];
  });
}

function parseEntry(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === 'object' && entry !== null ? (entry as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

const isWarning = (level: unknown): boolean => (typeof level === 'number' ? level >= 40 : level === 'warn' || level === 'error' || level === 'fatal');

function describe({ level: _level, time, msg, pid: _pid, hostname: _hostname, ...facts }: Readonly<Record<string, unknown>>): string {
  const clock = typeof time === 'number' || typeof time === 'string' ? new Date(time).toISOString().slice(11, 23) : '';
  const rest = Object.entries(facts).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [clock, String(msg ?? ''), ...rest].join(' ').slice(0, 600);
}
