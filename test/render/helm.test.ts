import { describe, expect, it } from 'vitest';
import { describeProblems } from '../../src/model/parsed.ts';
import { openRenderCache } from '../../src/render/cache.ts';
import { closureOf } from '../../src/render/closure.ts';
import { inputsOf, type RenderRequest, render } from '../../src/render/render.ts';
import type { ChartBuild, HelmSettings, Renderer, RenderFile, ToolAnswer } from '../../src/render/renderer.ts';
import { touches } from '../../src/render/touches.ts';
import { configMap, filesOf, lfsPointer, type Repository } from './repository.ts';

type Build = { readonly files: readonly RenderFile[]; readonly chart: ChartBuild };

const signal = new AbortController().signal;
const settings = (given: Partial<HelmSettings> = {}): HelmSettings => ({ releaseName: 'web', valueFiles: [], skipCrds: false, ...given });

const chart: Repository = {
  'web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
  'web/values.yaml': 'a: 1\n',
  'web/values-b.yaml': 'a: 2\n',
  'web/templates/x.yaml': 'a: {{ .Values.a }}\n',
  'web/files/motd.txt': 'hello\n',
  'shared/values.yaml': 'a: 3\n',
  'other/x.yaml': configMap('x'),
};

/** Answers like a helm that prints one object, or what a test wants instead. */
function helmThat(answer: ToolAnswer = { ok: true, output: configMap('x') }, version = 'v4.2.0') {
  const builds: Build[] = [];
  const renderer: Renderer = {
    kustomize: async () => Promise.reject(new Error('kustomize is not wanted here')),
    helm: async (files, build) => {
      builds.push({ files, chart: build });
      return answer;
    },
    versions: { kustomize: 'v5', helm: version },
  };
  return { renderer, builds };
}

async function problems(repository: Repository, helm?: HelmSettings): Promise<readonly string[]> {
  const closure = await closureOf(filesOf(repository), 'web', 'auto', helm);
  return closure.ok ? [] : describeProblems(closure.problems).split('\n');
}

