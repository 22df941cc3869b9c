import { describe, expect, it } from 'vitest';
import { filesAt, partsInside } from '../../src/source/files.ts';
import { isLfsPointer } from '../../src/source/lfs-pointer.ts';
import { fakeRepository } from '../fakes/fake-source.ts';

const { signal } = new AbortController();

async function openFiles() {
  const repository = fakeRepository();
  const id = repository.commit({
    'apps/web/values.yaml': 'a: 1',
    'base/service.yaml': 'kind: Service',
    'base/large.yaml': 'x'.repeat(10 * 1024 * 1024 + 1),
    linked: { symlink: 'apps' },
    'apps/secret': { symlink: '/etc/passwd' },
  });
  await repository.source.fetch(repository.access, { name: 'refs/heads/main', commit: id }, signal);
  return filesAt(repository.source, repository.access, await repository.source.commit(repository.access, id, signal), signal);
}

const textAt = async (path: string) => {
  const bytes = await (await openFiles()).read(path);
  return bytes && Buffer.from(bytes).toString();
};

describe('filesAt', () => {
  it.each([
    { path: 'apps/web/values.yaml', text: 'a: 1' },
    { path: './apps//web/./values.yaml', text: 'a: 1' },
    { path: 'apps/web/../../base/service.yaml', text: 'kind: Service' },
  ])('reads $path', async ({ path, text }) => {
    expect(await textAt(path)).toBe(text);
  });

  it.each([
    'nothing',
    'apps/web',
    'apps/web/values.yaml/x',
    '../etc/passwd',
    'apps/../../etc/passwd',
    '/etc/passwd',
    'apps/secret',
    'linked/web/values.yaml',
    'a\0b',
  ])('reads nothing at %s', async (path) => {
    expect(await textAt(path)).toBeUndefined();
  });

  it('names a file that is too large by its path', async () => {
    const reading = (await openFiles()).read('apps/../base/large.yaml');
    await expect(reading).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(/^apps\/\.\.\/base\/large\.yaml: /),
      details: { name: expect.anything() },
    });
  });

  it('lists a folder, and the root for an empty path', async () => {
    const files = await openFiles();

    expect((await files.list('apps'))?.map(({ name, type }) => `${type} ${name}`)).toEqual(['symlink secret', 'tree web']);
    expect((await files.list(''))?.map(({ name }) => name)).toEqual(['apps', 'base', 'linked']);
    expect(await files.list('linked')).toBeUndefined();
    expect(await files.list('base/service.yaml')).toBeUndefined();
  });

  it('shows a link as a link', async () => {
    expect(await (await openFiles()).entry('linked')).toMatchObject({ type: 'symlink' });
  });
});

describe('partsInside', () => {
  it.each([
    { path: '', parts: [] },
    { path: 'a/./b/../c/', parts: ['a', 'c'] },
    { path: 'a/..', parts: [] },
    { path: '..', parts: undefined },
    { path: '/a', parts: undefined },
  ])('$path -> $parts', ({ path, parts }) => {
    expect(partsInside(path)).toEqual(parts);
  });
});

describe('isLfsPointer', () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'4d'.repeat(32)}\nsize 12345\n`;

  it.each([
    { what: 'a pointer', text: pointer, is: true },
    { what: 'an ordinary manifest', text: 'apiVersion: v1\nkind: ConfigMap\n', is: false },
    { what: 'a text about pointers', text: `# see\n${pointer}`, is: false },
    { what: 'something too large to be one', text: pointer.padEnd(1024, 'x'), is: false },
  ])('$what: $is', ({ text, is }) => {
    expect(isLfsPointer(Buffer.from(text))).toBe(is);
  });
});
