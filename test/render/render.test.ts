import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { describeProblems } from '../../src/model/parsed.ts';
import { PortError } from '../../src/model/port-error.ts';
import { openRenderCache } from '../../src/render/cache.ts';
import { render } from '../../src/render/render.ts';
import type { Renderer, RenderFile } from '../../src/render/renderer.ts';
import type { Files } from '../../src/source/source.ts';
import { configMap, filesOf, lfsPointer, type Repository } from './repository.ts';

type Build = { readonly files: readonly RenderFile[]; readonly path: string };

/** Answers like a kustomize that prints the resources it was given, or what a test wants instead. */
function rendererThat(answer: (build: Build, signal: AbortSignal) => ReturnType<Renderer['kustomize']>, version = 'v5.8.1') {
  const builds: Build[] = [];
  const renderer: Renderer = {
    kustomize: (files, path, signal) => {
      builds.push({ files, path });
      return answer({ files, path }, signal);
    },
    helm: async () => Promise.reject(new Error('helm is not wanted here')),
    versions: { kustomize: version, helm: 'v4' },
  };
  return { renderer, builds };
}
const printing = (output: string, version?: string) => rendererThat(async () => ({ ok: true, output }), version);
const never = rendererThat(async () => Promise.reject(new Error('kustomize is not wanted here')));

const ask = (files: Files, path: string, namespace = 'shop') => ({ files, path, kind: 'auto', namespace }) as const;
const signal = new AbortController().signal;
const cacheOf = () => openRenderCache({ maxBytes: 10_000_000 });
const large = `# ${'x'.repeat(10 * 1024 * 1024)}`;
const kustomized: Repository = { 'a/kustomization.yaml': 'resources: [x.yaml]', 'a/x.yaml': configMap('x'), 'a/unread.yaml': configMap('y') };