describe('the closure of a chart', () => {
  it('is all of its folder, since templates may read any file there, and the value files outside of it', async () => {
    const closure = await closureOf(filesOf(chart), 'web', 'auto', settings({ valueFiles: ['values-b.yaml', '../shared/values.yaml'] }));
    if (!closure.ok) throw new Error(describeProblems(closure.problems));
    expect(closure.value.tool).toMatchObject({ kind: 'helm', settings: { valueFiles: ['web/values-b.yaml', 'shared/values.yaml'] } });
    expect(closure.value.files.map(({ path }) => path)).toEqual([
      'shared/values.yaml',
      'web/Chart.yaml',
      'web/files/motd.txt',
      'web/templates/x.yaml',
      'web/values-b.yaml',
      'web/values.yaml',
    ]);
    expect(touches(closure.value, ['web/files/new.txt'])).toBe(true);
    expect(touches(closure.value, ['shared/values.yaml'])).toBe(true);
    expect(touches(closure.value, ['shared/other.yaml', 'other/x.yaml'])).toBe(false);
  });

  it.each([
    ['a Chart.yaml', { 'web/Chart.yaml': 'name: web' }, 'helm'],
    ['a kustomization file beside it', { 'web/Chart.yaml': 'name: web', 'web/kustomization.yaml': '' }, 'kustomize'],
    ['neither', { 'web/x.yaml': '' }, 'plain'],
  ])('is what auto takes for a folder with %s', async (_, repository: Repository, kind) => {
    const closure = await closureOf(filesOf(repository), 'web', 'auto');
    expect(closure.ok && closure.value.tool.kind).toBe(kind);
  });

  it('takes a value file from the root of the repository with a leading slash', async () => {
    const closure = await closureOf(filesOf(chart), 'web', 'helm', settings({ valueFiles: ['/shared/values.yaml'] }));
    expect(closure.ok && closure.value.tool).toMatchObject({ settings: { valueFiles: ['shared/values.yaml'] } });
  });

  it.each([
    ['the order of value files', settings({ valueFiles: ['values.yaml', 'values-b.yaml'] }), settings({ valueFiles: ['values-b.yaml', 'values.yaml'] })],
    ['inline values', settings({ values: 'a: 1' }), settings({ values: 'a: 2' })],
    ['the release name', settings(), settings({ releaseName: 'other' })],
    ['CRDs', settings(), settings({ skipCrds: true })],
  ])('has another key with other %s', async (_, one, other) => {
    const cache = openRenderCache({ maxBytes: 1_000_000 });
    const inputs = (helm: HelmSettings) => inputsOf({ files: filesOf(chart), path: 'web', kind: 'auto', helm }, cache);
    expect(await inputs(one)).not.toBe(await inputs(other));
    expect(await inputs(one)).toBe(await inputs(one));
  });

  it('does not ask settings of charts when there is none', async () => {
    const inputs = (helm?: HelmSettings) =>
      inputsOf({ files: filesOf(chart), path: 'other', kind: 'auto', ...(helm === undefined ? {} : { helm }) }, openRenderCache({ maxBytes: 1_000_000 }));
    expect(await inputs(settings({ releaseName: 'a' }))).toBe(await inputs());
  });

  it.each([
    ['https://example.org/values.yaml', /is not in this repository, and nothing is fetched while rendering: commit the file and name its path$/],
    ['s3://bucket/values.yaml', /is not in this repository, and nothing is fetched/],
    ['secrets://values.yaml', /is not in this repository, and nothing is fetched/],
    ['../../etc/passwd', /leads out of the repository: name a path inside it, relative to the chart, or from the root with a leading \/$/],
    ['/../etc/passwd', /leads out of the repository/],
    ['gone.yaml', /does not exist at this commit.*\(web\/gone\.yaml\)$/],
    ['templates', /is a folder; a file is wanted here$/],
    ['/link.yaml', /is a symbolic link, which is not followed/],
    ['/vendor/values.yaml', /lies behind a symbolic link or a submodule/],
  ])('refuses the value file %s before any run', async (file, message) => {
    const repository = { ...chart, 'link.yaml': { link: 'web/values.yaml' }, vendor: { submodule: 'a'.repeat(40) } };
    expect(await problems(repository, settings({ valueFiles: ['values.yaml', file] }))).toEqual([expect.stringMatching(message)]);
    expect((await problems(repository, settings({ valueFiles: ['values.yaml', file] })))[0]).toContain(
      `spec.source.helm.valueFiles[1]: ${JSON.stringify(file)}`,
    );
  });

  it.each([
    ['without Chart.yaml', { 'web/Chart.yaml': undefined }, 'web/Chart.yaml: does not exist at this commit, and a chart needs one: correct spec.source.path'],
    ['with a link', { 'web/templates/l.tpl': { link: '../x' } }, 'web/templates/l.tpl: is a symbolic link, which is not followed: put the file itself there'],
    [
      'with a submodule',
      { 'web/charts/redis': { submodule: 'a' } },
      'web/charts/redis: is a Git submodule, which is not fetched: vendor its files into this repository',
    ],
    [
      'whose Chart.yaml is a Git LFS pointer',
      { 'web/Chart.yaml': lfsPointer },
      'web/Chart.yaml: is a Git LFS pointer, and large files are not fetched: commit the file itself',
    ],
    [
      'whose dependency is not vendored',
      { 'web/Chart.yaml': 'apiVersion: v2\nname: web\ndependencies:\n  - name: redis\n    repository: https://charts.example.org\n' },
      'web/Chart.yaml:4: dependency redis is not in web/charts, and nothing is fetched while rendering: run `helm dependency build` and commit charts/',
    ],
    [
      'whose requirements.yaml wants what is not vendored',
      { 'web/Chart.yaml': 'apiVersion: v1\nname: web\n', 'web/requirements.yaml': 'dependencies: [{name: redis}]' },
      'web/requirements.yaml:1: dependency redis is not in web/charts, and nothing is fetched while rendering: run `helm dependency build` and commit charts/',
    ],
    [
      'whose schema refers to the network',
      { 'web/values.schema.json': '{"properties": {"a": {"$ref": "https://example.org/a.json"}}}' },
      'web/values.schema.json: refers to "https://example.org/a.json", and nothing is fetched while rendering: put that part below $defs of this file and refer to it with "#/$defs/…"',
    ],
    [
      'whose subchart has a schema that refers to a file of the machine',
      {
        'web/charts/sub/Chart.yaml': 'name: sub',
        'web/charts/sub/values.schema.json': '{"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "/etc/x.json"}',
      },
      'web/charts/sub/values.schema.json: refers to "/etc/x.json", and nothing is fetched while rendering: put that part below $defs of this file and refer to it with "#/$defs/…"',
    ],
  ])('refuses a chart %s', async (_, changed, message) => {
    const repository = Object.fromEntries(
      Object.entries({ ...chart, ...changed }).flatMap(([path, content]) => (content === undefined ? [] : [[path, content] as const])),
    );
    const closure = await closureOf(filesOf(repository), 'web', 'helm', settings());
    expect(closure.ok ? [] : describeProblems(closure.problems).split('\n')).toEqual([message]);
  });

  it.each([
    ['as a folder', { 'web/charts/redis-x/Chart.yaml': 'name: redis\n' }, true],
    ['packaged', { 'web/charts/redis-1.2.3.tgz': 'x' }, false],
  ])('takes a dependency that is vendored %s', async (_, vendored: Repository, checkSchema) => {
    const repository = { ...chart, 'web/Chart.yaml': 'apiVersion: v2\nname: web\ndependencies: [{name: redis, version: 1.x}]', ...vendored };
    const closure = await closureOf(filesOf(repository), 'web', 'auto', settings());
    expect(closure.ok && closure.value.tool).toMatchObject({ kind: 'helm', checkSchema });
  });

  it('refuses inline values that are none, and names too long, all at once', async () => {
    expect(await problems(chart, settings({ values: '[a]', releaseName: 'a'.repeat(54) }))).toEqual([
      'spec.source.helm.values:1: is not an object of values',
      'spec.source.helm.releaseName: is 54 characters long, and Helm allows 53: give a shorter one',
    ]);
  });
});

