import { accepted, type Parsed, type Problem, refused } from '../../model/parsed.ts';
import { kustomizationNames } from '../../render/kustomization.ts';

/** A folder of the repository that one stage renders as one Application. */
export type Proposal = {
  readonly app: string;
  readonly stage: string;
  readonly path: string;
  /** Of a chart, relative to its folder. */
  readonly valueFiles?: readonly string[];
};

/** `stages` in the order in which a commit passes them. */
export type Layout = { readonly stages: readonly string[]; readonly proposals: readonly Proposal[] };

type Wanted = {
  /** Names the Applications of paths that name nothing themselves. */
  readonly repository: string;
  /** Patterns of folders: `*` is one name, `{stage}` the stage; none: the repository is searched. */
  readonly paths: readonly string[];
  /** The stages in order; undefined: those that folders and files are named after. */
  readonly stages: readonly string[] | undefined;
};

/** Names that folders and files of values have for a stage, those that come first in front. */
const stageWords = [
  ...['dev', 'develop', 'development', 'test', 'testing', 'qa', 'integration', 'int'],
  ...['staging', 'stage', 'stg', 'uat', 'acceptance', 'preprod', 'pre-production', 'canary'],
  ...['prod', 'production', 'live'],
] as const;

/** Folders that say how a repository is laid out, not what is in them. */
const structural: ReadonlySet<string> = new Set([
  ...['overlays', 'overlay', 'environments', 'environment', 'envs', 'env', 'stages', 'variants', 'clusters'],
  ...['apps', 'applications', 'services', 'kustomize', 'k8s', 'kubernetes', 'deploy', 'deployment', 'deployments', 'manifests', 'gitops'],
  ...['chart', 'charts', 'helm', 'base', 'config'],
]);

/** What others are made of is rendered through them. */
const parts: ReadonlySet<string> = new Set(['base', 'bases', 'component', 'components', 'templates', 'crds', 'node_modules', 'vendor']);

/** Which Applications the files of a repository make: every pattern that finds nothing is named, and that nothing was found. */
export function proposeApplications(files: readonly string[], { repository, paths, stages }: Wanted): Parsed<Layout> {
  const folders = foldersOf(files);
  const known = new Set<string>(stages ?? stageWords);
  const problems: Problem[] = [];
  const found: Found[] = [];
  for (const pattern of paths) {
    const matched = matching(folders, pattern, known, stages);
    if (matched.length === 0) problems.push({ at: `--path ${pattern}`, message: whyNothing(folders, pattern, stages) });
    found.push(...matched);
  }
  if (paths.length === 0) found.push(...search(folders, known));
  const order = stages ?? stageWords.filter((word) => found.some(({ stage }) => stage === word));
  if (paths.length === 0 && found.length === 0) problems.push(nothingFound(folders, stages));
  for (const stage of problems.length === 0 ? (stages ?? []) : []) {
    if (!found.some((each) => each.stage === stage))
      problems.push({ at: `stage ${stage}`, message: 'has no folder in the repository: name it with --path, or leave the stage out' });
  }
  if (problems.length > 0) return refused(...problems);
  return accepted({
    stages: order,
    proposals: named(found, repository).sort((a, b) => order.indexOf(a.stage) - order.indexOf(b.stage) || compare(a.app, b.app)),
  });
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

type Folder = { readonly path: string; readonly kind: 'kustomize' | 'chart' | 'plain'; readonly files: readonly string[] };
type Found = Omit<Proposal, 'app'> & { readonly words: readonly string[] };

/** Folders that can be rendered, the outermost first; what lies in a chart, or below a folder that begins with a dot, is none. */
function foldersOf(files: readonly string[]): readonly Folder[] {
  const names = new Map<string, string[]>();
  for (const file of files) {
    const cut = file.lastIndexOf('/');
    const folder = file.slice(0, Math.max(cut, 0));
    if (folder.split('/').some((part) => part.startsWith('.'))) continue;
    names.set(folder, [...(names.get(folder) ?? []), file.slice(cut + 1)]);
  }
  const folders = [...names].flatMap(([path, own]): Folder[] => {
    if (own.includes('Chart.yaml')) return [{ path, kind: 'chart', files: below(path, files) }];
    if (kustomizationNames.some((name) => own.includes(name))) return [{ path, kind: 'kustomize', files: own }];
    return own.some((name) => /\.(ya?ml|json)$/.test(name)) ? [{ path, kind: 'plain', files: own }] : [];
  });
  const charts = folders.filter(({ kind }) => kind === 'chart');
  return folders
    .filter(({ path }) => !charts.some((chart) => isBelow(path, chart.path)))
    .toSorted((a, b) => a.path.split('/').length - b.path.split('/').length || compare(a.path, b.path));
}

const isBelow = (path: string, folder: string): boolean => path !== folder && (folder === '' || path.startsWith(`${folder}/`));
const below = (folder: string, files: readonly string[]): readonly string[] =>
  files.filter((file) => isBelow(file, folder)).map((file) => (folder === '' ? file : file.slice(folder.length + 1)));

/** Every folder that is named after a stage, and every chart that has values for one; never one inside another. */
function search(folders: readonly Folder[], known: ReadonlySet<string>): readonly Found[] {
  const taken: string[] = [];
  return folders.flatMap((folder) => {
    const segments = segmentsOf(folder.path);
    if (segments.some((segment) => parts.has(segment)) || taken.some((outer) => isBelow(folder.path, outer))) return [];
    const index = segments.findLastIndex((segment) => known.has(segment));
    const found = index >= 0 ? [inStage(folder, segments[index] ?? '', segments.toSpliced(index, 1))] : valuesOf(folder, known, segments);
    if (found.length > 0) taken.push(folder.path);
    return found;
  });
}

const segmentsOf = (path: string): readonly string[] => path.split('/').filter((segment) => segment !== '');
const inStage = ({ path }: Folder, stage: string, words: readonly string[]): Found => ({ stage, path: path || '.', words });

/** `values-staging.yaml`, `values.staging.yaml`, `values/staging.yaml`: one Application for each of them. */
function valuesOf({ path, kind, files }: Folder, known: ReadonlySet<string>, words: readonly string[]): readonly Found[] {
  if (kind !== 'chart') return [];
  return files.flatMap((file) => {
    const stage = /^(?:values[-_./])([^/]+)\.ya?ml$/.exec(file)?.[1] ?? '';
    return known.has(stage) ? [{ stage, path: path || '.', valueFiles: [file], words }] : [];
  });
}

/** Folders that a pattern names. One without {stage} is rendered for every stage: a chart with its values, anything else as it is. */
function matching(folders: readonly Folder[], pattern: string, known: ReadonlySet<string>, stages: readonly string[] | undefined): readonly Found[] {
  const wanted = segmentsOf(pattern === '.' ? '' : pattern);
  return folders.flatMap((folder): readonly Found[] => {
    const segments = segmentsOf(folder.path);
    if (segments.length !== wanted.length) return [];
    let stage: string | undefined;
    const stars: string[] = [];
    for (const [index, part] of wanted.entries()) {
      const match = new RegExp(
        `^${part
          .split(/(\*|\{stage\})/)
          .map(partPattern)
          .join('')}$`,
      ).exec(segments[index] ?? '');
      if (match === null) return [];
      stage = match.groups?.stage ?? stage;
      if (part.includes('*')) stars.push(segments[index] ?? '');
    }
    const words = stars.length > 0 ? stars : segments.filter((segment) => segment !== stage);
    if (stage !== undefined) return known.has(stage) ? [inStage(folder, stage, words)] : [];
    const values = valuesOf(folder, known, words);
    return values.length > 0 ? values : (stages ?? []).map((each) => inStage(folder, each, words));
  });
}

const partPattern = (part: string): string => (part === '*' ? '[^/]+' : part === '{stage}' ? '(?<stage>[^/]+)' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));

