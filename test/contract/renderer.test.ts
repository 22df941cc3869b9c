import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ToolOptions } from '../../src/adapters/confined-run.ts';
import { openKustomize } from '../../src/adapters/kustomize-binary.ts';
import { openRenderTools } from '../../src/adapters/render-tools.ts';
import { describeProblems } from '../../src/model/parsed.ts';
import { openRenderCache } from '../../src/render/cache.ts';
import { render } from '../../src/render/render.ts';
import type { RenderFile } from '../../src/render/renderer.ts';
import { realParts } from '../real-parts.ts';
import { configMap, filesOf, type Repository } from '../render/repository.ts';

const { parts } = realParts();
const signal = new AbortController().signal;
let scratchRoot: string;
beforeAll(async () => {
  scratchRoot = await mkdtemp(join(tmpdir(), 'renderer-test-'));
});
afterAll(() => rm(scratchRoot, { recursive: true, force: true }));

const open = (options: Partial<ToolOptions> = {}) => openKustomize({ binary: parts.kustomize, scratchRoot, ...options });
const files = (repository: Readonly<Record<string, string>>): readonly RenderFile[] =>
  Object.entries(repository).map(([path, text]) => ({ path, bytes: new TextEncoder().encode(text) }));
const small = files({ 'a/kustomization.yaml': 'resources: [x.yaml]\nnamePrefix: p-\n', 'a/x.yaml': configMap('x') });

