import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeProblems } from '../../src/model/parsed.ts';
import { closureOf, openClosures } from '../../src/render/closure.ts';
import { closurePaths, touches } from '../../src/render/touches.ts';
import { changedPaths } from '../../src/source/changes.ts';
import type { TreeEntry } from '../../src/source/source.ts';
import { configMap, filesOf, lfsPointer, type Repository } from './repository.ts';

const problemsOf = async (repository: Repository, path: string, kind: 'auto' | 'plain' | 'kustomize' = 'auto') => {
  const parsed = await closureOf(filesOf(repository), path, kind);
  return parsed.ok ? 'accepted' : describeProblems(parsed.problems).split('\n');
};
const closure = async (repository: Repository, path: string, kind: 'auto' | 'plain' | 'kustomize' = 'auto') => {
  const parsed = await closureOf(filesOf(repository), path, kind);
  if (!parsed.ok) throw new Error(describeProblems(parsed.problems));
  return parsed.value;
};

const shop: Repository = {
  'README.md': 'read me',
  'apps/shop/kustomization.yaml':
    'resources:\n- ../../base\n- web.yaml\ncomponents: [../../components/tls]\npatches:\n- path: patch.yaml\nconfigMapGenerator:\n- name: a\n  files: [key=files/a.txt]\n  envs: [a.env]\n',
  'apps/shop/web.yaml': configMap('web'),
  'apps/shop/patch.yaml': '{}',
  'apps/shop/files/a.txt': 'a',
  'apps/shop/a.env': 'A=1',
  'apps/shop/notes.txt': 'not read',
  'base/kustomization.yml': 'resources: [base.yaml]\n',
  'base/base.yaml': configMap('base'),
  'components/tls/Kustomization': 'kind: Component\nsecretGenerator: [{name: tls, files: [tls.crt]}]\n',
  'components/tls/tls.crt': 'crt',
  'plain/a.yaml': configMap('a'),
  'plain/deep/b.json': configMap('b'),
  'plain/README.md': 'not read',
  'plain/.github/workflow.yaml': 'not: read',
};

