import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ToolOptions } from '../../src/adapters/confined-run.ts';
import { openRenderTools } from '../../src/adapters/render-tools.ts';
import { describeProblems } from '../../src/model/parsed.ts';
import { openRenderCache } from '../../src/render/cache.ts';
import { type RenderRequest, render } from '../../src/render/render.ts';
import type { ChartBuild, RenderFile } from '../../src/render/renderer.ts';
import { realParts } from '../real-parts.ts';
import { configMap, filesOf, type Repository } from '../render/repository.ts';

const { parts } = realParts();
const signal = new AbortController().signal;
let scratchRoot: string;
beforeAll(async () => {
  scratchRoot = await mkdtemp(join(tmpdir(), 'helm-test-'));
});
afterAll(() => rm(scratchRoot, { recursive: true, force: true }));

const open = (options: Partial<ToolOptions> = {}) => openRenderTools({ kustomizeBin: parts.kustomize, helmBin: parts.helm, scratchRoot, ...options });

const files = (repository: Readonly<Record<string, string>>): readonly RenderFile[] =>
  Object.entries(repository).map(([path, text]) => ({ path, bytes: new TextEncoder().encode(text) }));

const build = (given: Partial<ChartBuild> = {}): ChartBuild => ({
  path: 'web',
  namespace: 'shop',
  releaseName: 'web',
  valueFiles: [],
  skipCrds: false,
  upgrade: false,
  checkSchema: true,
  ...given,
});

const chartOf = (templates: Readonly<Record<string, string>>, others: Readonly<Record<string, string>> = {}): readonly RenderFile[] =>
  files({
    'web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
    ...Object.fromEntries(Object.entries(templates).map(([name, text]) => [`web/templates/${name}`, text])),
    ...others,
  });

const printing = (expression: string): Readonly<Record<string, string>> => ({
  'x.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  x: {{ ${expression} | quote }}\n`,
});

async function output(templates: readonly RenderFile[], given: Partial<ChartBuild> = {}, options: Partial<ToolOptions> = {}): Promise<string> {
  const built = await (await open(options)).helm(templates, build(given), signal);
  if (!built.ok) throw new Error(built.message);
  return built.output;
}

