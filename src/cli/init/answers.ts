import { accepted, type Parsed, type Problem, refused } from '../../model/parsed.ts';
import { RepositorySpec } from '../../resources/repository.ts';
import { nameOf } from './layout.ts';

/** What a person says to `sluice init`, as flags or asked. */
export type InitFlags = {
  readonly repositoryUrl?: string | undefined;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly host?: string | undefined;
  readonly branch?: string | undefined;
  readonly path?: readonly string[] | undefined;
  readonly stages?: string | undefined;
  readonly destinationContext?: readonly string[] | undefined;
  readonly destinationKubeconfig?: readonly string[] | undefined;
  readonly destinationNamespace?: readonly string[] | undefined;
  /** Sluice's own namespace on the hub. */
  readonly sluiceNamespace: string;
  readonly serviceAccount: string;
  readonly clusterRole: string;
  readonly soakSeconds: number;
};

export type GitHostName = RepositorySpec['host'];

/** Where a stage is deployed, as far as it was said; without context and kubeconfig it is the hub itself. */
export type StageDestination = { readonly context?: string; readonly kubeconfig?: string; readonly namespace?: string };

export type Answers = {
  readonly url: string;
  /** Of Repository and Pipeline, and the beginning of other names. */
  readonly name: string;
  /** The hub's namespace of all resources. */
  readonly namespace: string;
  /** Undefined: to be found out. */
  readonly host: GitHostName | undefined;
  readonly branch: string | undefined;
  readonly paths: readonly string[];
  readonly stages: readonly string[] | undefined;
  readonly destinations: Readonly<Record<string, StageDestination>>;
  /** Sluice's own namespace on the hub. */
  readonly sluiceNamespace: string;
  readonly serviceAccount: string;
  readonly clusterRole: string;
  readonly soakSeconds: number;
};

const hosts = (RepositorySpec.properties.host as unknown as { readonly enum: readonly GitHostName[] }).enum;

/** All problems at once, each at its flag. */
export function parseAnswers(flags: InitFlags): Parsed<Answers> {
  const problems: Problem[] = [];
  const url = flags.repositoryUrl ?? '';
  problems.push(...urlProblems(url));
  const name = flags.name ?? nameOf([lastSegment(url)]);
  if (!isLabel(name, 40)) problems.push({ at: '--name', message: `${quoted(name)} is no name: ${labelRule(40)}` });
  const namespace = flags.namespace ?? name;
  if (!isLabel(namespace)) problems.push({ at: '--namespace', message: `${quoted(namespace)} is no namespace: ${labelRule(63)}` });
  if (!isLabel(flags.sluiceNamespace))
    problems.push({ at: '--sluice-namespace', message: `${quoted(flags.sluiceNamespace)} is no namespace: ${labelRule(63)}` });
  if (namespace === flags.sluiceNamespace)
    problems.push({ at: '--namespace', message: `${namespace} is Sluice's own, whose Secrets nobody else may have a part in: name another` });
  const host = hosts.find((each) => each === flags.host);
  if (flags.host !== undefined && host === undefined)
    problems.push({ at: '--host', message: `${quoted(flags.host)} is no kind of Git host that Sluice knows: one of ${hosts.join(', ')}` });
  const stages = flags.stages === undefined ? undefined : flags.stages.split(',').map((each) => each.trim());
  problems.push(...stageProblems(stages ?? []));
  for (const path of flags.path ?? []) {
    if (path.startsWith('/') || path.split('/').includes('..') || path === '')
      problems.push({ at: `--path ${path}`, message: 'is no path inside the repository: write it from its root, without a leading / and without ..' });
  }
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(flags.serviceAccount))
    problems.push({ at: '--service-account', message: `${quoted(flags.serviceAccount)} is no name of a service account` });
  if (flags.clusterRole === '') problems.push({ at: '--cluster-role', message: 'is empty: name a ClusterRole of the destination, such as edit or admin' });
  const destinations = destinationsOf(flags, stages, problems);
  if (problems.length > 0) return refused(...problems);
  const { sluiceNamespace, serviceAccount, clusterRole, soakSeconds, branch, path = [] } = flags;
  return accepted({ url, name, namespace, host, branch, paths: path, stages, destinations, sluiceNamespace, serviceAccount, clusterRole, soakSeconds });
}

function urlProblems(url: string): readonly Problem[] {
  const at = '--repository-url';
  if (url === '') return [{ at, message: 'is missing: give the clone URL of the repository, such as https://git.example/acme/shop.git' }];
  if (/^(ssh:|[\w.-]+@[\w.-]+:)/.test(url)) return [{ at, message: 'is an SSH address, which Sluice cannot read yet: give the http or https clone URL' }];
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) return [{ at, message: 'is no http or https address' }];
  if (parsed.username !== '' || parsed.password !== '')
    return [{ at, message: 'holds credentials, which everybody who reads the Repository would see: put the token into a file and name it with --token-file' }];
  return [];
}

function stageProblems(stages: readonly string[]): readonly Problem[] {
  const wrong = stages
    .filter((stage) => !isLabel(stage, 40))
    .map((stage) => ({ at: '--stages', message: `${quoted(stage)} is no name of a stage: ${labelRule(40)}` }));
  const twice = stages.filter((stage, index) => stages.indexOf(stage) !== index).map((stage) => ({ at: '--stages', message: `names ${stage} twice` }));
  return [...wrong, ...twice];
}

const pairFlags = { destinationContext: 'context', destinationKubeconfig: 'kubeconfig', destinationNamespace: 'namespace' } as const;

function destinationsOf(flags: InitFlags, stages: readonly string[] | undefined, problems: Problem[]): Answers['destinations'] {
  const destinations: Record<string, StageDestination> = {};
  for (const [flag, field] of Object.entries(pairFlags)) {
    const option = `--${flag.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    for (const pair of flags[flag as keyof typeof pairFlags] ?? []) {
      const cut = pair.indexOf('=');
      const [stage, value] = [pair.slice(0, Math.max(cut, 0)), pair.slice(cut + 1)];
      if (stage === '' || value === '')
        problems.push({ at: `${option} ${pair}`, message: `is no pair: write STAGE=${field.toUpperCase()}, such as production=…` });
      else if (stages !== undefined && !stages.includes(stage))
        problems.push({ at: `${option} ${pair}`, message: `names no stage: there are ${stages.join(', ')}` });
      else if (field === 'namespace' && !isLabel(value))
        problems.push({ at: `${option} ${pair}`, message: `${quoted(value)} is no namespace: ${labelRule(63)}` });
      else destinations[stage] = { ...destinations[stage], [field]: value };
    }
  }
  return destinations;
}

const lastSegment = (url: string): string =>
  (URL.canParse(url) ? (new URL(url).pathname.split('/').findLast((part) => part !== '') ?? '') : '').replace(/\.git$/, '');
const isLabel = (text: string, maxLength = 63): boolean => text.length <= maxLength && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);
const labelRule = (most: number): string => `at most ${most} small letters, digits and dashes, with a letter or digit at both ends`;
const quoted = (text: string): string => `"${text.slice(0, 80)}"`;
