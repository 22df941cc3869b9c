import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { type Environment, namedByEnvironment, onPath } from './machine-programs.ts';
import { partsKey } from './parts-key.ts';
import { ensureRedis, type RedisServer } from './redis-server.ts';
import { run, type Say } from './run-program.ts';

/** The real programs that the demo and the tests run against: absolute paths. */
export type Parts = {
  readonly kubeApiserver: string;
  readonly kubeControllerManager: string;
  readonly kubeScheduler: string;
  readonly kubectl: string;
  readonly etcd: string;
  readonly kwok: string;
  readonly kustomize: string;
  readonly helm: string;
  readonly gitea: string;
  /** Where Gitea finds its templates and options. */
  readonly giteaStaticRoot: string;
  readonly redisServer: RedisServer;
};

/** A Go module under tools/ whose programs are compiled together, because they share packages. */
type Module = {
  readonly folder: 'kubernetes' | 'gitea';
  readonly what: string;
  /** The module in go.mod whose version the programs print. */
  readonly versionOf: string;
  readonly packages: readonly string[];
  readonly programs: readonly string[];
  readonly sources: readonly string[];
  readonly cgo: boolean;
  flags(version: string): readonly string[];
};

const kubernetes: Module = {
  folder: 'kubernetes',
  what: 'Kubernetes, etcd, kwok, kustomize and helm',
  versionOf: 'k8s.io/kubernetes',
  packages: [
    './etcd',
    'k8s.io/kubernetes/cmd/kube-apiserver',
    'k8s.io/kubernetes/cmd/kube-controller-manager',
    'k8s.io/kubernetes/cmd/kube-scheduler',
    'k8s.io/kubernetes/cmd/kubectl',
    'sigs.k8s.io/kwok/cmd/kwok',
    'sigs.k8s.io/kustomize/kustomize/v5',
    'helm.sh/helm/v4/cmd/helm',
  ],
  programs: ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl', 'kwok', 'kustomize', 'helm'],
  sources: ['go.mod', 'go.sum', 'etcd/main.go'],
  cgo: false,
  flags(version) {
    const [major, minor] = version.slice(1).split('.');
    const facts = { gitVersion: version, gitMajor: major, gitMinor: minor };
    return ['-ldflags', ['-s -w', ...Object.entries(facts).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)].join(' ')];
  },
};

const gitea: Module = {
  folder: 'gitea',
  what: 'Gitea',
  versionOf: 'code.gitea.io/gitea',
  packages: ['code.gitea.io/gitea'],
  programs: ['gitea'],
  sources: ['go.mod', 'go.sum'],
  cgo: true,
  flags: (version) => ['-tags', 'sqlite sqlite_unlock_notify', '-ldflags', `-s -w -X main.Version=${version.slice(1)}`],
};

const staticFolders = ['templates', 'options', 'public'];

/**
 * Finds the real parts, or compiles them into the cache outside the work tree. Quick (some 50 ms) when all are there.
 * What the environment names is used instead: KUBEBUILDER_ASSETS (kube-apiserver, etcd, kubectl), SLUICE_<NAME>_BIN for each program.
 * Throws with one line that says what is missing and how to get it.
 */
export async function ensureParts({ say, environment = process.env }: { readonly say: Say; readonly environment?: Environment }): Promise<Parts> {
  const cache = join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice', 'parts');
  await mkdir(cache, { recursive: true });
  const named = (program: string) => namedByEnvironment(program, environment);
  const needed = [kubernetes, gitea].filter(({ programs }) => programs.some((program) => named(program) === undefined));
  const goVersion = needed.length === 0 ? '' : await readGoVersion(environment);
  const redisServer = ensureRedis({ cache, say, environment });
  redisServer.catch(() => {}); // is awaited below, after the compiler
  const folders = new Map<Module, string>();
  for (const module of needed) folders.set(module, await ensureModule(module, cache, goVersion, say));
  const program = (module: Module, name: string): string => named(name) ?? join(folders.get(module) ?? '', name);
  return {
    kubeApiserver: program(kubernetes, 'kube-apiserver'),
    kubeControllerManager: program(kubernetes, 'kube-controller-manager'),
    kubeScheduler: program(kubernetes, 'kube-scheduler'),
    kubectl: program(kubernetes, 'kubectl'),
    etcd: program(kubernetes, 'etcd'),
    kwok: program(kubernetes, 'kwok'),
    kustomize: program(kubernetes, 'kustomize'),
    helm: program(kubernetes, 'helm'),
    gitea: program(gitea, 'gitea'),
    giteaStaticRoot: environment.SLUICE_GITEA_STATIC_ROOT ?? join(folders.get(gitea) ?? '', 'static'),
    redisServer: await redisServer,
  };
}