describe('helm', () => {
  it('tells its version and leaves nothing behind', async () => {
    const renderer = await open();
    expect(renderer.versions.helm).toMatch(/^v4\.\d+/);
    expect(await renderer.helm(chartOf(printing('.Release.Name')), build(), signal)).toMatchObject({ ok: true, output: expect.stringContaining('x: "web"') });
    expect(await readdir(scratchRoot)).toEqual([]);
  });

  it('takes values of the chart, then value files in their order, then inline values', async () => {
    const values = {
      'web/values.yaml': 'a: chart\nb: chart\nc: chart\nd: chart',
      'web/1.yaml': 'b: first\nc: first\nd: first',
      'shared/2.yaml': 'c: second\nd: second',
    };
    const templates = chartOf(printing('printf "%s %s %s %s" .Values.a .Values.b .Values.c .Values.d'), values);
    expect(await output(templates, { valueFiles: ['web/1.yaml', 'shared/2.yaml'], values: 'd: inline' })).toContain('x: "chart first second inline"');
    expect(await output(templates, { valueFiles: ['shared/2.yaml', 'web/1.yaml'] })).toContain('x: "chart first first first"');
  });

  it.each([
    ['.Release.Name', { releaseName: 'other' }, 'other'],
    ['.Release.Namespace', { namespace: 'other' }, 'other'],
    ['printf "%v %v" .Release.IsInstall .Release.IsUpgrade', {}, 'true false'],
    ['printf "%v %v" .Release.IsInstall .Release.IsUpgrade', { upgrade: true }, 'false true'],
    ['.Capabilities.KubeVersion.Version', { capabilities: { kubeVersion: 'v1.29.3-eks-a1b2', apiVersions: [] } }, 'v1.29.3-eks-a1b2'],
    ['.Capabilities.APIVersions.Has "example.org/v1/Widget"', {}, 'false'],
    ['.Capabilities.APIVersions.Has "example.org/v1/Widget"', { capabilities: { apiVersions: ['example.org/v1/Widget'] } }, 'true'],
    [
      '.Capabilities.APIVersions.Has "example.org/v999"',
      { capabilities: { apiVersions: Array.from({ length: 1200 }, (_, index) => `example.org/v${index}`) } },
      'true',
    ],
  ])('says %s to a chart given %o', async (expression, given, expected) => {
    expect(await output(chartOf(printing(expression)), given)).toContain(`x: "${expected}"`);
  });

  const hook = (name: string, event: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, annotations: {helm.sh/hook: "${event}"}}\n`;

  it('gives CRDs first, hooks as well, and no tests', async () => {
    const definition = 'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.org}\n';
    const chart = chartOf(
      { ...printing('"y"'), 'hooks.yaml': `${hook('before', 'pre-install')}---\n${hook('probe', 'test')}---\n${hook('old-probe', 'test-success')}` },
      { 'web/crds/widgets.yaml': definition },
    );
    const kinds = (text: string) => [...text.matchAll(/^(?:kind: (\w+)|metadata: \{name: ([\w.]+))/gm)].map(([, kind, name]) => kind ?? name);
    expect(kinds(await output(chart))).toEqual(['CustomResourceDefinition', 'widgets.example.org', 'ConfigMap', 'x', 'ConfigMap', 'before']);
    expect(kinds(await output(chart, { skipCrds: true }))).toEqual(['ConfigMap', 'x', 'ConfigMap', 'before']);
  });

  it('renders subcharts that are vendored', async () => {
    const chart = chartOf(
      {},
      { 'web/charts/sub/Chart.yaml': 'apiVersion: v2\nname: sub\nversion: 1.0.0\n', 'web/charts/sub/templates/x.yaml': configMap('from-sub') },
    );
    expect(await output(chart)).toContain('from-sub');
  });

  it.each([
    ['a mistake in a template', printing('.Values.a.b.c'), {}, /web\/templates\/x\.yaml:5:\d+/],
    ['a template that fails', printing('fail "no"'), {}, /no/],
    ['output that is no YAML', { 'x.yaml': 'a: [' }, {}, /web\/templates\/x\.yaml/],
    ['a value file that is no YAML', printing('"y"'), { valueFiles: ['web/v.yaml'] }, /web\/v\.yaml/],
    ['inline values that are no YAML', printing('"y"'), { values: 'a: [' }, /inline-values\.yaml/],
  ])('says where %s is, without naming its scratch folder', async (_, templates, given, message) => {
    const built = await (await open()).helm(chartOf(templates, { 'web/v.yaml': 'a: [' }), build(given), signal);
    expect(built).toMatchObject({ ok: false, message: expect.stringMatching(message) });
    expect(JSON.stringify(built)).not.toMatch(/sluice-render-|\/tmp|Error: |--debug|level=/);
  });

  it('holds values against the schema of the chart', async () => {
    const chart = chartOf(printing('.Values.a'), { 'web/values.yaml': 'a: 1', 'web/values.schema.json': '{"properties": {"a": {"type": "string"}}}' });
    expect(await (await open()).helm(chart, build(), signal)).toMatchObject({ ok: false, message: expect.stringMatching(/\/a.*got number, want string/) });
    expect(await output(chart, { checkSchema: false })).toContain('x: "1"');
  });
});

describe('a hostile chart', () => {
  it.each([
    ['a file of the machine', '.Files.Get "../../../../../../etc/passwd"'],
    ['a file by its absolute path', '.Files.Get "/etc/passwd"'],
    ['files of the machine by pattern', '(.Files.Glob "/etc/*").AsConfig | toString'],
    ['an address of the network', 'getHostByName "localhost"'],
    ['an object of a cluster', 'lookup "v1" "Secret" "kube-system" "" | toJson | replace "{}" ""'],
  ])('finds nothing when it looks for %s', async (_, expression) => {
    process.env.KUBECONFIG = '/nowhere';
    onTestFinished(() => void delete process.env.KUBECONFIG);
    expect(await output(chartOf(printing(expression)))).toMatch(/x: (?:""|"\{\}"|)\n/);
  });

  it('cannot reach the network by its schema', async () => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked++;
      response.end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const renderer = await open();
    const schema = JSON.stringify({ $ref: `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.json` });
    const built = await renderer.helm(chartOf(printing('"y"'), { 'web/values.schema.json': schema }), build(), signal);
    if (renderer.confinement.withoutNetwork) expect([asked, built]).toEqual([0, { ok: false, message: expect.stringContaining('failing loading') }]);
  });

  it('knows no function that reads the environment', async () => {
    const built = await (await open()).helm(chartOf(printing('env "HOME"')), build(), signal);
    expect(built).toMatchObject({ ok: false, message: expect.stringContaining('function "env" not defined') });
  });

  it('is ended when it prints more than is allowed', async () => {
    const line = '{{ range until 20000 }}# 0123456789012345678901234567890123456789\n{{ end }}';
    await expect(output(chartOf({ 'x.yaml': `${configMap('x')}${line}` }), {}, { maxOutputBytes: 100_000 })).rejects.toMatchObject({
      name: 'PortError',
      code: 'INVALID',
      message: 'helm wrote more than 100000 bytes: split the Application',
    });
  });

  it.each([
    ['prints without end', '{{ range until 100000 }}{{ range until 100000 }}0123456789012345678901234567890123456789\n{{ end }}{{ end }}'],
    ['wants more memory than there is', '{{ range until 2000000000 }}x{{ end }}'],
  ])(
    'that %s is ended by its limits',
    async (_, template) => {
      const renderer = await open({ timeoutMs: 20_000 });
      const built = await renderer.helm(chartOf({ 'x.yaml': template }), build(), signal).catch((error: unknown) => error);
      if (renderer.confinement.withMemoryLimit) expect(built).toEqual({ ok: false, message: 'needs more memory than the 512 MiB that it is meant to use' });
      else expect(built).toMatchObject({ name: 'PortError', code: 'TIMEOUT' });
      expect(await readdir(scratchRoot)).toEqual([]);
    },
    60_000,
  );

  it('that computes without end is ended in time', async () => {
    const spinning = '{{ range until 10000 }}{{ range until 10000 }}{{ range until 10000 }}{{ end }}{{ end }}{{ end }}';
    await expect(output(chartOf({ 'x.yaml': spinning }), {}, { timeoutMs: 1_000 })).rejects.toMatchObject({
      name: 'PortError',
      code: 'TIMEOUT',
      message: 'helm took longer than 1000 ms: split the Application',
    });
  });
});

describe('a render by the real helm', () => {
  const ask = (repository: Repository, given: Partial<RenderRequest> = {}): RenderRequest => ({
    files: filesOf(repository),
    path: 'web',
    kind: 'auto',
    namespace: 'shop',
    ...given,
  });

  async function rendered(request: RenderRequest) {
    const parsed = await render(request, { renderer: await open(), cache: openRenderCache({ maxBytes: 10_000_000 }) }, signal);
    if (!parsed.ok) throw new Error(describeProblems(parsed.problems));
    return parsed.value.manifests;
  }

  it.each([
    ['staging', 1, 'sandbox'],
    ['production', 2, 'live'],
  ])('gives the payments service of the example as %s wants it', async (stage, replicas, provider) => {
    const folder = join(import.meta.dirname, '../../examples/shop/services/payments/chart');
    const entries = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const paths = entries.map(({ parentPath, name }) => join(parentPath, name));
    const repository = Object.fromEntries(
      await Promise.all(paths.map(async (path) => [`web${path.slice(folder.length)}`, await readFile(path, 'utf8')] as const)),
    );
    const manifests = await rendered(ask(repository, { helm: { releaseName: 'payments', valueFiles: [`values-${stage}.yaml`], skipCrds: false } }));
    expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'ConfigMap payments-settings',
      'Service payments',
      'ServiceAccount payments',
      'Deployment payments',
    ]);
    expect(manifests[0]).toMatchObject({ data: { PROVIDER: provider, AUTH_URL: 'http://auth' } });
    expect(manifests[3]).toMatchObject({ spec: { replicas, template: { spec: { containers: [{ image: 'registry.example/shop/payments:1.9.3' }] } } } });
  });
});
