import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';

/** Who may import whom inside src: the arrows of the README's table. Types of a port may be imported by the adapter that fills it. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  model: [],
  resources: ['model'],
  source: ['model', 'resources'],
  render: ['model', 'resources', 'source'],
  diff: ['model', 'resources'],
  health: ['model'],
  sync: ['model', 'resources', 'source', 'render', 'diff', 'health'],
  promotion: ['model', 'resources', 'source', 'health', 'sync'],
  status: ['model', 'resources', 'source', 'health', 'sync', 'promotion'],
  webhooks: ['model', 'resources', 'source'],
  api: ['model', 'resources', 'sync', 'promotion', 'status'],
  workers: ['model', 'resources', 'source', 'health', 'diff', 'sync', 'promotion', 'status'],
};

/** Adapters fill ports: beside values of model, resources and pure parts they may name the types of any port. */
const adaptersMayImportValuesOf = ['model', 'resources', 'source', 'health', 'diff', 'adapters'];

const filesOf = (folder: string): readonly string[] => globSync(`src/${folder}/**/*.ts`);
const importsOf = (file: string, pattern: RegExp): readonly string[] =>
  [...readFileSync(file, 'utf8').matchAll(pattern)].map(
    ([, path = '']) =>
      relative('src', join(dirname(file), path))
        .split('/')
        .at(0) ?? '',
  );

it.each(Object.entries(mayImport))('src/%s imports nothing but %j', (folder, allowed) => {
  const imported = filesOf(folder).flatMap((file) => importsOf(file, /from '(\.[^']+)'/g));
  expect([...new Set(imported)].filter((name) => name !== folder && !allowed.includes(name))).toEqual([]);
});

it('src/adapters takes values from the shared parts only, and types from ports', () => {
  const imported = filesOf('adapters').flatMap((file) => importsOf(file, /^import (?!type )[^;]*?from '(\.[^']+)'/gms));
  expect([...new Set(imported)].filter((name) => !adaptersMayImportValuesOf.includes(name))).toEqual([]);
});

it.each([
  { library: 'bullmq', file: 'src/adapters/bullmq-queues.ts' },
  { library: 'ioredis', file: 'src/adapters/bullmq-queues.ts' },
  { library: 'isomorphic-git', file: 'src/adapters/git-*.ts' },
  { library: '@kubernetes/client-node', file: 'src/adapters/cluster-credentials.ts' },
])('only $file imports $library', ({ library, file }) => {
  const allowed = new Set([...globSync(file), ...globSync('src/adapters/redis-*.ts')]);
  const importing = globSync('src/**/*.ts').filter((each) => new RegExp(`from '${library}(/[^']*)?'`).test(readFileSync(each, 'utf8')));
  expect(importing.filter((each) => !allowed.has(each))).toEqual([]);
});

it('the environment is read in the composition roots alone, and handed on to programs that need it: the system git and credential plugins', () => {
  const mayRead = ['src/main.ts', 'src/cli/main.ts', 'src/adapters/git-system.ts', 'src/adapters/exec-plugin.ts'];
  expect(globSync('src/**/*.ts').filter((file) => readFileSync(file, 'utf8').includes('process.env') && !mayRead.includes(file))).toEqual([]);
});

it('the page takes from src nothing but the types of the API answers', () => {
  const imported = globSync('web/src/**/*.{ts,tsx}').flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/^import .*? from '(\.\.\/\.\.[^']+)'/gm)].map(([line]) => line),
  );
  expect(imported.filter((line) => !/^import type .* from '\.\.\/\.\.\/src\/api\/answers\.ts'$/.test(line))).toEqual([]);
  expect(imported.length).toBeGreaterThan(0);
});

it('no file is longer than 400 lines', () => {
  const long = globSync('{src,test,tools,web/src}/**/*.{ts,tsx}').filter((file) => readFileSync(file, 'utf8').split('\n').length > 400);
  expect(long).toEqual([]);
});