/** A program in kustomize's place, for what the real one cannot be made to do. */
async function program(script: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'renderer-program-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'tool');
  await writeFile(path, `#!/bin/sh\nif [ "$1" = version ]; then echo v1; exit 0; fi\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('kustomize', () => {
  it('builds the files that it is given, tells its version and leaves nothing behind', async () => {
    const renderer = await open();
    const built = await renderer.kustomize(small, 'a', signal);
    expect(built).toMatchObject({ ok: true, output: expect.stringContaining('name: p-x') });
    expect(renderer.version).toMatch(/^v5\.\d+\.\d+$/);
    expect(await readdir(scratchRoot)).toEqual([]);
  });

  it('builds a base beside the folder', async () => {
    const renderer = await open();
    const built = await renderer.kustomize([...small, ...files({ 'b/c/kustomization.yaml': 'resources: [../../a]\nnamespace: shop' })], 'b/c', signal);
    expect(built).toMatchObject({ ok: true, output: expect.stringContaining('namespace: shop') });
  });

  it('says what is wrong without naming its scratch folder', async () => {
    const renderer = await open();
    const built = await renderer.kustomize(files({ 'a/kustomization.yaml': 'resources: [gone.yaml]\n' }), 'a', signal);
    expect(built).toMatchObject({ ok: false, message: expect.stringContaining('a/gone.yaml') });
    expect(JSON.stringify(built)).not.toMatch(/sluice-render-|\/tmp|Error: /);
    expect(await readdir(scratchRoot)).toEqual([]);
  });

  it.each([
    ['a literal without name', { 'kustomization.yaml': 'secretGenerator: [{name: a, literals: [hunter2]}]' }],
    ['two literals', { 'kustomization.yaml': 'secretGenerator: [{name: a, literals: ["a=hunter2", "hun ter2 ]: x, hunter2"]}]' }],
    [
      'a plugin',
      { 'kustomization.yaml': 'generators: [g.yaml]', 'g.yaml': 'apiVersion: builtin\nkind: SecretGenerator\nmetadata: {name: a}\nliterals: [hunter2]\n' },
    ],
    [
      'a wrong plugin',
      { 'kustomization.yaml': 'generators: [g.yaml]', 'g.yaml': 'apiVersion: builtin\nkind: SecretGenerator\nmetadata: {name: a}\nliterals: {a: hunter2}\n' },
    ],
    ['a patch that is none', { 'kustomization.yaml': 'patches:\n- patch: |\n    hunter2\n    stringData: [hunter2\n' }],
    [
      'a patch for nothing',
      { 'kustomization.yaml': 'resources: [x.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: "{op: hunter2}"\n', 'x.yaml': configMap('x') },
    ],
    [
      'a wrong JSON patch',
      {
        'kustomization.yaml': 'resources: [x.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: "[{op: replace, path: /data/q, value: hunter2}]"\n',
        'x.yaml': configMap('x'),
      },
    ],
    ['an alias', { 'kustomization.yaml': 'resources: [x.yaml]', 'x.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: *hunter2}\n' }],
    ['a line of an environment file', { 'kustomization.yaml': 'secretGenerator: [{name: a, envs: [e]}]', e: 'a=1\n=hunter2\n hunter2\na=hunter2\na=hunter2' }],
    [
      'a merge patch with a wrong type',
      {
        'kustomization.yaml': 'resources: [x.yaml]\npatches: [{path: p.yaml}]',
        'x.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: x}',
        'p.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: [hunter2]',
      },
    ],
    ['a kustomization of wrong types', { 'kustomization.yaml': 'secretGenerator: [{name: a, literals: hunter2}]' }],
    ['a field of a kustomization', { 'kustomization.yaml': 'secretGenerator: [{name: a, literal: [hunter2]}]' }],
    ['broken text', { 'kustomization.yaml': 'secretGenerator:\n- literals: [hunter2\n  "hunter2: }' }],
  ])('does not repeat a secret of %s', async (_, repository) => {
    const renderer = await open();
    const built = await renderer.kustomize(files(repository), '', signal);
    if (!built.ok) expect(built.message).not.toContain('hunter2');
  });

  it.each([
    ['from the network', 'resources: ["http://127.0.0.1:PORT/x.yaml"]'],
    ['from a repository', 'resources: ["http://127.0.0.1:PORT/org/repository.git?timeout=2s"]'],
    ['from outside of its folder', 'configMapGenerator: [{name: a, files: [../secret.txt]}]'],
    ['from the machine', 'configMapGenerator: [{name: a, files: [/etc/hostname]}]'],
    ['from a chart', 'helmCharts: [{name: x, repo: "http://127.0.0.1:PORT"}]'],
  ])('reads nothing %s', async (_, kustomization) => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked++;
      response.end(configMap('x'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const renderer = await open();
    const text = kustomization.replace('PORT', String((server.address() as AddressInfo).port));
    expect(await renderer.kustomize(files({ 'a/kustomization.yaml': text, 'secret.txt': 'x' }), 'a', signal)).toMatchObject({ ok: false });
    expect(renderer.confinement.withoutNetwork ? asked : 0).toBe(0);
  });

  it('is ended by its limits over a bomb of aliases', async () => {
    const lines = ['a0: &a0 [x, x]', ...Array.from({ length: 30 }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}, *a${level}]`)];
    const renderer = await open({ timeoutMs: 1_000 });
    const bomb = files({
      'a/kustomization.yaml': 'resources: [x.yaml]',
      'a/x.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n${lines.join('\n')}\n`,
    });
    await expect(
      renderer.kustomize(bomb, 'a', signal).then(
        ({ ok }) => ok,
        () => false,
      ),
    ).resolves.toBe(false);
    expect(await readdir(scratchRoot)).toEqual([]);
  });

  it('never writes outside of its scratch folder', async () => {
    const renderer = await open();
    await expect(renderer.kustomize(files({ '../outside.yaml': 'x' }), 'a', signal)).rejects.toThrow('../outside.yaml lies outside of the scratch folder');
    expect(await readdir(scratchRoot)).toEqual([]);
  });

  it('is UNREACHABLE when the binary is not there', async () => {
    await expect(open({ binary: '/nowhere/kustomize' })).rejects.toMatchObject({ name: 'PortError', port: 'renderer', code: 'UNREACHABLE' });
  });
});

