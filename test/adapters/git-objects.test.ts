import { expect, it } from 'vitest';
import { commitOf, treeEntriesOf } from '../../src/adapters/git-objects.ts';

const id = 'ab'.repeat(20);
const entry = (mode: string, name: string): Buffer => Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]);

it('reads a tree with each kind of entry', () => {
  const bytes = Buffer.concat([
    entry('100755', 'run.sh'),
    entry('100644', 'ünï.yaml'),
    entry('120000', 'link'),
    entry('160000', 'module'),
    entry('40000', 'apps'),
  ]);

  expect(treeEntriesOf(bytes)).toEqual([
    { name: 'run.sh', type: 'blob', id },
    { name: 'ünï.yaml', type: 'blob', id },
    { name: 'link', type: 'symlink', id },
    { name: 'module', type: 'submodule', id },
    { name: 'apps', type: 'tree', id },
  ]);
  expect(treeEntriesOf(Buffer.alloc(0))).toEqual([]);
});

it('reads a signed merge commit', () => {
  const text = [
    `tree ${id}`,
    `parent ${'1'.repeat(40)}`,
    `parent ${'2'.repeat(40)}`,
    'author Ada Lovelace <ada@example.org> 1767225600 +0100',
    'committer Bot <bot@example.org> 1767225660 -0530',
    'gpgsig -----BEGIN SSH SIGNATURE-----',
    ' tree of nothing',
    ' -----END SSH SIGNATURE-----',
    '',
    'Merge it\n\nparent of all bugs\n',
  ].join('\n');

  expect(commitOf(id, Buffer.from(text))).toEqual({
    id,
    tree: id,
    parents: ['1'.repeat(40), '2'.repeat(40)],
    author: 'Ada Lovelace <ada@example.org>',
    committedAt: new Date('2026-01-01T00:01:00Z'),
    message: 'Merge it\n\nparent of all bugs\n',
  });
});
