import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedPaths } from '../../src/source/changes.ts';
import type { TreeEntry } from '../../src/source/source.ts';
import { type FakeFile, type FakeFiles, fakeRepository } from '../fakes/fake-source.ts';

const { signal } = new AbortController();

/** The trees of two commits, each made of exactly these files, and what is read of them. */
async function twoTrees(before: FakeFiles, after: FakeFiles) {
  const repository = fakeRepository();
  const read: string[] = [];
  const treeOf = async (files: FakeFiles, branch: string) => {
    const commit = repository.commit(files, { branch });
    await repository.source.fetch(repository.access, { name: `refs/heads/${branch}`, commit }, signal);
    return (await repository.source.commit(repository.access, commit, signal)).tree;
  };
  const readTree = async (id: string): Promise<readonly TreeEntry[]> => {
    read.push(id);
    return repository.source.tree(repository.access, id, signal);
  };
  return { oldTree: await treeOf(before, 'before'), newTree: await treeOf(after, 'after'), readTree, read };
}

const differ = async (before: FakeFiles, after: FakeFiles) => {
  const { readTree, oldTree, newTree } = await twoTrees(before, after);
  return changedPaths(readTree, oldTree, newTree);
};

describe('changedPaths', () => {
  it.each<{ what: string; before: FakeFiles; after: FakeFiles; changed: readonly string[] }>([
    { what: 'nothing', before: { a: '1' }, after: { a: '1' }, changed: [] },
    { what: 'a changed file in a folder', before: { 'apps/web/a': '1', b: '1' }, after: { 'apps/web/a': '2', b: '1' }, changed: ['apps/web/a'] },
    { what: 'added and removed files', before: { a: '1' }, after: { b: '1' }, changed: ['a', 'b'] },
    { what: 'a removed folder', before: { 'x/a': '1', 'x/y/b': '1', c: '' }, after: { c: '' }, changed: ['x/a', 'x/y/b'] },
    { what: 'a file that became a folder', before: { x: '1' }, after: { 'x/a': '1' }, changed: ['x', 'x/a'] },
    { what: 'a folder that became a file', before: { 'x/a': '1' }, after: { x: '1' }, changed: ['x', 'x/a'] },
    { what: 'a file that became a link with the same bytes', before: { x: 'y' }, after: { x: { symlink: 'y' } }, changed: ['x'] },
    { what: 'a submodule that moved', before: { m: { submodule: 'a'.repeat(40) } }, after: { m: { submodule: 'b'.repeat(40) } }, changed: ['m'] },
  ])('sees $what', async ({ before, after, changed }) => {
    expect(await differ(before, after)).toEqual(changed);
  });

  it('names every file when there was no tree before', async () => {
    const { readTree, newTree } = await twoTrees({}, { 'a/b': '1', c: '2' });

    expect(await changedPaths(readTree, undefined, newTree)).toEqual(['a/b', 'c']);
  });

  it('reads only the folders on the way to a change', async () => {
    const files = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`apps/app-${index}/values.yaml`, `${index}`]));
    const { readTree, oldTree, newTree, read } = await twoTrees(files, { ...files, 'apps/app-7/values.yaml': 'new' });

    expect(await changedPaths(readTree, oldTree, newTree)).toEqual(['apps/app-7/values.yaml']);
    expect(read).toHaveLength(6); // the root, apps and app-7, before and after
  });

  it('agrees with a comparison file by file', async () => {
    const part = fc.constantFrom('a', 'b', 'c', 'd');
    const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    const file = fc.oneof(fc.constantFrom('1', '2', '3'), fc.constant({ symlink: '1' }));
    const fileMap = fc.dictionary(path, file, { maxKeys: 12 }).map(withoutFilesThatAreFolders);

    await fc.assert(
      fc.asyncProperty(fileMap, fileMap, async (before, after) => {
        const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])];
        const naive = paths.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name])).sort();

        expect(await differ(before, after)).toEqual(naive);
      }),
      { numRuns: 300 },
    );
  });
});

function withoutFilesThatAreFolders(files: Readonly<Record<string, FakeFile>>): Record<string, FakeFile> {
  const paths = Object.keys(files);
  return Object.fromEntries(Object.entries(files).filter(([path]) => !paths.some((other) => other.startsWith(`${path}/`))));
}