describe('a closure', () => {
  it('holds every file that Kustomize will read, and the kustomization files that could come to be', async () => {
    const found = await closure(shop, 'apps/shop');
    expect(found.tool.kind).toBe('kustomize');
    expect(found.files.map(({ path }) => path)).toEqual([
      ...['apps/shop/a.env', 'apps/shop/files/a.txt', 'apps/shop/kustomization.yaml', 'apps/shop/patch.yaml', 'apps/shop/web.yaml'],
      ...['base/base.yaml', 'base/kustomization.yml', 'components/tls/Kustomization', 'components/tls/tls.crt'],
    ]);
    expect(closurePaths(found)).toEqual(expect.arrayContaining(['apps/shop/kustomization.yml', 'base/kustomization.yaml', 'base/Kustomization']));
  });

  it('of plain manifests holds the manifests of the folder and of those below, without folders that begin with a dot', async () => {
    const found = await closure(shop, 'plain');
    expect(found).toMatchObject({ tool: { kind: 'plain' }, inputs: [{ path: 'plain' }] });
    expect(found.files.map(({ path }) => path)).toEqual(['plain/a.yaml', 'plain/deep/b.json']);
  });

  it.each(['apps/shop', './apps/shop', 'apps/shop/', 'apps//shop'])('is the same however its path is written: %s', async (path) => {
    expect((await closure(shop, path)).key).toBe((await closure(shop, 'apps/shop')).key);
  });

  it.each([
    ['another file of the folder', 'apps/shop', { 'apps/shop/notes.txt': 'changed' }, false, false],
    ['a file elsewhere', 'apps/shop', { 'README.md': 'changed' }, false, false],
    ['a patch', 'apps/shop', { 'apps/shop/patch.yaml': 'changed' }, true, true],
    ['a base', 'apps/shop', { 'base/base.yaml': configMap('other') }, true, true],
    ['a component', 'apps/shop', { 'components/tls/tls.crt': 'new' }, true, true],
    ['a manifest', 'plain', { 'plain/deep/b.json': configMap('c') }, true, true],
    ['a new manifest', 'plain', { 'plain/new/c.yaml': configMap('c') }, true, true],
    ['a new kustomization file', 'plain', { 'plain/kustomization.yaml': 'resources: [a.yaml]' }, true, true],
    // Which files a folder's render reads is not known to the filter: it says yes, and the key then says no.
    ['a read-me among manifests', 'plain', { 'plain/README.md': 'changed' }, false, true],
    ['a workflow among manifests', 'plain', { 'plain/.github/workflow.yaml': 'changed' }, false, true],
  ])('after a change of %s', async (_, path, change: Repository, keyDiffers, touched) => {
    const before = await closure(shop, path);
    const after = await closure({ ...shop, ...change }, path);
    expect(after.key !== before.key).toBe(keyDiffers);
    expect(touches(before, Object.keys(change))).toBe(touched);
  });

  it('is not touched by nothing', async () => {
    expect(touches(await closure(shop, 'plain'), [])).toBe(false);
    expect(touches(await closure({ 'a.yaml': configMap('a') }, ''), [])).toBe(false);
    expect(touches(await closure({ 'a.yaml': configMap('a') }, ''), ['b/c.yaml'])).toBe(true);
  });

  it('takes the whole folder when a field is unknown or names plugins', async () => {
    const whole = { 'a/kustomization.yaml': 'resources: [x.yaml]\nnewField: [y.yaml]\n', 'a/x.yaml': configMap('x'), 'a/sub/y.yaml': 'y' };
    expect((await closure(whole, 'a')).files).toEqual(
      expect.arrayContaining([expect.objectContaining({ path: 'a/sub/y.yaml', certain: false }), expect.objectContaining({ path: 'a/x.yaml', certain: true })]),
    );
    const plugins = { 'a/kustomization.yaml': 'generators: [g.yaml]\n', 'a/g.yaml': 'files: [z.txt]', 'a/z.txt': 'z' };
    expect((await closure(plugins, 'a')).files.map(({ path }) => path)).toContain('a/z.txt');
  });

  it.each([
    [
      'a missing file',
      { 'a/kustomization.yaml': 'resources:\n- there.yaml\n- gone.yaml # it was here\n', 'a/there.yaml': '' },
      ['a/kustomization.yaml:3: "gone.yaml" does not exist at this commit (a/gone.yaml)'],
    ],
    [
      'a remote base',
      { 'a/kustomization.yaml': 'resources:\n- https://example.org/base.yaml\n- github.com/org/repository/base?ref=v1\n- git@example.org:base.git\n' },
      [
        'a/kustomization.yaml:2: "https://example.org/base.yaml" is not in this repository, and nothing is fetched while rendering: vendor it, then name its path',
        'a/kustomization.yaml:3: "github.com/org/repository/base?ref=v1" is not in this repository, and nothing is fetched while rendering: vendor it, then name its path',
        'a/kustomization.yaml:4: "git@example.org:base.git" is not in this repository, and nothing is fetched while rendering: vendor it, then name its path',
      ],
    ],
    [
      'a way out of the repository',
      { 'a/kustomization.yaml': 'resources: [../../b]\npatches:\n- path: "/etc/passwd"\n' },
      [
        'a/kustomization.yaml:1: "../../b" leads out of the repository: name a path inside it, relative to this folder',
        'a/kustomization.yaml:3: "/etc/passwd" leads out of the repository: name a path inside it, relative to this folder',
      ],
    ],
    [
      'a cycle',
      { 'a/kustomization.yaml': 'resources: [../b]', 'b/kustomization.yaml': 'resources:\n- ../a\n' },
      ['b/kustomization.yaml:2: refers back to a, which leads here: break the cycle'],
    ],
    ['itself', { 'a/kustomization.yaml': 'resources: [.]' }, ['a/kustomization.yaml:1: refers back to a, which leads here: break the cycle']],
    [
      'a folder without kustomization',
      { 'a/kustomization.yaml': 'resources: [b]', 'a/b/x.yaml': '' },
      ['a/kustomization.yaml:1: a/b has no kustomization.yaml, kustomization.yml, Kustomization: add one, or correct the reference'],
    ],
    [
      'two kustomization files',
      { 'a/kustomization.yaml': '', 'a/kustomization.yml': '' },
      ['a/kustomization.yml: stands beside kustomization.yaml: a folder has one kustomization file'],
    ],
    [
      'a folder where a file belongs',
      { 'a/kustomization.yaml': 'crds: [b]', 'a/b/x.yaml': '' },
      ['a/kustomization.yaml:1: "b" is a folder; a file is wanted here'],
    ],
    [
      'a file where a folder belongs',
      { 'a/kustomization.yaml': 'components: [b.yaml]', 'a/b.yaml': '' },
      ['a/kustomization.yaml:1: "b.yaml" is a file; a folder with a kustomization file is wanted here'],
    ],
    [
      'a chart',
      { 'a/kustomization.yaml': 'helmCharts:\n- name: x\n' },
      ['a/kustomization.yaml:1: helmCharts is not supported: render the chart and commit its manifests'],
    ],
    [
      'a linked file',
      { 'a/kustomization.yaml': 'resources: [b.yaml]', 'a/b.yaml': { link: '/etc/passwd' } },
      ['a/kustomization.yaml:1: "b.yaml" is a symbolic link, which is not followed: put the file itself there'],
    ],
    [
      'a linked folder',
      { 'a/kustomization.yaml': 'resources: [b/c.yaml]', 'a/b': { link: '/etc' } },
      ['a/kustomization.yaml:1: "b/c.yaml" goes through a/b, which is a symbolic link, which is not followed: put the file itself there'],
    ],
    [
      'a submodule',
      { 'a/kustomization.yaml': 'resources: [b]', 'a/b': { submodule: 'x' } },
      ['a/kustomization.yaml:1: "b" is a Git submodule, which is not fetched: vendor its files into this repository'],
    ],
    [
      'a linked kustomization file',
      { 'a/kustomization.yaml': { link: 'b' } },
      ['a/kustomization.yaml: is a symbolic link, which is not followed: put the file itself there'],
    ],
    [
      'a kustomization file in Git LFS',
      { 'a/kustomization.yaml': lfsPointer },
      ['a/kustomization.yaml: is a Git LFS pointer, and large files are not fetched: commit the file itself'],
    ],
    [
      'a kustomization file that is no text',
      { 'a/kustomization.yaml': new Uint8Array([0xff, 0xfe, 0x00]) },
      ['a/kustomization.yaml: is not UTF-8 text: save it in that encoding'],
    ],
    [
      'a kustomization file that is no object',
      { 'a/kustomization.yaml': '- a' },
      ['a/kustomization.yaml:1: is not an object with the fields of a kustomization'],
    ],
    [
      'a linked manifest',
      { 'a/b.yaml': { link: 'c' }, 'a/README.md': { link: '../README.md' } },
      ['a/b.yaml: is a symbolic link, which is not followed: put the file itself there'],
    ],
    ['a submodule below', { 'a/b/c': { submodule: 'x' } }, ['a/b/c: is a Git submodule, which is not fetched: vendor its files into this repository']],
    ['nothing there', { 'b/x.yaml': '' }, ['a: does not exist at this commit, or lies behind a symbolic link or a submodule: correct spec.source.path']],
    ['a file there', { a: '' }, ['a: is a file; name the folder that holds the manifests']],
  ])('is refused for %s', async (_, repository: Repository, expected) => {
    expect(await problemsOf(repository, 'a')).toEqual(expected);
  });

  it('of kind kustomize wants a kustomization file', async () => {
    expect(await problemsOf({ 'a/x.yaml': '' }, 'a', 'kustomize')).toEqual([
      'a: a has no kustomization.yaml, kustomization.yml, Kustomization: add one, or correct the reference',
    ]);
  });

  it('is found through a shared base once, and inline patches are no paths', async () => {
    const found = await closure(
      {
        'a/kustomization.yaml': 'resources: [../b, ../c]\npatchesStrategicMerge:\n- |\n  kind: A\n- p.yaml\npatches: [{patch: "{}"}]\n',
        'a/p.yaml': '{}',
        'b/kustomization.yaml': 'resources: [../d]',
        'c/kustomization.yaml': 'resources: [../d]',
        'd/kustomization.yaml': 'namePrefix: x-',
      },
      'a',
    );
    expect(found.files.map(({ path }) => path)).toEqual([
      'a/kustomization.yaml',
      'a/p.yaml',
      'b/kustomization.yaml',
      'c/kustomization.yaml',
      'd/kustomization.yaml',
    ]);
  });

  it('costs nothing to read again at a commit that did not change it', async () => {
    const closures = openClosures();
    await closures.of(filesOf(shop), 'apps/shop', 'auto');
    await closures.of(filesOf(shop), 'plain', 'auto');
    const next = filesOf({ ...shop, 'README.md': 'changed' });
    await closures.of(next, 'apps/shop', 'auto');
    await closures.of(next, 'plain', 'auto');
    expect(next.reads.blobs).toBe(0);
  });
});

