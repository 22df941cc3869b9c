import { canonicalJson, digestOf } from '../model/json.ts';
import { describeId, idOf, type Manifest, resourceKey } from '../model/manifest.ts';
import { accepted, describeProblems, type Parsed, type Problem, refused } from '../model/parsed.ts';
import { isLfsPointer } from '../source/lfs-pointer.ts';
import type { Files } from '../source/source.ts';
import type { RenderCache } from './cache.ts';
import type { Closure, ClosureFile } from './closure.ts';
import { bombProblem } from './documents.ts';
import type { Capabilities, ChartBuild, HelmSettings, Renderer, RenderFile, RenderKind } from './renderer.ts';
import { withoutSecretSettings, withoutSecretValues } from './secret-values.ts';
import { lfsMessage, textOf, unreadableFile } from './text.ts';
import { type PlacedManifest, readManifests } from './yaml.ts';

/** What says which files are read. `helm` is for charts, which `helm template` renders with its own defaults when it is missing. */
export type RenderSource = { readonly files: Files; readonly path: string; readonly kind: RenderKind; readonly helm?: HelmSettings };

/**
 * `namespace`: where objects without one go; it decides only whether two objects are the same (and a chart may ask for it), and is not written into them.
 * Of charts only: `installed` are the inputs that were applied first, so that a render of any others is an upgrade; `capabilities` is asked for what the
 * cluster serves.
 */
export type RenderRequest = RenderSource & {
  readonly namespace: string;
  readonly installed?: string | undefined;
  readonly capabilities?: (signal: AbortSignal) => Promise<Capabilities>;
};

/**
 * `manifests` sorted by id; `inputs` says what was read, `key` what was read and by what, `digest` what came out.
 * `origins`: by resourceKey, as written, the place of an object in the repository; objects of a tool's output have none.
 */
export type Rendered = {
  readonly manifests: readonly Manifest[];
  readonly inputs: string;
  readonly key: string;
  readonly digest: string;
  readonly origins: ReadonlyMap<string, string>;
};

const maxFiles = 10_000;
const maxBytes = 64 * 1024 * 1024;
const readAtOnce = 32;
// Counts up when the same files are read to other manifests, so that nothing kept under an old key is taken for the new answer.
const readerVersion = 'reader 1';
// An object in memory takes a few times its text.
const bytesPerCharacter = 4;

/**
 * The manifests of one path of one commit. The same content is rendered once, at whatever commit and for however many callers; so are refusals.
 * Refused, all at once: what the closure cannot resolve, what is no manifest, what the tool refuses, one object written twice.
 * Throws  PortError('source', …) and PortError('renderer', …).
 */
export async function render(
  request: RenderRequest,
  { renderer, cache }: { readonly renderer: Renderer; readonly cache: RenderCache },
  signal: AbortSignal,
): Promise<Parsed<Rendered>> {
  const closure = await cache.closures.of(request.files, request.path, request.kind, request.helm);
  if (!closure.ok) return closure;
  const build = await toolBuild(closure.value, request, signal);
  const key = renderKey(closure.value, build, request, renderer);
  const { parsed } = await cache.once(key, () => renderNow({ closure: closure.value, build, request, key }, { renderer, cache }, signal), signal);
  return parsed;
}

/** What a render would read, as one digest; of the reasons when it cannot be told. Runs no tool. */
export async function inputsOf({ files, path, kind, helm }: RenderSource, { closures }: Pick<RenderCache, 'closures'>): Promise<string> {
  const closure = await closures.of(files, path, kind, helm);
  return closure.ok ? closure.value.key : digestOf(describeProblems(closure.problems));
}

type Build = { readonly kind: 'plain' } | { readonly kind: 'kustomize' } | { readonly kind: 'helm'; readonly chart: ChartBuild };

/** What is run. Only charts ask the cluster anything. */
async function toolBuild(closure: Closure, { namespace, installed, capabilities }: RenderRequest, signal: AbortSignal): Promise<Build> {
  const { tool } = closure;
  if (tool.kind !== 'helm') return { kind: tool.kind };
  const served = await capabilities?.(signal);
  return {
    kind: 'helm',
    chart: {
      ...tool.settings,
      path: closure.path,
      namespace,
      upgrade: installed !== undefined && installed !== closure.key,
      checkSchema: tool.checkSchema,
      ...(served === undefined ? {} : { capabilities: served }),
    },
  };
}

/** Two renders with equal keys have equal results. */
function renderKey(closure: Closure, build: Build, { namespace }: Pick<RenderRequest, 'namespace'>, { versions }: Pick<Renderer, 'versions'>): string {
  return digestOf([closure.key, toolText(build, versions), readerVersion, namespace].join('\n'));
}

function toolText(build: Build, versions: Renderer['versions']): string {
  if (build.kind === 'plain') return 'plain';
  if (build.kind === 'kustomize') return `kustomize ${versions.kustomize}`;
  // Its settings are in the closure's key.
  const { upgrade, capabilities } = build.chart;
  return ['helm', versions.helm, upgrade ? 'upgrade' : 'install', capabilities?.kubeVersion ?? '', ...(capabilities?.apiVersions.toSorted() ?? [])].join(' ');
}

type Answer = { readonly parsed: Parsed<Rendered>; readonly bytes: number };
type Job = { readonly closure: Closure; readonly build: Build; readonly request: RenderRequest; readonly key: string };

