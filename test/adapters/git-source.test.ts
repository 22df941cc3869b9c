import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type GitSourceSettings, openGitSource } from '../../src/adapters/git-source.ts';
import { isPortError, type PortError } from '../../src/model/port-error.ts';
import { filesAt } from '../../src/source/files.ts';
import { firstParentsBetween } from '../../src/source/history.ts';
import type { Ref, RepositoryAccess } from '../../src/source/source.ts';
import { openGitHttpBackend } from '../contract/git-http-backend.ts';
import { openGitWork } from '../contract/git-work.ts';

const repository = { namespace: 'shop', name: 'config' };
const token = 'a-secret-token';
const { signal } = new AbortController();

let cleanUp: AsyncDisposableStack;
let cacheDir: string;
beforeEach(() => {
  cleanUp = new AsyncDisposableStack();
  cacheDir = mkdtempSync(join(tmpdir(), 'sluice-mirrors-'));
  cleanUp.defer(() => rmSync(cacheDir, { recursive: true, force: true }));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await cleanUp.disposeAsync();
});

function openSource(settings: Partial<GitSourceSettings> = {}) {
  const notes: string[] = [];
  const log = { info: (_facts: object, message: string) => void notes.push(message), warn: (_facts: object, message: string) => void notes.push(message) };
  return { source: cleanUp.use(openGitSource({ cacheDir, timeoutMs: 10_000, log, ...settings })), notes };
}