/** Each is named by what its path says beside stage and structure; by all of the path where two would have one name. */
function named(found: readonly Found[], repository: string): Proposal[] {
  const short = found.map(({ words }) => nameOf(words.filter((word) => !structural.has(word))) || repository);
  return found.map(({ words, ...proposal }, index) => {
    const twice = found.some((other, at) => at !== index && other.stage === proposal.stage && short[at] === short[index]);
    const app = twice ? nameOf([...words, ...(proposal.valueFiles ?? [])]) || repository : (short[index] ?? repository);
    return { app, ...proposal };
  });
}

/** As Kubernetes takes it for a name and for a label. */
export const nameOf = (words: readonly string[]): string =>
  words
    .join('-')
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .slice(0, 40)
    .replaceAll(/^-+|-+$/g, '');

function whyNothing(folders: readonly Folder[], pattern: string, stages: readonly string[] | undefined): string {
  const base = pattern.split('*')[0]?.split('{')[0]?.replace(/\/$/, '') ?? '';
  const near = folders.filter(({ path }) => path === base || isBelow(path, base)).map(({ path }) => path || '.');
  if (!pattern.includes('{stage}') && stages === undefined && near.length > 0)
    return 'says nothing of stages: put {stage} where their name stands, or name the stages with --stages';
  const there = near.length === 0 ? 'nothing that can be rendered lies there' : `there are ${near.slice(0, 5).join(', ')}${near.length > 5 ? ' …' : ''}`;
  return `names no folder with manifests, a kustomization or a chart${stages === undefined ? '' : ` for the stages ${stages.join(', ')}`}: ${there}`;
}

function nothingFound(folders: readonly Folder[], stages: readonly string[] | undefined): Problem {
  const there = folders.slice(0, 5).map(({ path }) => path || '.');
  const advice = "name the folders with --path, such as --path 'services/*/overlays/{stage}', or --path manifests --stages staging,production";
  if (there.length === 0) return { at: 'repository', message: `holds no manifests, kustomization or chart yet: push some; then ${advice}` };
  const looked = stages === undefined ? 'a stage (staging, production, …)' : `one of the stages ${stages.join(', ')}`;
  return {
    at: 'repository',
    message: `has no folder and no file of values named after ${looked}; it has ${there.join(', ')}${folders.length > 5 ? ' …' : ''}: ${advice}`,
  };
}
