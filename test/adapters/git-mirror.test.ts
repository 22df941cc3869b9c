import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type GitSourceSettings, openGitSource } from '../../src/adapters/git-source.ts';
import type { Ref, RepositoryAccess } from '../../src/source/source.ts';
import { checkout } from '../../src/sync/checkout.ts';
import { openGitHttpBackend } from '../contract/git-http-backend.ts';
import { openGitWork } from '../contract/git-work.ts';

const { signal } = new AbortController();
const rebuilding = 'rebuilding the mirror of a repository';

let cleanUp: AsyncDisposableStack;
let cacheDir: string;
beforeEach(() => {
  cleanUp = new AsyncDisposableStack();
  cacheDir = mkdtempSync(join(tmpdir(), 'sluice-mirrors-'));
  cleanUp.defer(() => rmSync(cacheDir, { recursive: true, force: true }));
});
afterEach(async () => cleanUp.disposeAsync());

async function openMirrored(settings: Partial<GitSourceSettings> = {}) {
  const host = cleanUp.use(await openGitHttpBackend());
  const work = openGitWork(host);
  cleanUp.defer(work.close);
  const notes: { readonly message: string; readonly why: unknown }[] = [];
  const log = { info: (facts: object, message: string) => void notes.push({ message, why: 'why' in facts ? facts.why : undefined }), warn() {} };
  const source = cleanUp.use(openGitSource({ cacheDir, timeoutMs: 10_000, log, ...settings }));
  const access: RepositoryAccess = { repository: { namespace: 'shop', name: 'config' }, url: host.url, credentials: { token: host.token } };
  return {
    source,
    access,
    notes,
    /** Commits, pushes, and fetches as a refresh does. */
    async push(files: Parameters<typeof work.commit>[0]): Promise<Ref> {
      await work.commit(files);
      await work.push();
      const [tip] = await source.refs(access, ['refs/heads/main'], signal);
      if (tip === undefined) throw new Error('no branch main');
      await source.fetch(access, tip, signal);
      return tip;
    },
    /** Reads a file as a sync does, fetching what is not here. */
    async read({ name, commit }: Ref, path: string): Promise<string> {
      const { files } = await checkout(source, access, { revision: commit, ref: name }, signal);
      const bytes = await files.read(path);
      return bytes === undefined ? '' : Buffer.from(bytes).toString();
    },
  };
}

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** More than are written one by one beside their pack. */
const manyFiles = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`apps/app-${index}.yaml`, `name: app-${index}\n`]));

describe('a mirror whose files were damaged under it', () => {
  it.each([
    { what: 'a truncated index', damaged: '.idx', damage: (file: string) => truncateSync(file, 1100), why: /./ },
    { what: 'an empty index', damaged: '.idx', damage: (file: string) => truncateSync(file, 0), why: /./ },
    { what: 'a missing pack', damaged: '.pack', damage: (file: string) => rmSync(file), why: /packfile/ },
    { what: 'a truncated pack', damaged: '.pack', damage: (file: string) => truncateSync(file, 2000), why: /./ },
    { what: 'a missing index', damaged: '.idx', damage: (file: string) => rmSync(file), why: /commit [0-9a-f]{40} did not arrive/ },
    { what: 'nothing left in its folder', damaged: '', damage: (file: string) => rmSync(file), why: /commit [0-9a-f]{40} did not arrive/ },
  ])(
    'with $what is built anew, says why, and gives every file of the tip',
    async ({ damaged, damage, why }) => {
      const { push, read, notes } = await openMirrored({ cacheIdleMs: 0 });
      const tip = await push(manyFiles);
      for (const file of filesBelow(cacheDir).filter((name) => name.endsWith(damaged))) damage(file);

      // The packs leave the thread's memory a moment after the last read, and what was read stays in ours: each attempt reads another file.
      let next = 0;
      await vi.waitFor(
        async () => {
          next += 1;
          expect(await read(tip, `apps/app-${next}.yaml`)).toBe(`name: app-${next}\n`);
          expect(notes[0]).toEqual({ message: rebuilding, why: expect.stringMatching(why) });
        },
        { timeout: 40_000, interval: 20 },
      );
      expect(await read(await push({ 'apps/app-7.yaml': 'name: next\n' }), 'apps/app-7.yaml')).toBe('name: next\n');
      expect(notes).toHaveLength(1);
    },
    60_000,
  );
});

it('a mirror with too many packs is built anew, and commits that it let go are fetched again when somebody runs them', async () => {
  const { push, read, source, access, notes } = await openMirrored({ maxPacks: 3 });
  const first = await push({ a: '1' });
  await source.commit(access, first.commit, signal);
  for (const a of ['2', '3', '4', '5']) await push({ a });

  expect(notes).toEqual([{ message: rebuilding, why: 'more than 3 packs' }]);
  expect(await read(first, 'a')).toBe('1');
});
