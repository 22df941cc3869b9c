import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGitSource } from '../../src/adapters/git-source.ts';
import { filesAt } from '../../src/source/files.ts';
import { firstParentsBetween } from '../../src/source/history.ts';
import type { Ref, RepositoryAccess, Source } from '../../src/source/source.ts';
import { fakeRepository } from '../fakes/fake-source.ts';
import { realParts } from '../real-parts.ts';
import { openGitHttpBackend } from './git-http-backend.ts';
import { openGitWork, type WorkFiles } from './git-work.ts';

const repository = { namespace: 'shop', name: 'config' };
const { signal } = new AbortController();

type Opened = AsyncDisposable & {
  readonly source: Source;
  readonly access: RepositoryAccess;
  /** One commit on a branch, pushed; its id. */
  push(files: WorkFiles, branch?: string): Promise<string>;
  /** A commit without parents takes the branch's place. */
  rewrite(files: WorkFiles, branch: string): Promise<string>;
  branch(name: string, commit: string): Promise<void>;
  /** Makes an annotated tag, or moves the one that there is. */
  tag(name: string, commit: string): Promise<void>;
  remove(ref: string): Promise<void>;
};

async function openFake(): Promise<Opened> {
  const fake = fakeRepository(repository);
  return {
    source: fake.source,
    access: fake.access,
    push: async (files, branch = 'main') => fake.commit(files, { branch }),
    rewrite: async (files, branch) => fake.commit(files, { branch, parents: [] }),
    branch: async (name, commit) => fake.branch(name, commit),
    tag: async (name, commit) => fake.tag(name, commit),
    remove: async (ref) => fake.point(ref, undefined),
    async [Symbol.asyncDispose]() {},
  };
}

type Host = AsyncDisposable & { readonly url: string; readonly token: string };

async function openGitea(): Promise<Host> {
  const { gitea } = realParts();
  const { cloneUrl } = await gitea.createRepository('source-contract');
  return { url: cloneUrl, token: gitea.token, async [Symbol.asyncDispose]() {} };
}

const openReal = (openHost: () => Promise<Host>) => async (): Promise<Opened> => {
  const host = await openHost();
  const cacheDir = mkdtempSync(join(tmpdir(), 'sluice-mirrors-'));
  const work = openGitWork(host);
  const source = openGitSource({ cacheDir, timeoutMs: 20_000 });
  return {
    source,
    access: { repository, url: host.url, credentials: { token: host.token } },
    async push(files, branch = 'main') {
      const exists = (await work.git('branch', '--list', branch)) !== '';
      if (exists) await work.git('checkout', '-q', branch);
      else if (branch !== 'main') await work.git('checkout', '-q', '-b', branch);
      const commit = await work.commit(files);
      await work.push(branch);
      return commit;
    },
    async rewrite(files, branch) {
      await work.git('checkout', '-q', '--orphan', 'rewritten');
      const commit = await work.commit(files);
      await work.push(branch, '--force');
      await work.git('branch', '-q', '-M', 'rewritten', branch);
      return commit;
    },
    async branch(name, commit) {
      await work.git('branch', '-f', name, commit);
      await work.git('push', '-q', host.url, `refs/heads/${name}`);
    },
    async tag(name, commit) {
      await work.git('tag', '-a', '-f', '-m', name, name, commit);
      await work.git('push', '-q', '--force', host.url, `refs/tags/${name}`);
    },
    async remove(ref) {
      await work.git('push', '-q', host.url, `:${ref}`);
    },
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      work.close();
      rmSync(cacheDir, { recursive: true, force: true });
      await host[Symbol.asyncDispose]();
    },
  };
};