describe('the tool', () => {
  it('gets nothing of our environment', async () => {
    process.env.SLUICE_TEST_SECRET = 'hunter2';
    onTestFinished(() => void delete process.env.SLUICE_TEST_SECRET);
    const renderer = await open({ binary: await program('export -p >&2; echo "$HOME"; pwd') });
    const built = await renderer.kustomize(small, 'a', signal);
    expect(built).toMatchObject({ ok: true, output: expect.stringContaining('sluice-render-') });
    const failing = await open({ binary: await program('export -p >&2; exit 1') });
    expect(JSON.stringify(await failing.kustomize(small, 'a', signal))).not.toContain('hunter2');
  });

  it('is ended with all that it started when it takes too long', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'renderer-mark-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    // Its child would go on writing after it, if it lived.
    const renderer = await open({ binary: await program(`(while :; do echo x > ${folder}/alive; /bin/sleep 0.02; done) & wait`), timeoutMs: 300 });
    await expect(renderer.kustomize(small, 'a', signal)).rejects.toMatchObject({ name: 'PortError', port: 'renderer', code: 'TIMEOUT', retryable: true });
    await rm(join(folder, 'alive'), { force: true });
    await sleep(200); // Ten turns of the child's loop.
    expect(await readdir(folder)).toEqual([]);
    expect(await readdir(scratchRoot)).toEqual([]);
  });

  it('is ended when it writes too much', async () => {
    const renderer = await open({ binary: await program('while :; do echo 0123456789; done'), maxOutputBytes: 100_000 });
    await expect(renderer.kustomize(small, 'a', signal)).rejects.toMatchObject({ name: 'PortError', code: 'INVALID' });
  });

  it('is ended when nobody wants the answer any more', async () => {
    const renderer = await open({ binary: await program('/bin/sleep 60') });
    const leaving = new AbortController();
    const build = renderer.kustomize(small, 'a', leaving.signal);
    const waiting = renderer.kustomize(small, 'a', AbortSignal.abort(new Error('never began')));
    await expect(waiting).rejects.toThrow('never began');
    leaving.abort(new Error('a newer commit came'));
    await expect(build).rejects.toThrow('a newer commit came');
    expect(await readdir(scratchRoot)).toEqual([]);
  });

  it('says little when it says much', async () => {
    const renderer = await open({
      binary: await program(
        'i=0; while [ $i -lt 2000 ]; do echo "Error: 0123456789012345678901234567890123456789012345678901234567890123456789" >&2; i=$((i+1)); done; exit 1',
      ),
    });
    const built = await renderer.kustomize(small, 'a', signal);
    expect(built.ok ? 0 : built.message.length).toBeLessThan(2_100);
  });

  it('runs no more often at once than is allowed, and those who wait may leave', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'renderer-slots-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const renderer = await open({
      binary: await program(`: > ${folder}/$$; set -- ${folder}/*; echo $#; /bin/sleep 0.1; /bin/rm ${folder}/$$`),
      concurrency: 2,
    });
    const leaving = new AbortController();
    const builds = Array.from({ length: 8 }, (_, index) =>
      renderer.kustomize(small, 'a', index === 5 ? leaving.signal : signal).then(
        (built) => (built.ok ? Number(built.output) : -1),
        () => 0,
      ),
    );
    leaving.abort();
    const most = await Promise.all(builds);
    expect(Math.max(...most)).toBe(2);
    expect(Math.min(...most)).toBe(0);
  });
});

describe('a render by the real kustomize', () => {
  const repository: Repository = {
    'apps/web/kustomization.yaml':
      'resources: [../../base]\nnamespace: shop\nconfigMapGenerator: [{name: settings, literals: [mode=on], files: [motd.txt]}]\npatches: [{path: replicas.yaml}]\n',
    'apps/web/motd.txt': 'hello\n',
    'apps/web/replicas.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n',
    'base/kustomization.yaml': 'resources: [deployment.yaml]\n',
    'base/deployment.yaml':
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1, template: {spec: {containers: [{name: web, image: nginx, args: ["0644", "yes"], env: [{name: BIG, value: "9007199254740993"}]}]}}}\n',
  };

  it('gives what kustomize wrote, text staying text', async () => {
    const parsed = await render(
      { files: filesOf(repository), path: 'apps/web', kind: 'auto', namespace: 'shop' },
      { renderer: await openRenderTools({ kustomizeBin: parts.kustomize, helmBin: parts.helm, scratchRoot }), cache: openRenderCache({ maxBytes: 1_000_000 }) },
      signal,
    );
    if (!parsed.ok) throw new Error(describeProblems(parsed.problems));
    const [settings, deployment] = parsed.value.manifests;
    expect(settings).toMatchObject({
      kind: 'ConfigMap',
      metadata: { namespace: 'shop', name: expect.stringMatching(/^settings-/) },
      data: { mode: 'on', 'motd.txt': 'hello\n' },
    });
    expect(deployment).toMatchObject({
      kind: 'Deployment',
      spec: { replicas: 3, template: { spec: { containers: [{ args: ['0644', 'yes'], env: [{ value: '9007199254740993' }] }] } } },
    });
  });
});