async function outcome(repository: Repository, { renderer } = never, namespace = 'shop') {
  const parsed = await render(ask(filesOf(repository), 'a', namespace), { renderer, cache: cacheOf() }, signal);
  return parsed.ok ? parsed.value.manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`) : describeProblems(parsed.problems).split('\n');
}

describe('a render', () => {
  it.each([
    [
      'plain manifests, sorted by id',
      { 'a/2.yaml': `${configMap('c')}---\n${configMap('a')}`, 'a/deep/1.json': configMap('b'), 'a/notes.txt': '{' },
      ['ConfigMap a', 'ConfigMap b', 'ConfigMap c'],
    ],
    ['a folder without manifests', { 'a/notes.txt': 'none' }, []],
    ['a file without documents', { 'a/x.yaml': '# nothing\n' }, []],
    [
      'a path that is not there',
      { 'b/x.yaml': '' },
      ['a: does not exist at this commit, or lies behind a symbolic link or a submodule: correct spec.source.path'],
    ],
    ['a path that is a file', { a: '' }, ['a: is a file; name the folder that holds the manifests']],
    [
      'problems in several files',
      { 'a/1.yaml': 'a: b', 'a/2.yaml': new Uint8Array([0xc3, 0x28]) },
      [
        'a/1.yaml:1: apiVersion is missing',
        'a/1.yaml:1: kind is missing',
        'a/1.yaml:1: metadata is missing',
        'a/2.yaml: is not UTF-8 text: save it in that encoding',
      ],
    ],
    ['a Git LFS pointer', { 'a/1.yaml': lfsPointer }, ['a/1.yaml: is a Git LFS pointer, and large files are not fetched: commit the file itself']],
    [
      'one object in two files',
      { 'a/1.yaml': configMap('x'), 'a/2.yaml': `\n\n${configMap('x')}` },
      ['a/2.yaml:3: ConfigMap x is also written at a/1.yaml:1: keep one of the two'],
    ],
    [
      'one object with and without the default namespace',
      { 'a/1.yaml': configMap('x'), 'a/2.yaml': configMap('x', {}, 'shop') },
      ['a/2.yaml:1: ConfigMap shop/x is also written at a/1.yaml:1: keep one of the two'],
    ],
    ['objects of two namespaces', { 'a/1.yaml': configMap('x'), 'a/2.yaml': configMap('x', {}, 'other') }, ['ConfigMap x', 'ConfigMap x']],
  ])('of %s', async (_, repository: Repository, expected) => {
    expect(await outcome(repository)).toEqual(expected);
  });

  it('leaves a missing namespace missing', async () => {
    const parsed = await render(ask(filesOf({ 'a/x.yaml': configMap('x') }), 'a'), { renderer: never.renderer, cache: cacheOf() }, signal);
    expect(parsed.ok && parsed.value.manifests[0]?.metadata).toEqual({ name: 'x' });
  });

  it('of a kustomization gives the tool the files of the closure and nothing else', async () => {
    const { renderer, builds } = printing(configMap('x'));
    expect(await outcome(kustomized, { renderer, builds })).toEqual(['ConfigMap x']);
    expect(builds.map(({ files, path }) => [path, files.map((file) => file.path)])).toEqual([['a', ['a/kustomization.yaml', 'a/x.yaml']]]);
  });

  it.each([
    ['what the tool says', rendererThat(async () => ({ ok: false, message: 'no such field' })), ['a: kustomize build: no such field']],
    [
      'what is wrong in its output',
      printing('kind: A\n'),
      ['a (output of kustomize build):1: apiVersion is missing', 'a (output of kustomize build):1: metadata is missing'],
    ],
  ])('of a kustomization reports %s', async (_, tool, expected) => {
    expect(await outcome(kustomized, tool)).toEqual(expected);
  });

  it('of a kustomization never hands a bomb of aliases to the tool', async () => {
    const bomb = ['a0: &a0 [x, x]', ...Array.from({ length: 30 }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}, *a${level}]`)].join('\n');
    expect(await outcome({ ...kustomized, 'a/x.yaml': bomb })).toEqual([expect.stringMatching(/^a\/x\.yaml:1: its aliases, written out, make it too large/)]);
  });

  it.each([
    ['lists in one line', `a: ${'['.repeat(10_000)}`],
    ['lists of lists', '- '.repeat(10_000)],
    ['mappings in one line', `a: ${'{a: '.repeat(10_000)}`],
    ['mappings by indentation', Array.from({ length: 200 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['JSON', '{"a":'.repeat(10_000)],
  ])('of a kustomization never hands 10,000 levels to the tool: %s', async (_, text) => {
    expect(await outcome({ ...kustomized, 'a/x.yaml': text })).toEqual([expect.stringMatching(/^a\/x\.yaml:\d+: is nested deeper than 100 levels$/)]);
  });

  it('of a kustomization gives it what only looks deep', async () => {
    const { renderer, builds } = printing(configMap('x'));
    const files = {
      'a/kustomization.yaml': 'configMapGenerator: [{name: x, files: [x.js, y.txt]}]',
      'a/x.js': '{'.repeat(60),
      'a/y.txt': `${' '.repeat(200)}x`,
    };
    expect(await outcome(files, { renderer, builds })).toEqual(['ConfigMap x']);
  });

  it.each([
    ['a manifest', { 'a/x.yaml': large }],
    ['a kustomization file', { 'a/kustomization.yaml': large }],
    ['a file of a kustomization', { 'a/kustomization.yaml': 'resources: [x.yaml]', 'a/x.yaml': large }],
    ['the description of a chart', { 'a/Chart.yaml': large }],
    ['values of a chart', { 'a/Chart.yaml': 'name: a', 'a/values.yaml': large }],
  ])('of %s of more than 10 MiB names the file', async (_, repository: Repository) => {
    const [path] = Object.entries(repository).find(([, content]) => content === large) ?? [];
    expect(await outcome(repository)).toEqual([`${path}: is larger than 10 MiB, the most that is read of one file: make it smaller, or split it`]);
  });

  it.each([
    ["a generator's literal", { 'a/kustomization.yaml': 'secretGenerator: [{name: a, literals: [password=hunter2]}]' }],
    ["a generator's file", { 'a/kustomization.yaml': 'secretGenerator: [{name: a, envs: [e.env]}]', 'a/e.env': 'A=hunter2\n' }],
    ['a Secret', { 'a/kustomization.yaml': 'resources: [s.yaml]', 'a/s.yaml': 'kind: Secret\nstringData: {a: "x hunter2"}\ndata: [hunter2]' }],
    ['an inline patch', { 'a/kustomization.yaml': 'secretGenerator: []\npatches:\n- patch: |\n    - {op: add, path: /data/a, value: hunter2}\n' }],
  ])('repeats nothing of %s that a tool repeats', async (_, repository: Repository) => {
    const tool = rendererThat(async () => ({ ok: false, message: 'cannot read A=x hunter2 or hunter2: sorry' }));
    expect((await outcome(repository, tool)).join()).toMatch(/^a: kustomize build: cannot read (?!.*hunter2).*: sorry$/);
  });

  it('leaves out of an uncertain folder what cannot be read, and refuses what is certainly wanted', async () => {
    const { renderer, builds } = printing('');
    const repository: Repository = {
      'a/kustomization.yaml': 'generators: [g.yaml]',
      'a/g.yaml': 'x',
      'a/picture.png': lfsPointer,
      'a/link': { link: 'g.yaml' },
    };
    expect(await outcome(repository, { renderer, builds })).toEqual([]);
    expect(builds[0]?.files.map(({ path }) => path)).toEqual(['a/g.yaml', 'a/kustomization.yaml']);
    expect(await outcome({ ...repository, 'a/g.yaml': lfsPointer })).toEqual([
      'a/g.yaml: is a Git LFS pointer, and large files are not fetched: commit the file itself',
    ]);
  });

  it('refuses a closure of more than 64 MiB', async () => {
    const large = 'x'.repeat(9 * 1024 * 1024);
    const repository = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`a/${index}.yaml`, large]));
    expect(await outcome(repository)).toEqual(['a: reads more than 64 MiB: split it into several Applications']);
  });
});

