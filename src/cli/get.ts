import { type Command, Option } from 'commander';
import type { ApiServer } from '../adapters/api-server.ts';
import { accepted } from '../model/parsed.ts';
import type { ResourceOf } from '../resources/hub.ts';
import { type Kind, kinds } from '../resources/kinds.ts';
import type { KindWithReasons } from '../resources/reasons.ts';
import { type Answer, refuse } from './answer.ts';
import { listResources, openServer, readOne, referenceFrom } from './custom-resources.ts';
import { type KubeconfigOptions, readKubeconfig } from './kubeconfig.ts';
import { jsonText, type OutputOption, tableText } from './printing.ts';
import { tables } from './resource-tables.ts';
import { seeReasons } from './see.ts';
import { exitCodes, type Run, type Terminal, type Work } from './terminal.ts';

type Options = KubeconfigOptions & OutputOption & { readonly namespace?: string; readonly allNamespaces?: boolean };

/** What people ask for most comes first. */
const order = ['Pipeline', 'Application', 'Release', 'Repository', 'Cluster'] as const satisfies readonly Kind[];
const shortNames: Readonly<Record<string, Kind>> = {
  app: 'Application',
  apps: 'Application',
  pipe: 'Pipeline',
  rel: 'Release',
  repo: 'Repository',
  clu: 'Cluster',
};

export function getCommand(program: Command, run: Run): void {
  program
    .command('get')
    .description('what runs where: pipelines, applications, releases, repositories, clusters')
    .argument('[kind]', 'one of these; all of them when left out')
    .argument('[name]', 'NAME or NAMESPACE/NAME')
    .option('--kubeconfig <file>', "the hub's kubeconfig (default: as kubectl)")
    .option('--context <name>', 'a context of it')
    .option('-n, --namespace <name>', "a namespace (default: the context's)")
    .option('-A, --all-namespaces', 'of all namespaces')
    .addOption(new Option('-o, --output <format>', 'machine-readable').choices(['json']))
    .action((kind: string | undefined, name: string | undefined, options: Options) => run((terminal) => get(terminal, kind, name, options)));
}

const get: Work<[string | undefined, string | undefined, Options]> = async (terminal, word, name, options) => {
  const kind = word === undefined ? undefined : kindOf(word);
  if (word !== undefined && kind === undefined)
    return refuse('UnknownKind', { at: word, message: `is no kind of Sluice: say one of ${order.map((each) => kinds[each]).join(', ')}` });
  const chosen = await readKubeconfig(options, terminal);
  if (!chosen.ok) return chosen;
  await using server = openServer(chosen.value, 'hub');
  const namespace = options.allNamespaces ? undefined : (options.namespace ?? chosen.value.namespace);
  const found: (readonly [Kind, readonly ResourceOf[Kind][]])[] = [];
  for (const each of kind === undefined ? order : [kind]) {
    const resources = await resourcesOf(each, name, { server, namespace, home: options.namespace ?? chosen.value.namespace }, terminal);
    if (!resources.ok) return resources;
    found.push([each, resources.value]);
  }
  print(found, namespace, options, terminal);
  return accepted(exitCodes.done);
};

type Place = { readonly server: ApiServer; readonly namespace: string | undefined; readonly home: string };

async function resourcesOf(
  kind: Kind,
  name: string | undefined,
  { server, namespace, home }: Place,
  terminal: Terminal,
): Promise<Answer<readonly ResourceOf[Kind][]>> {
  if (name !== undefined) {
    const reference = referenceFrom(name, home);
    if (!reference.ok) return reference;
    const resource = await readOne(server, kind, reference.value, terminal.signal);
    return resource.ok ? accepted([resource.value]) : resource;
  }
  const { resources, unreadable } = await listResources(server, kind, namespace, terminal.signal);
  for (const why of unreadable) terminal.note(`left out: ${why}\n`);
  return accepted(resources);
}

function print(found: readonly (readonly [Kind, readonly ResourceOf[Kind][]])[], namespace: string | undefined, { output }: Options, terminal: Terminal): void {
  if (output === 'json') {
    terminal.print(jsonText(found.flatMap(([, resources]) => resources.map(withoutManagedFields))));
    return;
  }
  const filled = found.filter(([, resources]) => resources.length > 0);
  if (filled.length === 0) {
    const what = found.map(([kind]) => kinds[kind]).join(', ');
    terminal.note(`No ${what} ${namespace === undefined ? 'in any namespace' : `in namespace ${namespace}; -A looks in all of them`}.\n`);
  }
  for (const [index, [kind, resources]] of filled.entries()) {
    const { header, rowsOf } = tables[kind];
    if (found.length > 1) terminal.print(`${index === 0 ? '' : '\n'}${kind}s\n`.replace('Repositorys', 'Repositories'));
    // The table and the resources are of one kind: TypeScript cannot follow that through the union.
    const rows = resources.flatMap((resource) => rowsOf(resource as never, terminal.now()));
    terminal.print(tableText(header, rows));
    if (kind !== 'Release') for (const line of seeReasons(kind, resources as readonly ResourceOf[KindWithReasons][])) terminal.note(line);
  }
}

function withoutManagedFields(resource: ResourceOf[Kind]): unknown {
  const { managedFields: _left, ...metadata } = resource.metadata;
  return { ...resource, metadata };
}

function kindOf(word: string): Kind | undefined {
  const lower = word.toLowerCase();
  return order.find((kind) => kind.toLowerCase() === lower || kinds[kind] === lower) ?? shortNames[lower];
}
