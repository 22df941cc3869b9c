import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { PortError } from '../model/port-error.ts';
import type { RenderFile, ToolAnswer } from '../render/renderer.ts';
import { type Confinement, findConfinement } from './confinement.ts';

export type ToolOptions = {
  /** Absolute path of the binary. */
  readonly binary: string;
  readonly timeoutMs?: number;
  readonly maxOutputBytes?: number;
  /** Runs of this tool at the same time; the others wait. */
  readonly concurrency?: number;
  /** Where scratch folders are made; the system's folder for temporary files when it is not given. */
  readonly scratchRoot?: string;
};

/** Absolute paths in one run's scratch folder: the files that were given lie below `files`, what the adapter adds beside it. */
export type Scratch = { readonly files: string; readonly own: string };

export type ToolRun = {
  readonly files: readonly RenderFile[];
  /** Files of the adapter itself by name, beside those of the repository. */
  readonly own?: Readonly<Record<string, string>>;
  readonly command: (scratch: Scratch) => readonly string[];
  /** What the tool said, without scratch paths, made fit for people and without what may be a secret. */
  readonly clean?: (message: string) => string;
};

export type ConfinedTool = {
  readonly confinement: Confinement;
  /** The answer to the command that tells the version. */
  readonly version: string;
  /** Throws  PortError('renderer', TIMEOUT | INVALID (output too large) | UNREACHABLE). */
  run(run: ToolRun, signal: AbortSignal): Promise<ToolAnswer>;
};

const maxErrorBytes = 64 * 1024;
const maxMessageLength = 2_000;
const memoryMiB = 512;

/**
 * A manifest tool that runs on files: each time in a scratch folder of its own that holds only what is given, with an empty environment,
 * without network where the system permits it, and within limits of time, memory and output.
 * Throws  PortError('renderer', UNREACHABLE) when the binary cannot be started.
 */
export async function openConfinedTool(
  tool: string,
  versionCommand: readonly string[],
  { binary, timeoutMs = 60_000, maxOutputBytes = 64 * 1024 * 1024, concurrency = 2, scratchRoot = tmpdir() }: ToolOptions,
): Promise<ConfinedTool> {
  const confinement = await findConfinement();
  const slots = openSlots(concurrency);
  const limits = { tool, timeoutMs, maxOutputBytes };

  const version = await inScratchFolder(scratchRoot, (scratch) => runConfined([binary, ...versionCommand], scratch, limits, AbortSignal.timeout(timeoutMs)));
  if (version.exitCode !== 0)
    throw new PortError('renderer', 'UNREACHABLE', `${binary} does not tell its version: install ${tool} there`, { cause: new Error(version.stderr) });

  return {
    confinement,
    version: version.stdout.trim(),
    run: ({ files, own = {}, command, clean = (message) => message }, signal) =>
      slots(signal, () =>
        inScratchFolder(scratchRoot, async (scratch) => {
          const places = { files: join(scratch, 'files'), own: join(scratch, 'own') };
          await writeAll(files, places.files);
          await writeAll(ownFiles(own), places.own);
          const run = await runConfined([...confinement.prefix, binary, ...command(places)], scratch, limits, signal);
          if (run.exitCode === 0) return { ok: true, output: run.stdout };
          return { ok: false, message: messageOf(run.stderr, scratch, clean) };
        }),
      ),
  };
}

const ownFiles = (own: Readonly<Record<string, string>>): readonly RenderFile[] =>
  Object.entries(own).map(([path, text]) => ({ path, bytes: new TextEncoder().encode(text) }));