const instead =
  'or name programs of this machine: KUBEBUILDER_ASSETS (kube-apiserver, etcd, kubectl), SLUICE_KUBE_CONTROLLER_MANAGER_BIN, SLUICE_KUBE_SCHEDULER_BIN, ' +
  'SLUICE_KWOK_BIN, SLUICE_KUSTOMIZE_BIN, SLUICE_HELM_BIN, SLUICE_GITEA_BIN with SLUICE_GITEA_STATIC_ROOT';

async function readGoVersion(environment: Environment): Promise<string> {
  if (onPath('go', environment) === undefined)
    throw new Error(`Go 1.26 or newer is needed to compile the real parts and is not on PATH: install it, ${instead}`);
  const version = (await run('go', ['env', 'GOVERSION'], { env: { GOTOOLCHAIN: 'local' } })).trim();
  const minor = Number(/^go1\.(\d+)/.exec(version)?.[1] ?? 0);
  if (minor < 26) throw new Error(`Go 1.26 or newer is needed to compile the real parts, on PATH is ${version}: install it, ${instead}`);
  return version;
}

/** The folder of the cache that holds the module's programs, compiled when it is not there. */
async function ensureModule(module: Module, cache: string, goVersion: string, say: Say): Promise<string> {
  const source = join(import.meta.dirname, module.folder);
  const texts = await Promise.all(module.sources.map((file) => readFile(join(source, file), 'utf8')));
  const version = new RegExp(`^\\s*(?:require )?${module.versionOf.replaceAll('.', '\\.')} (v\\S+)`, 'm').exec(texts[0] ?? '')?.[1];
  if (version === undefined) throw new Error(`tools/${module.folder}/go.mod: no version of ${module.versionOf}`);
  const flags = ['-trimpath', ...module.flags(version)];
  const key = partsKey({ texts, flags, packages: module.packages, goVersion, platform: `${process.platform}/${process.arch}` });
  const folder = join(cache, `${module.folder}-${key}`);
  if (existsSync(folder)) return folder;
  await withLock(
    `${folder}.lock`,
    (holder) => say(`waiting for process ${holder}, which compiles ${module.what} …`),
    async () => {
      if (!existsSync(folder)) await compile(module, source, flags, folder, say);
    },
  );
  return folder;
}

/** Compiles into a folder beside and moves it into its place when it is complete. */
async function compile(module: Module, source: string, flags: readonly string[], folder: string, say: Say): Promise<void> {
  const env = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off', CGO_ENABLED: module.cgo ? '1' : '0' };
  const compiler = process.env.CC ?? 'gcc';
  if (module.cgo) {
    await run(compiler, ['--version']).catch(() => {
      throw new Error(`a C compiler is needed for ${module.what} and ${compiler} is not there: install gcc, ${instead}`);
    });
  }
  const began = performance.now();
  let step = 'reading the modules';
  let downloaded = 0;
  let compiled = 0;
  let total = 0;
  const hear = (line: string) => {
    if (line.startsWith('go: downloading')) downloaded += 1;
    else if (!line.startsWith('go:')) compiled += 1;
  };
  const progress = () => {
    const far = total === 0 ? `${downloaded} modules downloaded` : `${compiled} of at most ${total} packages`;
    say(`${module.what}: ${step}, ${far}, ${duration(performance.now() - began)}`);
  };
  progress();
  const ticker = setInterval(progress, 5000);
  const unfinished = await mkdtemp(`${folder}.unfinished-`);
  try {
    const packages = await run('go', ['list', '-deps', ...flags, ...module.packages], { cwd: source, env, hear });
    step = 'compiling';
    total = packages.trim().split('\n').length;
    compiled = 0;
    await run('go', ['build', '-v', ...flags, '-o', `${unfinished}/`, ...module.packages], { cwd: source, env, hear });
    if (module === gitea) await copyStaticFiles(source, env, join(unfinished, 'static'));
    await rename(unfinished, folder);
  } finally {
    clearInterval(ticker);
    await rm(unfinished, { recursive: true, force: true });
  }
  say(`${module.what}: compiled in ${duration(performance.now() - began)}`);
}

/** Copied, because Go's module cache may be emptied at any time. */
async function copyStaticFiles(source: string, env: Environment, target: string): Promise<void> {
  const module = (await run('go', ['list', '-m', '-f', '{{.Dir}}', gitea.versionOf], { cwd: source, env })).trim();
  for (const folder of staticFolders) await cp(join(module, folder), join(target, folder), { recursive: true, mode: 0 });
  await run('chmod', ['-R', 'u+w', target]); // files of the module cache are read-only, and the cache must be removable
}

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