describe('a render of a chart', () => {
  const ask = (given: Partial<RenderRequest> = {}): RenderRequest => ({
    files: filesOf(chart),
    path: 'web',
    kind: 'auto',
    namespace: 'shop',
    helm: settings(),
    ...given,
  });

  it('gives helm the files, the settings and what the cluster serves', async () => {
    const { renderer, builds } = helmThat();
    const capabilities = { kubeVersion: 'v1.36.0', apiVersions: ['apps/v1'] };
    await render(ask({ capabilities: async () => capabilities }), { renderer, cache: openRenderCache({ maxBytes: 1_000_000 }) }, signal);
    expect(builds[0]?.chart).toEqual({ ...settings(), path: 'web', namespace: 'shop', upgrade: false, checkSchema: true, capabilities });
    expect(builds[0]?.files.map(({ path }) => path)).toEqual([
      'web/Chart.yaml',
      'web/files/motd.txt',
      'web/templates/x.yaml',
      'web/values-b.yaml',
      'web/values.yaml',
    ]);
  });

  it('is an install until other inputs than the first are rendered', async () => {
    const { renderer, builds } = helmThat();
    const cache = openRenderCache({ maxBytes: 1_000_000 });
    const inputs = await inputsOf(ask(), cache);
    for (const installed of [undefined, inputs, 'other', 'replaced']) await render(ask({ installed }), { renderer, cache }, signal);
    expect(builds.map(({ chart: { upgrade } }) => upgrade)).toEqual([false, true]);
  });

  it('is made anew for another version of helm, another namespace and another cluster, and only then', async () => {
    const cache = openRenderCache({ maxBytes: 1_000_000 });
    const { renderer, builds } = helmThat();
    const serving = (...apiVersions: readonly string[]) => ({ capabilities: async () => ({ kubeVersion: 'v1.36.0', apiVersions }) });
    await render(ask(serving('a/v1', 'b/v1')), { renderer, cache }, signal);
    await render(ask({ ...serving('b/v1', 'a/v1'), files: filesOf({ ...chart, 'other/y.yaml': '' }) }), { renderer, cache }, signal);
    expect(builds).toHaveLength(1);
    await render(ask(serving('a/v1')), { renderer, cache }, signal);
    await render(ask({ ...serving('a/v1'), namespace: 'other' }), { renderer, cache }, signal);
    expect(builds).toHaveLength(3);
    await render(ask(serving('a/v1')), { renderer: { ...renderer, versions: { kustomize: 'v5', helm: 'v4.3.0' } }, cache }, signal);
    expect(builds).toHaveLength(4);
  });

  it('asks the cluster nothing for other folders', async () => {
    const capabilities = async () => expect.unreachable('plain manifests do not depend on the cluster');
    expect(
      await render(ask({ path: 'other', capabilities }), { renderer: helmThat().renderer, cache: openRenderCache({ maxBytes: 1_000_000 }) }, signal),
    ).toMatchObject({ ok: true });
  });

  it('repeats no value that sounds like a secret, as written or in base64', async () => {
    const repository = { ...chart, 'web/values.yaml': 'auth: {password: hunter2}\nenv: [{name: DB_PASSWORD, value: correct horse}]\nimage: nginx\n' };
    const message = `cannot do hunter2, ${Buffer.from('hunter2').toString('base64')}, correct horse or battery staple with nginx`;
    const answer = await render(
      ask({ files: filesOf(repository), helm: settings({ values: 'apiToken: battery staple' }) }),
      { renderer: helmThat({ ok: false, message }).renderer, cache: openRenderCache({ maxBytes: 1_000_000 }) },
      signal,
    );
    expect(answer.ok ? '' : describeProblems(answer.problems)).toMatch(/^web: helm template: cannot do …, …=*, … or … with nginx$/);
  });

  it('never hands a bomb of aliases to helm', async () => {
    const bomb = ['a0: &a0 [x, x]', ...Array.from({ length: 30 }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}, *a${level}]`)].join('\n');
    const answer = await render(
      ask({ files: filesOf({ ...chart, 'web/values.yaml': bomb }) }),
      { renderer: helmThat().renderer, cache: openRenderCache({ maxBytes: 1_000_000 }) },
      signal,
    );
    expect(answer.ok ? '' : describeProblems(answer.problems)).toMatch(/^web\/values\.yaml:1: its aliases, written out, make it too large/);
  });
});