async function serve(listener: (...exchange: Parameters<RequestListener>) => void | Promise<void>): Promise<string> {
  const server = createServer((asked, answer) => void Promise.resolve(listener(asked, answer)).catch((error: unknown) => answer.destroy(error as Error)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.defer(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A real repository behind a server that counts requests and may change answers. */
async function openRepository(
  change: (path: string, answer: Buffer) => Buffer = (_path, answer) => answer,
  passedOn = ['authorization', 'content-type', 'git-protocol'],
) {
  const host = cleanUp.use(await openGitHttpBackend());
  const work = openGitWork(host);
  cleanUp.defer(work.close);
  const requests: string[] = [];
  const front = await serve(async (asked, answer) => {
    requests.push(`${asked.method} ${asked.url}`);
    if (asked.url?.startsWith('/moved.git')) {
      answer.writeHead(301, { location: asked.url.replace('moved', 'repository') }).end();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of asked) chunks.push(chunk);
    const headers = Object.fromEntries(passedOn.flatMap((name) => (typeof asked.headers[name] === 'string' ? [[name, asked.headers[name]]] : [])));
    const target = `${new URL(host.url).origin}${asked.url}`;
    const inner = await fetch(target, { method: asked.method ?? 'GET', headers, ...(asked.method === 'POST' ? { body: Buffer.concat(chunks) } : {}) });
    answer
      .writeHead(inner.status, { 'content-type': inner.headers.get('content-type') ?? '' })
      .end(change(asked.url ?? '', Buffer.from(await inner.arrayBuffer())));
  });
  const access: RepositoryAccess = { repository, url: `${front}/repository.git`, credentials: { token: host.token } };
  const push = async (files: Parameters<typeof work.commit>[0]): Promise<Ref> => {
    const commit = await work.commit(files);
    await work.push();
    return { name: 'refs/heads/main', commit };
  };
  return { access, push, requests, work };
}

type Source = ReturnType<typeof openGitSource>;

const tipOf = async (source: Source, access: RepositoryAccess): Promise<Ref> => {
  const [tip] = await source.refs(access, ['refs/heads/main'], signal);
  if (tip === undefined) throw new Error('no branch main');
  return tip;
};

async function textAt(source: Source, access: RepositoryAccess, commit: string, path: string): Promise<string | undefined> {
  const bytes = await filesAt(source, access, await source.commit(access, commit, signal), signal).read(path);
  return bytes && Buffer.from(bytes).toString();
}

async function failureOf(work: Promise<unknown>): Promise<PortError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isPortError(error)) throw new Error(`no PortError but ${String(error)}`);
  return error;
}

describe('what a host answers', () => {
  const html: RequestListener = (_asked, answer) => void answer.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>');
  const status =
    (code: number, headers: Record<string, string> = {}): RequestListener =>
    (_asked, answer) =>
      void answer.writeHead(code, headers).end(`you said ${token}`);
  const sha256 = '001e# service=git-upload-pack\n0000000eversion 2\n0019object-format=sha256\n0000';

  it.each<{ what: string; listener: RequestListener; code: string; says: string }>([
    { what: '401', listener: status(401), code: 'UNAUTHORIZED', says: 'refuses the credentials' },
    { what: '403', listener: status(403), code: 'UNAUTHORIZED', says: 'read access' },
    { what: '404', listener: status(404), code: 'NOT_FOUND', says: 'no such repository' },
    { what: '429', listener: status(429, { 'retry-after': '7' }), code: 'UNREACHABLE', says: 'fewer requests' },
    { what: '503', listener: status(503), code: 'UNREACHABLE', says: '503' },
    {
      what: 'a move to another host',
      listener: status(301, { location: 'https://elsewhere.example/r.git/info/refs?service=git-upload-pack' }),
      code: 'INVALID',
      says: 'has moved',
    },
    { what: 'a page for people', listener: html, code: 'INVALID', says: 'no Git repository answers' },
    { what: 'SHA-256', listener: (_asked, answer) => void answer.end(sha256), code: 'INVALID', says: 'SHA-256' },
    {
      what: 'half an answer',
      listener: (_asked, answer) => void answer.end('001e# service=git-upload-pack\n0000000eversion 2\n'),
      code: 'UNREACHABLE',
      says: 'ends too early',
    },
  ])('$what is $code', async ({ what, listener, code, says }) => {
    const access = { repository, url: `${await serve(listener)}/r.git`, credentials: { token } };
    const error = await failureOf(openSource().source.refs(access, ['refs/heads/main'], signal));

    expect(error).toMatchObject({ port: 'source', code });
    expect(error.message).toMatch(/^Repository shop\/config \(http:\/\/127\.0\.0\.1:\d+\/r\.git\): /);
    expect(error.message).toContain(says);
    expect(`${error.stack}${String(error.cause)}`).not.toContain(token);
    expect(error.retryAfterMs).toBe(what === '429' ? 7000 : undefined);
  });

  it('no answer is TIMEOUT, and nobody there UNREACHABLE', async () => {
    const silent = { repository, url: `${await serve(() => {})}/r.git` };
    const nobody = { repository, url: 'http://user:hidden@127.0.0.1:1/r.git' };
    const { source } = openSource({ timeoutMs: 200 });

    expect(await failureOf(source.refs(silent, ['refs/'], signal))).toMatchObject({ code: 'TIMEOUT' });
    const error = await failureOf(source.refs(nobody, ['refs/'], signal));
    expect(error).toMatchObject({ code: 'UNREACHABLE' });
    expect(`${error.stack}${String(error.cause)}`).not.toContain('hidden');
  });

  it('a move within the host is followed, and remembered', async () => {
    const { access, push, requests } = await openRepository();
    const ref = await push({ a: '1' });
    const { source } = openSource();
    const moved = { ...access, url: access.url.replace('repository', 'moved') };
    await source.refs(moved, ['refs/heads/main'], signal);
    requests.length = 0;

    expect(await source.refs(moved, ['refs/heads/main'], signal)).toEqual([ref]);
    expect(requests).toEqual(['POST /repository.git/git-upload-pack']);
  });

  it('a damaged pack is refused and asked for again next time', async () => {
    let damage = true;
    const { access, push } = await openRepository((path, answer) => {
      if (!damage || !path.endsWith('/git-upload-pack') || answer.indexOf('packfile') === -1) return answer;
      damage = false;
      answer.writeUInt8(answer.readUInt8(answer.length - 40) ^ 0xff, answer.length - 40);
      return answer;
    });
    const ref = await push({ a: '1' });
    const { source } = openSource();

    expect(await failureOf(source.fetch(access, ref, signal))).toMatchObject({ code: 'UNREACHABLE', message: expect.stringContaining('damaged') });
    await source.fetch(access, ref, signal);
    expect(await textAt(source, access, ref.commit, 'a')).toBe('1');
  });
});

describe('the mirror', () => {
  it('asks twice for a push: refs and pack, each one request', async () => {
    const { access, push, requests } = await openRepository();
    await push({ a: '1' });
    const { source } = openSource();
    await source.fetch(access, await tipOf(source, access), signal);
    requests.length = 0;
    const { commit } = await push({ a: '2' });
    await source.fetch(access, await tipOf(source, access), signal);

    expect(await textAt(source, access, commit, 'a')).toBe('2');
    expect(requests).toEqual(['POST /repository.git/git-upload-pack', 'POST /repository.git/git-upload-pack']);
  });

  it('is built anew when its files are damaged', async () => {
    const { access, push } = await openRepository();
    const { commit } = await push({ a: 'one', b: 'two' });
    const { source, notes } = openSource({ cacheIdleMs: 0 });
    await source.fetch(access, await tipOf(source, access), signal);
    const { tree } = await source.commit(access, commit, signal);
    const entries = await source.tree(access, tree, signal);
    for (const file of filesBelow(cacheDir).filter((name) => name.endsWith('.idx'))) truncateSync(file, 1100);
    await new Promise((resolve) => setImmediate(resolve));

    // the packs leave the thread's memory a moment after the last read
    await vi.waitFor(async () => {
      await source.blob(access, '0'.repeat(40), 100, signal).catch(() => undefined);
      expect(notes).toContain('rebuilding the mirror of a repository');
    }, 5_000);
    expect(Buffer.from(await source.blob(access, entries[0]?.id ?? '', 100, signal)).toString()).toBe('one');
    expect(notes).toHaveLength(1);
  });

  it('is built anew after many fetches, and knows the last tip still', async () => {
    const { access, push } = await openRepository();
    const { source, notes } = openSource({ maxPacks: 3 });
    const tips: Ref[] = [];
    for (const a of ['1', '2', '3', '4', '5']) {
      await push({ a });
      const tip = await tipOf(source, access);
      await source.fetch(access, tip, signal);
      tips.push(tip);
    }
    const readCommit = async (id: string) => source.commit(access, id, signal);

    expect(notes).toEqual(['rebuilding the mirror of a repository']);
    expect(await textAt(source, access, tips[4]?.commit ?? '', 'a')).toBe('5');
    expect(await firstParentsBetween(readCommit, tips[2]?.commit, tips[4]?.commit ?? '', 500)).toMatchObject({
      kind: 'continued',
      commits: [{ id: tips[3]?.commit }, { id: tips[4]?.commit }],
    });
  });

  it('goes on with the history after a restart when the last known tip is fetched first', async () => {
    const { access, push } = await openRepository();
    const known = await push({ a: '1' });
    await push({ a: '2' });
    await push({ a: '3' });
    const { source } = openSource();
    const tip = await tipOf(source, access);
    await source.fetch(access, known, signal);
    await source.fetch(access, tip, signal);
    const line = await firstParentsBetween(async (id) => source.commit(access, id, signal), known.commit, tip.commit, 500);

    expect(line).toMatchObject({ kind: 'continued', commits: [{}, { id: tip.commit }] });
  });

  it("leaves a pack over the limit to the system's git", async () => {
    const { access, push } = await openRepository();
    await push({ large: Array.from({ length: 5000 }, (_, index) => (index * 7919).toString(36)).join('-') });
    const { source, notes } = openSource({ maxPackBytes: 5_000 });
    const first = await tipOf(source, access);
    const { receivedBytes } = await source.fetch(access, first, signal);
    const { commit } = await push({ small: 'yes' });
    await source.fetch(access, await tipOf(source, access), signal);

    expect(notes).toEqual(["the system's git takes a repository over"]);
    expect(receivedBytes).toBeGreaterThan(5_000);
    expect(await textAt(source, access, commit, 'small')).toBe('yes');
    expect(await textAt(source, access, commit, 'large')).toHaveLength((await textAt(source, access, first.commit, 'large'))?.length ?? -1);
    expect(await failureOf(source.fetch(access, { name: 'refs/heads/main', commit: '1'.repeat(40) }, signal))).toMatchObject({ code: 'NOT_FOUND' });
    expect(
      await failureOf(source.fetch({ ...access, credentials: { token: 'wrong' } }, { name: 'refs/heads/main', commit: '1'.repeat(40) }, signal)),
    ).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it("leaves a host that speaks version 1 only to the system's git", async () => {
    const { access, push } = await openRepository(undefined, ['authorization', 'content-type']);
    const { source, notes } = openSource();
    await push({ a: '1' });
    const before = await tipOf(source, access);
    await source.fetch(access, before, signal);
    const { commit } = await push({ a: '2' });
    const after = await tipOf(source, access);
    await source.fetch(access, after, signal);

    expect(after.commit).toBe(commit);
    expect(await textAt(source, access, commit, 'a')).toBe('2');
    expect(await firstParentsBetween(async (id) => source.commit(access, id, signal), before.commit, commit, 500)).toMatchObject({ kind: 'continued' });
    expect(notes).toEqual(["the system's git takes a repository over"]);
  });

  it('names the limit when there is no git on the machine', async () => {
    const { access, push } = await openRepository();
    await push({ large: Array.from({ length: 5000 }, (_, index) => (index * 7919).toString(36)).join('-') });
    const { source } = openSource({ maxPackBytes: 5_000 });
    vi.stubEnv('PATH', '/nowhere');
    await source.commit(access, '1'.repeat(40), signal).catch(() => undefined); // the thread starts with this PATH
    vi.unstubAllEnvs();
    const tip = await tipOf(source, access);
    const error = await failureOf(source.fetch(access, tip, signal));

    expect(error).toMatchObject({ code: 'INVALID', message: expect.stringMatching(/larger than 5000 bytes \(maxPackBytes\); install git/) });
  });

  it('goes on fetching for one caller when another leaves', async () => {
    const { access, push } = await openRepository();
    const ref = await push({ a: '1' });
    const { source } = openSource();
    const leaving = new AbortController();
    const left = source.fetch(access, ref, leaving.signal);
    const staying = source.fetch(access, ref, signal);
    leaving.abort(new Error('gone home'));

    await expect(left).rejects.toThrow('gone home');
    expect((await staying).receivedBytes).toBeGreaterThan(0);
  });

  it('has a folder that goes with it, and sweeps those of processes that were killed', async () => {
    const id = '00000000-0000-4000-8000-000000000000';
    const dead = `mirrors.${hostname()}.4194305.${id}`; // above Linux's largest process id
    const others = [`mirrors.elsewhere.4194305.${id}`, `mirrors.${hostname()}.${process.ppid}.${id}`, 'not-ours'];
    for (const name of [dead, ...others]) mkdirSync(join(cacheDir, name));
    const { access, push } = await openRepository();
    const ref = await push({ a: '1' });
    const { source } = openSource();
    await source.fetch(access, ref, signal);

    expect(readdirSync(cacheDir)).toEqual(expect.arrayContaining([...others, expect.stringContaining(`.${process.pid}.`)]));
    expect(readdirSync(cacheDir)).not.toContain(dead);
    await source[Symbol.asyncDispose]();
    await vi.waitFor(() => expect(readdirSync(cacheDir).sort()).toEqual(others.toSorted()));
  });
});

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