describe.each([
  { name: 'fake', open: openFake, real: false },
  { name: 'git http-backend', open: openReal(openGitHttpBackend), real: true },
  { name: 'Gitea', open: openReal(openGitea), real: true },
])('Source contract: $name', ({ open, real }) => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await open();
  }, 120_000);
  afterAll(async () => opened?.[Symbol.asyncDispose]());

  const main = async (branch = 'main'): Promise<Ref> => {
    const found = (await opened.source.refs(opened.access, [`refs/heads/${branch}`], signal)).find(({ name }) => name === `refs/heads/${branch}`);
    if (found === undefined) throw new Error(`no branch ${branch}`);
    return found;
  };
  const fetchRef = async (ref: Ref) => opened.source.fetch(opened.access, ref, signal);
  const readCommit = async (id: string) => opened.source.commit(opened.access, id, signal);
  const filesOf = async (id: string) => filesAt(opened.source, opened.access, await readCommit(id), signal);
  const textAt = async (id: string, path: string) => {
    const bytes = await (await filesOf(id)).read(path);
    return bytes && Buffer.from(bytes).toString();
  };

  it('has no refs in an empty repository', async () => {
    expect(await opened.source.refs(opened.access, ['refs/'], signal)).toEqual([]);
  });

  it('lists what stands below the prefixes now, an annotated tag as its commit', async () => {
    const commit = await opened.push({ 'apps/web/values.yaml': 'a: 1\n', 'README.md': 'the shop\n', linked: { symlink: 'apps' } });
    await opened.branch('other', commit);
    await opened.tag('v1', commit);

    expect(await opened.source.refs(opened.access, ['refs/heads/main'], signal)).toEqual([{ name: 'refs/heads/main', commit }]);
    expect(await opened.source.refs(opened.access, ['refs/heads/', 'refs/tags/v1'], signal)).toEqual(
      expect.arrayContaining(['refs/heads/main', 'refs/heads/other', 'refs/tags/v1'].map((name) => ({ name, commit }))),
    );
    expect(await opened.source.refs(opened.access, ['refs/heads/nope'], signal)).toEqual([]);
    expect(await opened.source.refs(opened.access, [], signal)).toEqual([]);
  });

  it('reads a commit, its trees and its files once they were fetched', async () => {
    const ref = await main();
    await expect(readCommit(ref.commit)).rejects.toMatchObject({ name: 'PortError', port: 'source', code: 'NOT_FOUND' });
    await fetchRef(ref);

    expect(await readCommit(ref.commit)).toMatchObject({
      id: ref.commit,
      parents: [],
      author: 'Shop Developer <developer@example.org>',
      message: expect.stringMatching(/^a change/),
    });
    expect((await (await filesOf(ref.commit)).list(''))?.map(({ name, type }) => `${type} ${name}`)).toEqual(['blob README.md', 'tree apps', 'symlink linked']);
    expect(await textAt(ref.commit, 'apps/web/values.yaml')).toBe('a: 1\n');
  });

  it('sends nothing for a commit that is here, and fetches once for those who ask together', async () => {
    await opened.push({ 'apps/web/values.yaml': 'a: 2\n' });
    const ref = await main();
    const received = await Promise.all([fetchRef(ref), fetchRef(ref), fetchRef(ref)]);

    expect(Math.max(...received.map(({ receivedBytes }) => receivedBytes))).toBeGreaterThan(0);
    expect(await fetchRef(ref)).toEqual({ receivedBytes: 0 });
    expect(await fetchRef({ name: 'refs/heads/another-name', commit: ref.commit })).toEqual({ receivedBytes: 0 });
  });

  it('brings the commits between two tips of a branch', async () => {
    const before = await main();
    await fetchRef(before);
    const pushed = [await opened.push({ a: '1' }), await opened.push({ a: '2', b: 'x' }), await opened.push({ a: '3' })];
    const after = await main();
    await fetchRef(after);

    const line = await firstParentsBetween(readCommit, before.commit, after.commit, 500);
    expect(line).toMatchObject({ kind: 'continued', commits: pushed.map((id) => ({ id })) });
    expect(await Promise.all(pushed.map(async (id) => textAt(id, 'a')))).toEqual(['1', '2', '3']);
  });

  it('fetches an older commit by its id', async () => {
    const older = await opened.push({ 'only-here': 'yes' }, 'long');
    await opened.push({ 'only-here': undefined }, 'long');
    const tip = await main('long');
    await fetchRef(tip);
    await fetchRef({ name: tip.name, commit: older });

    expect(await textAt(older, 'only-here')).toBe('yes');
    expect(await textAt(tip.commit, 'only-here')).toBeUndefined();
  });

  it('reads a branch that was rewritten, and sees that it was', async () => {
    await opened.push({ a: 'old' }, 'moody');
    const before = await main('moody');
    await fetchRef(before);
    await opened.rewrite({ a: 'new' }, 'moody');
    const after = await main('moody');
    await fetchRef(after);

    expect(await textAt(after.commit, 'a')).toBe('new');
    expect(await firstParentsBetween(readCommit, before.commit, after.commit, 500)).toEqual({ kind: 'rewritten' });
  });

  it('reads a tag that was moved, forward and back', async () => {
    const commits = [await opened.push({ tagged: '1' }, 'releases'), await opened.push({ tagged: '2' }, 'releases')];
    for (const [commit = '', text] of [
      [commits[0], '1'],
      [commits[1], '2'],
      [commits[0], '1'],
    ] as const) {
      await opened.tag('moving', commit);
      const [tag] = await opened.source.refs(opened.access, ['refs/tags/moving'], signal);
      expect(tag).toEqual({ name: 'refs/tags/moving', commit });
      if (tag !== undefined) await fetchRef(tag);
      expect(await textAt(commit, 'tagged')).toBe(text);
    }
  });

  it('no longer lists a branch that was deleted, reads its last commit still, and lists it again when it is back', async () => {
    const commit = await opened.push({ a: 'doomed' }, 'doomed');
    await fetchRef(await main('doomed'));
    await opened.remove('refs/heads/doomed');
    expect(await opened.source.refs(opened.access, ['refs/heads/doomed'], signal)).toEqual([]);
    expect(await textAt(commit, 'a')).toBe('doomed');

    const next = await opened.push({ a: 'back' }, 'doomed');
    await fetchRef(await main('doomed'));
    expect(await textAt(next, 'a')).toBe('back');
  });

  it('refuses a commit that the host does not have', async () => {
    const missing = { name: 'refs/heads/main', commit: '1'.repeat(40) };

    await expect(fetchRef(missing)).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('1'.repeat(40)) });
  });

  it('refuses a file that is larger than allowed', async () => {
    const { commit } = await main();
    await fetchRef({ name: 'refs/heads/main', commit });
    const entry = await (await filesOf(commit)).entry('README.md');

    await expect(opened.source.blob(opened.access, entry?.id ?? '', 3, signal)).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('9 bytes'),
    });
    expect(await opened.source.blob(opened.access, entry?.id ?? '', 9, signal)).toHaveLength(9);
    await expect(opened.source.blob(opened.access, entry?.id ?? '', 3, signal)).rejects.toMatchObject({ code: 'INVALID' });
  });

  it('stops at once for an aborted signal', async () => {
    const aborted = AbortSignal.abort(new Error('no longer wanted'));

    await expect(opened.source.refs(opened.access, ['refs/heads/main'], aborted)).rejects.toThrow('no longer wanted');
    await expect(opened.source.fetch(opened.access, await main(), aborted)).rejects.toThrow('no longer wanted');
  });

  it.runIf(real)(
    'receives little for one more commit of a repository with 2,000 files',
    async () => {
      const files = Object.fromEntries(
        Array.from({ length: 2000 }, (_, index) => [
          `apps/app-${index}/values.yaml`,
          `name: app-${index}\nsecret: ${Array.from({ length: 20 }, (__, part) => (index * 7919 + part * 104_729).toString(36)).join('-')}\n`,
        ]),
      );
      await opened.push(files, 'large');
      const first = await main('large');
      const { receivedBytes: atFirst } = await fetchRef(first);
      await opened.push({ 'apps/app-7/values.yaml': 'name: changed\n' }, 'large');
      const second = await main('large');
      const { receivedBytes: then } = await fetchRef(second);

      expect(atFirst).toBeGreaterThan(150_000);
      expect(then).toBeLessThan(50_000);
      expect(await textAt(second.commit, 'apps/app-7/values.yaml')).toBe('name: changed\n');
      expect(await textAt(second.commit, 'apps/app-8/values.yaml')).toBe(files['apps/app-8/values.yaml']);
    },
    60_000,
  );
});
