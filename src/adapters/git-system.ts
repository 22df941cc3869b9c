import { spawn } from 'node:child_process';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PortError } from '../model/port-error.ts';
import type { RepositoryAccess } from '../source/source.ts';
import { authorizationOf, withoutCredentials } from './git-http.ts';
import type { GitObject } from './git-objects.ts';
import type { FetchingStore } from './git-pack-store.ts';
import { repositoryText } from './git-upload-pack.ts';

type Settings = { readonly folder: string; readonly timeoutMs: number; readonly why: string };

/**
 * Objects fetched and read by the system's `git`: for packs that are too large to be held in memory, and for hosts with an old protocol.
 * Throws  PortError('source', INVALID) when there is no `git`; `why` says what it was needed for.
 */
export async function openSystemStore({ folder, timeoutMs, why }: Settings): Promise<FetchingStore> {
  await mkdir(folder, { recursive: true });
  await run(['init', '--quiet', '--bare', folder], {}, AbortSignal.timeout(timeoutMs)).catch((error: unknown) => {
    throw isMissingBinary(error) ? new PortError('source', 'INVALID', `${why}; install git on this machine, it takes over there`, { cause: error }) : error;
  });
  const objects = openCatFile(folder);

  return {
    read: objects.read,
    async fetch(access, { want, depth }, _maxBytes, signal) {
      const before = await packBytesIn(folder);
      const url = withoutCredentials(access.url);
      const deepen = depth === undefined ? [] : [`--depth=${depth}`];
      const deadline = AbortSignal.timeout(timeoutMs);
      try {
        await run(
          [
            '-C',
            folder,
            '-c',
            'protocol.version=2',
            'fetch',
            '--quiet',
            '--no-tags',
            '--no-write-fetch-head',
            '--no-auto-maintenance',
            ...deepen,
            '--',
            url,
            `+${want}:refs/sluice/${want}`,
          ],
          authorizationSettings(access, url),
          AbortSignal.any([signal, deadline]),
        );
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw failureOf(access, error, deadline.aborted);
      }
      return { receivedBytes: Math.max(0, (await packBytesIn(folder)) - before), shallow: [], unshallow: [] }; // git keeps its own shallow file
    },
    packs: () => 0, // git reads any number of packs well
    async close() {
      await objects.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type GitSettings = Readonly<Record<string, string>>;

/** Credentials go by the environment, which other users of the machine cannot read, unlike arguments; for this address only. */
function authorizationSettings(access: RepositoryAccess, url: string): GitSettings {
  const authorization = authorizationOf(access);
  return {
    'http.followRedirects': 'false',
    'credential.helper': '',
    ...(authorization === undefined ? {} : { [`http.${url}.extraHeader`]: `Authorization: ${authorization}` }),
  };
}

const passedOn = ['PATH', 'http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'GIT_SSL_CAINFO'];

// Nothing of the machine's or a user's Git settings, no prompt, no hook, no protocol but HTTP; every fetch stays one pack.
function environment(settings: GitSettings): NodeJS.ProcessEnv {
  const all = Object.entries({ 'core.hooksPath': '/dev/null', 'gc.auto': '0', 'fetch.unpackLimit': '1', ...settings });
  return {
    ...Object.fromEntries(passedOn.map((name) => [name, process.env[name]])),
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ALLOW_PROTOCOL: 'http:https',
    GIT_CONFIG_COUNT: String(all.length),
    ...Object.fromEntries(
      all.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}

async function run(args: readonly string[], settings: GitSettings, signal: AbortSignal): Promise<void> {
  const child = spawn('git', args, { env: environment(settings), stdio: ['ignore', 'ignore', 'pipe'], signal });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-2000);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.on('error', reject);
  child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(said.replace(/\s+/g, ' ').trim().slice(0, 500) || `git ended with ${code}`))));
  return promise;
}

const failures: readonly (readonly [RegExp, PortError['code'], string])[] = [
  [/not our ref|unadvertised object|couldn't find remote ref/i, 'NOT_FOUND', 'the host does not have the commit (any more)'],
  [
    /Authentication failed|could not read Username|error: 40[13]/i,
    'UNAUTHORIZED',
    'the Git host refuses the credentials; renew them in the Secret that spec.secretRef names',
  ],
  [/repository .* not found|error: 404/i, 'NOT_FOUND', 'no such repository, or the credentials may not see it; correct spec.url, or let their account see it'],
  [
    /Could not resolve|Failed to connect|Connection re|hung up|early EOF|error: 5\d\d/i,
    'UNREACHABLE',
    'the Git host cannot be reached; see that it runs and that spec.url is right',
  ],
];

function failureOf(access: RepositoryAccess, error: unknown, late: boolean): PortError {
  if (late) return new PortError('source', 'TIMEOUT', `${repositoryText(access)}: the Git host did not send the commit in time`, { cause: error });
  const said = error instanceof Error ? error.message : String(error);
  const [, code, reason] = failures.find(([pattern]) => pattern.test(said)) ?? [undefined, 'INVALID' as const, `git failed: ${said}`];
  return new PortError('source', code, `${repositoryText(access)}: ${reason}`, { cause: error });
}

const isMissingBinary = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

async function packBytesIn(folder: string): Promise<number> {
  const packFolder = join(folder, 'objects', 'pack');
  const names = (await readdir(packFolder)).filter((name) => name.endsWith('.pack'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(packFolder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

type Waiting = { readonly resolve: (object: GitObject | undefined) => void; readonly reject: (error: Error) => void };

/** One `git cat-file --batch`: a line with an id in, a header line and the object's bytes out, in order. */
function openCatFile(folder: string) {
  const child = spawn('git', ['-C', folder, 'cat-file', '--batch'], { env: environment({}), stdio: ['pipe', 'pipe', 'ignore'] });
  const waiting: Waiting[] = [];
  let chunks: Buffer[] = [];
  let buffered = 0;
  let neededBytes = 1;

  function ended(error: Error): void {
    for (const { reject } of waiting.splice(0)) reject(error);
  }

  /** Reads whole answers off the front; `neededBytes` keeps a large object from being joined anew with every chunk. */
  function take(): void {
    while (buffered >= neededBytes && waiting.length > 0) {
      const all = Buffer.concat(chunks);
      chunks = [all];
      const lineEnd = all.indexOf(0x0a);
      if (lineEnd === -1) return;
      const [, type = '', size] = all.toString('latin1', 0, lineEnd).split(' ');
      const end = size === undefined ? lineEnd + 1 : lineEnd + 1 + Number(size) + 1;
      if (all.length < end) {
        neededBytes = end;
        return;
      }
      waiting.shift()?.resolve(size === undefined ? undefined : { type, bytes: all.subarray(lineEnd + 1, end - 1) });
      chunks = [all.subarray(end)];
      buffered = all.length - end;
      neededBytes = 1;
    }
  }

  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    buffered += chunk.length;
    take();
  });
  child.on('error', ended);
  child.stdin.on('error', ended);
  const closed = new Promise<void>((resolve) =>
    child.on('close', () => {
      ended(new Error('git cat-file ended'));
      resolve();
    }),
  );

  return {
    async read(id: string): Promise<GitObject | undefined> {
      if (child.exitCode !== null || child.stdin.destroyed) throw new Error('git cat-file ended');
      const { promise, resolve, reject } = Promise.withResolvers<GitObject | undefined>();
      waiting.push({ resolve, reject });
      child.stdin.write(`${id}\n`);
      return promise;
    },
    async close(): Promise<void> {
      child.stdin.end();
      await closed;
    },
  };
}
