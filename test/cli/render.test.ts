import { execFileSync } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { localFiles } from '../../src/cli/local-files.ts';
import { objectYaml } from '../../src/render/object-yaml.ts';
import { readManifests } from '../../src/render/yaml.ts';
import { jsonOf, openFolder, runCli } from './run-cli.ts';

// Each run is a process of its own, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const configMap = (name: string, value = '1') => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: { a: "${value}" }\n`;

it('prints the objects of a folder as an array', async () => {
  await using folder = await openFolder({ 'app/b.yaml': configMap('b'), 'app/a.yaml': `${configMap('a')}---\n${configMap('c')}` });
  const run = await runCli(['render', 'app', '-o', 'json'], { cwd: folder.path });
  expect(run).toMatchObject({ code: 0, stderr: '' });
  expect(jsonOf(run)).toEqual(['a', 'b', 'c'].map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: '1' } })));
});

it('prints YAML that reads back as the same objects', async () => {
  await using folder = await openFolder({ 'app/a.yaml': configMap('a', 'yes') });
  const { stdout } = await runCli(['render', join(folder.path, 'app')]);
  expect(readManifests(stdout, 'out')).toMatchObject({ ok: true, value: [{ manifest: { data: { a: 'yes' } } }] });
});

it.each([
  'yes',
  'on',
  'n',
  '0o7',
  '012',
  '1_000',
  '1e3',
  '0x1f',
  '12:30:45',
  '2026-01-01',
  '~',
  'null',
  '',
  '.inf',
  '- a',
  'a: b',
  '# c',
  'two\nlines\n',
  '  indented',
  '!x',
  '=',
])('keeps the text %j a text', (text) => {
  const read = readManifests(objectYaml({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { [text]: text } }), 'out');
  expect(read).toMatchObject({ ok: true, value: [{ manifest: { data: { [text]: text } } }] });
});

it('keeps all digits of integers', async () => {
  const text = 'apiVersion: x.org/v1\nkind: X\nmetadata: { name: x }\nspec: { big: 9007199254740993 }\n';
  await using folder = await openFolder({ 'app/a.yaml': text });
  expect((await runCli(['render', 'app', '-o', 'json'], { cwd: folder.path })).stdout).toContain('"big": 9007199254740993\n');
  expect((await runCli(['render', 'app'], { cwd: folder.path })).stdout).toContain('big: 9007199254740993\n');
});

it('names file, line and reason from where it was started', async () => {
  await using folder = await openFolder({ '.git/HEAD': '', 'deep/app/a.yaml': `${configMap('a')}---\nkind: ConfigMap\n` });
  const run = await runCli(['render', 'app'], { cwd: join(folder.path, 'deep') });
  expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^app\/a\.yaml:\d+: apiVersion is missing/) });
});

it('follows no symbolic link', async () => {
  await using folder = await openFolder({ '.git/HEAD': '', 'app/a.yaml': configMap('a'), 'secret.yaml': configMap('s') });
  await symlink('../secret.yaml', join(folder.path, 'app/link.yaml'));
  const run = await runCli(['render', 'app'], { cwd: folder.path });
  expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('app/link.yaml: is a symbolic link') });
});

it.each([
  { what: 'a folder that is not there', path: 'nowhere', says: 'nowhere: does not exist' },
  { what: 'a file', path: 'a.yaml', says: 'a.yaml: is a file: name the folder that holds the manifests' },
])('refuses $what', async ({ path, says }) => {
  await using folder = await openFolder({ 'a.yaml': configMap('a') });
  expect(await runCli(['render', path], { cwd: folder.path })).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(says) });
});

it('says which tool is missing, and only when the folder needs it', async () => {
  await using folder = await openFolder({ 'app/kustomization.yaml': 'resources: [a.yaml]\n', 'app/a.yaml': configMap('a') });
  const run = await runCli(['render', 'app'], { cwd: folder.path, env: { SLUICE_KUSTOMIZE_BIN: '/nowhere/kustomize' } });
  expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining('SLUICE_KUSTOMIZE_BIN: names /nowhere/kustomize, which does not exist') });
});

it('reads a folder as Git would: ids of its contents, no .git, nothing outside', async () => {
  await using folder = await openFolder({ '.git/HEAD': '', 'a.txt': 'a', 'inner/.git/HEAD': '', 'outside.txt': 'x' });
  const files = localFiles(folder.path);
  expect(await files.list('')).toEqual(
    expect.arrayContaining([expect.objectContaining({ name: 'a.txt', type: 'blob' }), expect.objectContaining({ name: 'inner', type: 'submodule' })]),
  );
  expect((await files.list(''))?.map(({ name }) => name)).not.toContain('.git');
  expect((await files.entry('a.txt'))?.id).toBe(execFileSync('git', ['hash-object', join(folder.path, 'a.txt')], { encoding: 'utf8' }).trim());
  expect(await files.read('../outside.txt')).toBeUndefined();
  expect(await files.read('.git/HEAD')).toBeUndefined();
  await writeFile(join(folder.path, 'large'), Buffer.alloc(11 * 1024 * 1024));
  await expect(files.read('large')).rejects.toThrow(/large: has 11534336 bytes/);
});
