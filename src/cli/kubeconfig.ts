import { dirname, isAbsolute, join, resolve } from 'node:path';
import { load } from 'js-yaml';
import { at, isJsonObject, type JsonObject } from '../model/json.ts';
import { accepted } from '../model/parsed.ts';
import { type Answer, refuse } from './answer.ts';
import { readText } from './input.ts';
import type { Terminal } from './terminal.ts';

export type KubeconfigOptions = { readonly kubeconfig?: string | undefined; readonly context?: string | undefined };

/** One context with nothing else, as text for openApiServer. Holds credentials: never printed. */
export type ChosenContext = { readonly text: string; readonly context: string; readonly namespace: string };

/** As kubectl chooses: --kubeconfig, else the files of KUBECONFIG, else ~/.kube/config; --context, else the current one. */
export async function readKubeconfig({ kubeconfig, context }: KubeconfigOptions, terminal: Terminal): Promise<Answer<ChosenContext>> {
  const listed = (terminal.environment.KUBECONFIG ?? '').split(':').filter((file) => file !== '');
  const files = kubeconfig !== undefined ? [kubeconfig] : listed.length > 0 ? listed : [join(terminal.home, '.kube', 'config')];
  const configs: PlacedConfig[] = [];
  const missing: string[] = [];
  for (const file of files) {
    const text = await readText(file, terminal);
    if (!text.ok) missing.push(...text.problems.map((problem) => `${problem.at} ${problem.message}`));
    else configs.push({ folder: dirname(resolve(terminal.folder, file)), config: readYaml(text.value) });
  }
  if (configs.length === 0)
    return refuse('KubeconfigUnreadable', { at: 'kubeconfig', message: `${missing.join('; ')}; name one with --kubeconfig or KUBECONFIG` });
  return chooseContext(configs, context, files.join(':'));
}

/** `folder`: what relative paths in the file are meant from. */
export type PlacedConfig = { readonly folder: string; readonly config: unknown };

/** Of entries with one name in several files the first counts, as for kubectl. */
export function chooseContext(configs: readonly PlacedConfig[], wanted: string | undefined, place: string): Answer<ChosenContext> {
  const name = wanted ?? configs.map(({ config }) => at(config, 'current-context')).find((each) => typeof each === 'string' && each !== '');
  if (typeof name !== 'string') return refuse('NoContext', { at: place, message: 'has no current-context: name one with --context' });
  const context = entryOf(configs, 'contexts', 'context', name);
  if (context === undefined) {
    const known = configs.flatMap(({ config }) => namesIn(config, 'contexts'));
    return refuse('NoContext', {
      at: place,
      message: `has no context ${name}; ${known.length === 0 ? 'it has none at all' : `there are ${known.join(', ')}`}: name one with --context`,
    });
  }
  const { cluster, user, namespace } = context;
  const entries = { cluster: entryOf(configs, 'clusters', 'cluster', cluster), user: entryOf(configs, 'users', 'user', user) };
  if (entries.cluster === undefined)
    return refuse('NoContext', {
      at: place,
      message: `its context ${name} names the cluster ${String(cluster)}, which is not there: correct it, or name another one with --context`,
    });
  const chosen = {
    'current-context': name,
    contexts: [{ name, context: { cluster: 'chosen', user: 'chosen' } }],
    clusters: [{ name: 'chosen', cluster: entries.cluster }],
    users: [{ name: 'chosen', user: entries.user ?? {} }],
  };
  return accepted({ text: JSON.stringify(chosen), context: name, namespace: typeof namespace === 'string' && namespace !== '' ? namespace : 'default' });
}

const paths = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

function entryOf(configs: readonly PlacedConfig[], list: string, field: string, name: unknown): JsonObject | undefined {
  for (const { config, folder } of configs) {
    const entries = at(config, list);
    const found: unknown = Array.isArray(entries) ? entries.find((entry) => at(entry, 'name') === name) : undefined;
    const fields = at(found, field);
    if (found !== undefined) return isJsonObject(fields) ? withAbsolutePaths(fields, folder) : {};
  }
  return undefined;
}

/** Files are named from the folder of the kubeconfig, and so is a credential plugin that is named by a path. */
function withAbsolutePaths(fields: JsonObject, folder: string): JsonObject {
  const absolute = (path: unknown) => (typeof path === 'string' && path !== '' && !isAbsolute(path) ? resolve(folder, path) : path);
  const changed = paths.flatMap((field) => (fields[field] === undefined ? [] : [[field, absolute(fields[field])]]));
  const command = at(fields, 'exec', 'command');
  const exec =
    isJsonObject(fields.exec) && typeof command === 'string' && command.includes('/') ? [['exec', { ...fields.exec, command: absolute(command) }]] : [];
  return { ...fields, ...(Object.fromEntries([...changed, ...exec]) as JsonObject) };
}

const namesIn = (config: unknown, list: string): readonly string[] => {
  const entries = at(config, list);
  return Array.isArray(entries) ? entries.flatMap((entry) => (typeof at(entry, 'name') === 'string' ? [String(at(entry, 'name'))] : [])) : [];
};

function readYaml(text: string): unknown {
  try {
    return load(text);
  } catch {
    return undefined; // the parser's message quotes the text, and with it credentials
  }
}