describe('two commits of any repository', () => {
  const names = ['kustomization.yaml', 'kustomization.yml', 'a.yaml', 'b.json', 'c.txt'];
  const folders = ['', 'x', 'y', 'x/z', 'x/.w'];
  const paths = folders.flatMap((folder) => names.map((name) => (folder === '' ? name : `${folder}/${name}`)));
  const entry = fc.constantFrom('a.yaml', 'b.json', '../y', '../x', 'z', '..', './x', 'c.txt', '../y/a.yaml');
  const kustomization = fc
    .record({ field: fc.constantFrom('resources', 'components', 'crds', 'generators', 'unknown'), entries: fc.array(entry, { maxLength: 2 }) })
    .map(({ field, entries }) => JSON.stringify({ [field]: entries }));
  const content = fc.oneof(fc.constantFrom('1', '2'), kustomization, kustomization, fc.constant({ link: 'a.yaml' }), fc.constant({ submodule: '1' }));
  const repository = fc.dictionary(fc.constantFrom(...paths), content, { minKeys: 1, maxKeys: 12 });

  it('have closures with the same key, or the change touches the first', async () => {
    let differed = 0;
    await fc.assert(
      fc.asyncProperty(repository, repository, fc.boolean(), fc.constantFrom('', 'x', 'y', 'x/z'), async (first, other, small, path) => {
        const second = small ? { ...first, ...Object.fromEntries(Object.entries(other).slice(0, 1)) } : other;
        const [before, after] = [filesOf(first), filesOf(second)];
        const [old, now] = [await closureOf(before, path, 'auto'), await closureOf(after, path, 'auto')];
        if (!old.ok) return;
        const same = now.ok && now.value.key === old.value.key;
        if (!same) differed++;
        if (!same) expect(touches(old.value, await changesBetween(first, second))).toBe(true);
        if (same) expect(now.value.files).toEqual(old.value.files);
      }),
      { numRuns: 2_000 },
    );
    expect(differed).toBeGreaterThan(50);
  });
});

/** The changed paths as the real walk of two trees finds them. */
async function changesBetween(first: Repository, second: Repository): Promise<readonly string[]> {
  const trees = new Map<string, readonly TreeEntry[]>();
  for (const repository of [first, second]) {
    const files = filesOf(repository);
    const visit = async (path: string, id: string): Promise<void> => {
      const entries = (await files.list(path)) ?? [];
      trees.set(id, entries);
      for (const { name, type, id: inner } of entries) if (type === 'tree') await visit(path === '' ? name : `${path}/${name}`, inner);
    };
    await visit('', files.tree);
  }
  return changedPaths(async (id) => trees.get(id) ?? [], filesOf(first).tree, filesOf(second).tree);
}