describe('the render cache', () => {
  it('answers for an untouched closure at any commit, reading nothing', async () => {
    const cache = cacheOf();
    const { renderer, builds } = printing(configMap('x'));
    const first = await render(ask(filesOf(kustomized), 'a'), { renderer, cache }, signal);
    const later = filesOf({ ...kustomized, 'b/new.yaml': '1', 'a/unread.yaml': 'changed' });
    expect(await render(ask(later, 'a'), { renderer, cache }, signal)).toBe(first);
    expect([later.reads.blobs, builds.length, cache.counts]).toEqual([0, 1, { hits: 1, misses: 1, filesParsed: 0 }]);
  });

  it('renders anew for other content, another version of the tool and another default namespace', async () => {
    const cache = cacheOf();
    const { renderer } = printing(configMap('x'));
    const keys = new Set<string>();
    for (const [files, tool, namespace] of [
      [kustomized, renderer, 'shop'],
      [{ ...kustomized, 'a/x.yaml': configMap('x', { a: '1' }) }, renderer, 'shop'],
      [kustomized, printing(configMap('x'), 'v6').renderer, 'shop'],
      [kustomized, renderer, 'other'],
    ] as const) {
      const parsed = await render(ask(filesOf(files), 'a', namespace), { renderer: tool, cache }, signal);
      if (parsed.ok) keys.add(parsed.value.key);
    }
    expect([keys.size, cache.counts.misses]).toEqual([4, 4]);
  });

  it('gives equal digests for equal manifests, wherever they stand', async () => {
    const digests = await Promise.all(
      [{ 'a/1.yaml': `${configMap('x')}---\n${configMap('y')}` }, { 'a/1.yaml': configMap('y'), 'a/2.yaml': configMap('x') }].map(async (repository) => {
        const parsed = await render(ask(filesOf(repository), 'a'), { renderer: never.renderer, cache: cacheOf() }, signal);
        return parsed.ok ? parsed.value.digest : '';
      }),
    );
    expect(digests[0]).toMatch(/^[0-9a-f]{40}$/);
    expect(digests[1]).toBe(digests[0]);
  });

  it('parses only the files that a commit changed', async () => {
    const cache = cacheOf();
    const repository = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`a/${index}.yaml`, configMap(`c${index}`)]));
    await render(ask(filesOf(repository), 'a'), { renderer: never.renderer, cache }, signal);
    await render(ask(filesOf({ ...repository, 'a/3.yaml': configMap('other') }), 'a'), { renderer: never.renderer, cache }, signal);
    expect(cache.counts.filesParsed).toBe(21);
  });

  it('makes one answer for all who ask at once', async () => {
    const cache = cacheOf();
    const { renderer, builds } = printing(configMap('x'));
    const answers = await Promise.all(Array.from({ length: 10 }, () => render(ask(filesOf(kustomized), 'a'), { renderer, cache }, signal)));
    expect([builds.length, new Set(answers).size, cache.counts.hits]).toEqual([1, 1, 9]);
  });

  it('keeps refusals, which come from the content', async () => {
    const cache = cacheOf();
    const { renderer, builds } = rendererThat(async () => ({ ok: false, message: 'no' }));
    await render(ask(filesOf(kustomized), 'a'), { renderer, cache }, signal);
    await render(ask(filesOf(kustomized), 'a'), { renderer, cache }, signal);
    expect(builds).toHaveLength(1);
  });

  it('does not keep failures of the outside world', async () => {
    const cache = cacheOf();
    const failing = rendererThat(async () => Promise.reject(new PortError('renderer', 'TIMEOUT', 'too slow', { cause: undefined })));
    await expect(render(ask(filesOf(kustomized), 'a'), { renderer: failing.renderer, cache }, signal)).rejects.toThrow('too slow');
    expect(await render(ask(filesOf(kustomized), 'a'), { renderer: printing(configMap('x')).renderer, cache }, signal)).toMatchObject({ ok: true });
  });

  it('lets one caller leave without ending the others', async () => {
    const cache = cacheOf();
    const { renderer, builds } = rendererThat(async (_, its) => {
      if (builds.length > 1) return { ok: true, output: configMap('x') };
      const { promise, reject } = Promise.withResolvers<never>();
      its.addEventListener('abort', () => reject(its.reason));
      return promise;
    });
    const leaving = new AbortController();
    const [first, second] = [
      render(ask(filesOf(kustomized), 'a'), { renderer, cache }, leaving.signal),
      render(ask(filesOf(kustomized), 'a'), { renderer, cache }, signal),
    ];
    while (builds.length === 0) await setImmediate();
    leaving.abort(new Error('a newer commit came'));
    await expect(first).rejects.toThrow('a newer commit came');
    expect(await second).toMatchObject({ ok: true });
  });

  it('lets a waiting caller leave at once', async () => {
    const cache = cacheOf();
    const hold = Promise.withResolvers<void>();
    const { renderer, builds } = rendererThat(async () => hold.promise.then(() => ({ ok: true, output: configMap('x') })));
    const leaving = new AbortController();
    const first = render(ask(filesOf(kustomized), 'a'), { renderer, cache }, signal);
    while (builds.length === 0) await setImmediate();
    const second = render(ask(filesOf(kustomized), 'a'), { renderer, cache }, leaving.signal);
    leaving.abort(new Error('a newer commit came'));
    await expect(second).rejects.toThrow('a newer commit came');
    hold.resolve();
    expect(await first).toMatchObject({ ok: true });
  });

  it('forgets what was used longest ago when it is full', async () => {
    const cache = openRenderCache({ maxBytes: 40_000 });
    const one = (name: string): Repository => ({ 'a/x.yaml': configMap(name, { text: 'x'.repeat(1_500) }) });
    const ask2 = (name: string) => render(ask(filesOf(one(name)), 'a'), { renderer: never.renderer, cache }, signal);
    await ask2('a');
    await ask2('b');
    await ask2('a');
    await ask2('c');
    await ask2('d');
    expect(cache.counts).toMatchObject({ hits: 1, misses: 4 });
    await ask2('d');
    await ask2('b');
    expect(cache.counts).toMatchObject({ hits: 2, misses: 5 });
  });
});