async function inScratchFolder<T>(root: string, use: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = await mkdtemp(join(await realpath(root), 'sluice-render-'));
  try {
    await chmod(scratch, 0o700);
    return await use(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function writeAll(files: readonly RenderFile[], root: string): Promise<void> {
  await mkdir(root);
  const paths = files.map(({ path, bytes }) => ({ target: resolve(root, path), path, bytes }));
  for (const { target, path } of paths) {
    if (!target.startsWith(`${root}${sep}`)) throw new Error(`${path} lies outside of the scratch folder`);
  }
  for (const folder of new Set(paths.map(({ target }) => dirname(target)))) await mkdir(folder, { recursive: true });
  for (const { target, bytes } of paths) await writeFile(target, bytes, { flag: 'wx' });
}

type Run = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };
type Limits = { readonly tool: string; readonly timeoutMs: number; readonly maxOutputBytes: number };

function runConfined(command: readonly string[], scratch: string, { tool, timeoutMs, maxOutputBytes }: Limits, signal: AbortSignal): Promise<Run> {
  const { promise, resolve: settle, reject } = Promise.withResolvers<Run>();
  const [program = '', ...rest] = command;
  // `detached` gives it a process group of its own, so that whatever it starts ends with it.
  const child = spawn(program, rest, { cwd: scratch, env: environment(scratch), stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let stdoutBytes = 0;
  let stderrBytes = 0;
  let failure: unknown;

  function stop(reason: unknown): void {
    failure ??= reason;
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It ended by itself a moment ago.
    }
  }
  const onAbort = () => stop(signal.reason);
  const timer = setTimeout(
    () => stop(new PortError('renderer', 'TIMEOUT', `${tool} took longer than ${timeoutMs} ms: split the Application`, { cause: undefined })),
    timeoutMs,
  );
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();

  child.stdout.on('data', (chunk: Buffer) => {
    stdoutBytes += chunk.byteLength;
    if (stdoutBytes <= maxOutputBytes) stdout.push(chunk);
    else stop(new PortError('renderer', 'INVALID', `${tool} wrote more than ${maxOutputBytes} bytes: split the Application`, { cause: undefined }));
  });
  child.stderr.on('data', (chunk: Buffer) => {
    if (stderrBytes < maxErrorBytes) stderr.push(chunk);
    stderrBytes += chunk.byteLength;
  });
  child.on('error', (cause) => {
    failure ??= new PortError(
      'renderer',
      'UNREACHABLE',
      `${program} cannot be started (${'code' in cause ? String(cause.code) : cause.name}): see that it is installed where Sluice runs`,
      { cause },
    );
    end(-1);
  });
  child.on('close', (exitCode, endedBy) => {
    if (exitCode === null)
      failure ??= new PortError('renderer', 'UNREACHABLE', `${tool} was ended from outside by ${endedBy}: mostly for want of memory where Sluice runs`, {
        cause: undefined,
      });
    end(exitCode ?? -1);
  });

  function end(exitCode: number): void {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    if (failure !== undefined) reject(failure);
    else settle({ exitCode, stdout: Buffer.concat(stdout).toString('utf8'), stderr: Buffer.concat(stderr).toString('utf8') });
  }
  return promise;
}

/** Nothing of our own environment. A build lives for a moment: collecting garbage only near the limit makes it a third faster. */
const environment = (scratch: string): Record<string, string> => ({
  HOME: scratch,
  TMPDIR: scratch,
  PATH: '',
  HTTP_PROXY: 'http://127.0.0.1:9',
  HTTPS_PROXY: 'http://127.0.0.1:9',
  GOGC: 'off',
  GOMEMLIMIT: `${memoryMiB}MiB`,
});

function messageOf(stderr: string, scratch: string, clean: (message: string) => string): string {
  if (/out of memory|cannot allocate memory/.test(stderr)) return `needs more memory than the ${memoryMiB} MiB that it is meant to use`;
  const text = clean(
    ['files', 'own']
      .map((folder) => join(scratch, folder))
      .reduce((message, folder) => message.replaceAll(`${folder}${sep}`, '').replaceAll(folder, '.'), stderr)
      .replaceAll(scratch, '.')
      .replace(/^Error: /m, ''),
  ).trim();
  return text.length > maxMessageLength ? `${text.slice(0, maxMessageLength)}…` : text === '' ? 'failed without a word' : text;
}

/** At most `count` at a time, in the order of asking. */
function openSlots(count: number) {
  let free = count;
  const waiting: (() => void)[] = [];

  async function enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (free > 0) return void free--;
    const { promise, resolve: go, reject } = Promise.withResolvers<void>();
    const leaveQueue = () => {
      const place = waiting.indexOf(go);
      if (place === -1) return; // Called in a moment ago: the abort is the build's business now.
      waiting.splice(place, 1);
      reject(signal.reason);
    };
    waiting.push(go);
    signal.addEventListener('abort', leaveQueue, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', leaveQueue));
  }

  return async <T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> => {
    await enter(signal);
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