async function renderNow(
  { closure, build, request, key }: Job,
  ports: { readonly renderer: Renderer; readonly cache: RenderCache },
  signal: AbortSignal,
): Promise<Answer> {
  const files = await readAll(closure, request.files);
  if (!files.ok) return refusal(files.problems);
  const placed = build.kind === 'plain' ? readPlain(files.value, closure, ports.cache) : await runTool(build, files.value, closure, ports.renderer, signal);
  if (!placed.ok) return refusal(placed.problems);
  const doubled = doubledIds(placed.value, request.namespace);
  if (doubled.length > 0) return refusal(doubled);
  const manifests = placed.value
    .map(({ manifest }) => ({ manifest, sort: resourceKey(idOf(manifest)) }))
    .sort((a, b) => (a.sort < b.sort ? -1 : 1))
    .map(({ manifest }) => manifest);
  const text = canonicalJson(manifests);
  const origins = new Map(build.kind === 'plain' ? placed.value.map(({ manifest, at }) => [resourceKey(idOf(manifest)), at]) : []);
  return { parsed: accepted({ manifests, inputs: closure.key, key, digest: digestOf(text), origins }), bytes: bytesPerCharacter * text.length };
}

const refusal = (problems: readonly Problem[]): Answer => ({ parsed: refused(...problems), bytes: 500 * (1 + problems.length) });

/** The bytes of a closure's files. Of those that may not be needed, what cannot be read is left out: a tool that wants it says so. */
async function readAll({ files, path }: Closure, source: Files): Promise<Parsed<readonly RenderFile[]>> {
  const tooMuch = (what: string) => refused({ at: path === '' ? '.' : path, message: `reads more than ${what}: split it into several Applications` });
  if (files.length > maxFiles) return tooMuch(`${maxFiles.toLocaleString('en')} files`);
  const read: RenderFile[] = [];
  const problems: Problem[] = [];
  let bytes = 0;
  for (let start = 0; start < files.length; start += readAtOnce) {
    const chunk = await Promise.all(files.slice(start, start + readAtOnce).map((file) => readOne(file, source)));
    for (const { file, content, problem } of chunk) {
      if (problem !== undefined) problems.push(problem);
      if (content === undefined) continue;
      if (!isLfsPointer(content)) read.push({ path: file.path, bytes: content });
      else if (file.certain) problems.push({ at: file.path, message: lfsMessage });
      bytes += content.byteLength;
    }
    if (bytes > maxBytes) return tooMuch(`${maxBytes / 1024 / 1024} MiB`);
  }
  return problems.length === 0 ? accepted(read) : refused(...problems);
}

type Read = { readonly file: ClosureFile; readonly content: Uint8Array | undefined; readonly problem?: Problem };

async function readOne(file: ClosureFile, source: Files): Promise<Read> {
  try {
    return { file, content: await source.read(file.path) };
  } catch (error) {
    const problem = unreadableFile(error);
    if (problem === undefined) throw error;
    return { file, content: undefined, ...(file.certain ? { problem } : {}) };
  }
}

function readPlain(files: readonly RenderFile[], closure: Closure, cache: RenderCache): Parsed<readonly PlacedManifest[]> {
  const ids = new Map(closure.files.map(({ path, id }) => [path, id]));
  const parsed = files.map(
    ({ path, bytes }) =>
      cache.parsedOnce(`${ids.get(path)} ${path}`, () => ({ placed: readFile(path, bytes), bytes: bytesPerCharacter * bytes.byteLength + 200 })).placed,
  );
  const problems = parsed.flatMap((one) => (one.ok ? [] : one.problems));
  return problems.length === 0 ? accepted(parsed.flatMap((one) => (one.ok ? one.value : []))) : refused(...problems);
}

function readFile(path: string, bytes: Uint8Array): Parsed<readonly PlacedManifest[]> {
  const text = textOf(bytes, path);
  return text.ok ? readManifests(text.value, path) : text;
}

async function runTool(
  build: Exclude<Build, { readonly kind: 'plain' }>,
  files: readonly RenderFile[],
  { path }: Closure,
  renderer: Renderer,
  signal: AbortSignal,
): Promise<Parsed<readonly PlacedManifest[]>> {
  const bombs = files
    .filter((file) => build.kind === 'kustomize' || /\.(?:ya?ml|json)$/.test(file.path))
    .flatMap((file) => bombProblem(new TextDecoder().decode(file.bytes), file.path) ?? []);
  if (bombs.length > 0) return refused(...bombs);
  const isChart = build.kind === 'helm';
  const command = isChart ? 'helm template' : 'kustomize build';
  const at = path === '' ? '.' : path;
  const ran = isChart ? await renderer.helm(files, build.chart, signal) : await renderer.kustomize(files, path, signal);
  if (ran.ok) return readManifests(ran.output, `${at} (output of ${command})`);
  const message = isChart ? withoutSecretSettings(ran.message, files, build.chart) : ran.message;
  return refused({ at, message: `${command}: ${withoutSecretValues(message, files)}` });
}

function doubledIds(placed: readonly PlacedManifest[], namespace: string): readonly Problem[] {
  const first = new Map<string, string>();
  return placed.flatMap(({ manifest, at }) => {
    const id = { namespace, ...idOf(manifest) };
    const key = resourceKey(id);
    const before = first.get(key);
    if (before === undefined) first.set(key, at);
    return before === undefined ? [] : [{ at, message: `${describeId(idOf(manifest))} is also written at ${before}: keep one of the two` }];
  });
}
