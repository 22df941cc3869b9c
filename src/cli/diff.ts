import { join } from 'node:path';
import type { Command } from 'commander';
import { Default, Errors } from 'typebox/value';
import { destinationsOf } from '../adapters/destination.ts';
import { resourceKey } from '../model/manifest.ts';
import { accepted } from '../model/parsed.ts';
import { referenceText } from '../model/reference.ts';
import { type Application, ApplicationSpec } from '../resources/application.ts';
import { apiVersion } from '../resources/kinds.ts';
import { referenceOf, resolveReference } from '../resources/resource.ts';
import type { Destination, Identity } from '../sync/destination.ts';
import type { DryRunContext } from '../sync/dry-run.ts';
import { renderSourceOf } from '../sync/render-source.ts';
import { unifiedDiff } from '../sync/unified-diff.ts';
import { type Answer, refuse, refusedAs } from './answer.ts';
import { openServer, readOne, referenceFrom } from './custom-resources.ts';
import { readSomeObjects } from './input.ts';
import { type ChosenContext, type KubeconfigOptions, readKubeconfig } from './kubeconfig.ts';
import { localFiles } from './local-files.ts';
import { renderFolder } from './render-folder.ts';
import { exitCodes, type Run, type Terminal, type Work } from './terminal.ts';
import { wantedChanges } from './wanted-changes.ts';
import { findWorkFolder, workTreeOf } from './work-folder.ts';

type Options = KubeconfigOptions & {
  readonly namespace?: string;
  readonly filename?: string;
  readonly path?: string;
  readonly destinationKubeconfig?: string;
  readonly destinationContext?: string;
  readonly installation: string;
  readonly impersonate?: boolean;
};

const help = `
Renders the folder and asks the destination's API server, by server-side dry-run, what it would make of each object. Nothing is stored.
The requests carry your own rights; with --impersonate those of the Application's serviceAccountName. Values of Secrets are masked.
Exit codes: 0 no differences, 1 differences, more on an error.`;

export function diffCommand(program: Command, run: Run): void {
  program
    .command('diff')
    .description('what a working folder would change on the cluster')
    .argument('[application]', 'NAME or NAMESPACE/NAME at the hub')
    .option('-f, --filename <file>', 'the Application from a file in place of the hub; the contexts then mean its destination')
    .option('--path <folder>', 'the folder to render (default: spec.source.path in the Git work tree that you are in)')
    .option('--kubeconfig <file>', "the hub's kubeconfig (default: as kubectl)")
    .option('--context <name>', 'a context of it')
    .option('--destination-kubeconfig <file>', "the destination's kubeconfig (default: the same)")
    .option('--destination-context <name>', "the destination's context; needed unless the Cluster is the hub")
    .option('-n, --namespace <name>', "the Application's namespace (default: the context's)")
    .option('--installation <name>', 'the SLUICE_INSTALLATION of the service, by which it knows its objects', 'default')
    .option('--impersonate', "act with the rights of the Application's serviceAccountName")
    .addHelpText('after', help)
    .action((application: string | undefined, options: Options) => run((terminal) => diff(terminal, application, options)));
}

const diff: Work<[string | undefined, Options]> = async (terminal, name, options) => {
  const found = await findApplication(terminal, name, options);
  if (!found.ok) return found;
  const { application, destination } = found.value;
  const identity = identityOf(application, options);
  if (!identity.ok) return identity;
  await using server = openServer(destination, 'destination');
  const opened = await destinationsOf({ serverOf: async () => server }).open(referenceOf(application), identity.value, terminal.signal);
  const rendered = await renderApplication(application, options, opened, terminal);
  if (!rendered.ok) return rendered;
  const { manifests, origins } = rendered.value;
  const asked = await wantedChanges(application, manifests, opened, { installation: options.installation, originOf: originIn(origins) }, terminal.signal);
  const changes = refusedAs('DryRunRefused', asked);
  if (!changes.ok) return changes;

  const { differences, notes, problems } = changes.value;
  const texts = differences.map(unifiedDiff).filter((text) => text !== '');
  terminal.print(texts.join(''));
  for (const note of notes) terminal.note(`${note}\n`);
  if (problems.length > 0) return refuse('DryRunRefused', ...problems);
  return accepted(texts.length > 0 ? exitCodes.differs : exitCodes.done);
};

/** Objects are found as they were written, with or without their namespace. */
const originIn =
  (origins: ReadonlyMap<string, string>): DryRunContext['originOf'] =>
  ({ id: { namespace = '', ...id } }) =>
    origins.get(resourceKey({ ...id, namespace })) ?? origins.get(resourceKey(id));

type Found = { readonly application: Application; readonly destination: ChosenContext };

async function findApplication(terminal: Terminal, name: string | undefined, options: Options): Promise<Answer<Found>> {
  if ((name === undefined) === (options.filename === undefined))
    return refuse('NoApplication', { at: 'sluice diff', message: 'name an Application of the hub, or give one with -f' });
  const own = await readKubeconfig(options, terminal);
  if (!own.ok) return own;
  const isOther = options.destinationKubeconfig !== undefined || options.destinationContext !== undefined;
  const chosen = { kubeconfig: options.destinationKubeconfig ?? options.kubeconfig, context: options.destinationContext };
  const destination = isOther ? await readKubeconfig(chosen, terminal) : own;
  if (!destination.ok) return destination;
  if (options.filename !== undefined) {
    const application = await readApplication(options.filename, options.namespace ?? own.value.namespace, terminal);
    return application.ok ? accepted({ application: application.value, destination: destination.value }) : application;
  }

  const reference = referenceFrom(name ?? '', options.namespace ?? own.value.namespace);
  if (!reference.ok) return reference;
  await using hub = openServer(own.value, 'hub');
  const application = await readOne(hub, 'Application', reference.value, terminal.signal);
  if (!application.ok) return application;
  if (isOther) return accepted({ application: application.value, destination: destination.value });
  const cluster = await readOne(hub, 'Cluster', resolveReference(application.value, application.value.spec.destination.cluster), terminal.signal);
  if (!cluster.ok) return cluster;
  if (cluster.value.spec.connection.type === 'hub') return accepted({ application: application.value, destination: own.value });
  const place = `Cluster ${referenceText(referenceOf(cluster.value))}`;
  return refuse('DestinationNeeded', {
    at: place,
    message: 'is not the hub, and its credentials are Sluice’s own: name your own context for it with --destination-context',
  });
}

async function readApplication(file: string, namespace: string, terminal: Terminal): Promise<Answer<Application>> {
  const objects = await readSomeObjects([file], terminal);
  if (!objects.ok) return objects;
  const found = objects.value.filter(({ manifest }) => manifest.kind === 'Application' && manifest.apiVersion === apiVersion);
  const [placed, second] = found;
  if (placed === undefined || second !== undefined)
    return refuse('NoApplication', { at: file, message: `holds ${found.length} Applications of ${apiVersion}: give one` });
  const spec: unknown = Default(ApplicationSpec, structuredClone(placed.manifest.spec ?? {}));
  const problems = Errors(ApplicationSpec, spec).map(({ instancePath, message }) => ({ at: `${placed.at} spec${instancePath.replaceAll('/', '.')}`, message }));
  if (problems.length > 0) return refuse('ApplicationRefused', ...problems);
  const metadata = { namespace, ...placed.manifest.metadata, uid: '', resourceVersion: '', generation: 0 };
  return accepted({ apiVersion, kind: 'Application', metadata, spec: spec as Application['spec'] });
}

function identityOf({ spec }: Application, { impersonate }: Options): Answer<Identity> {
  if (impersonate !== true) return accepted({ as: 'sluice' });
  if (spec.serviceAccountName === undefined)
    return refuse('NoServiceAccount', { at: '--impersonate', message: 'the Application names no serviceAccountName: leave the option out, or name one there' });
  return accepted({ as: 'service-account', namespace: spec.destination.namespace, name: spec.serviceAccountName });
}

async function renderApplication(application: Application, { path }: Options, destination: Destination, terminal: Terminal) {
  const { spec, status } = application;
  const tree = workTreeOf(terminal.folder);
  if (path === undefined && tree === undefined) {
    return refuse('NoWorkTree', { at: terminal.folder, message: 'lies in no Git work tree: name the folder to render with --path' });
  }
  const folder = await findWorkFolder(path ?? join(tree ?? '', spec.source.path), terminal.folder);
  if (!folder.ok) return folder;
  const files = localFiles(folder.value.root);
  const capabilities = (signal: AbortSignal) => destination.capabilities(signal);
  const request = { ...renderSourceOf(application, files), namespace: spec.destination.namespace, installed: status?.installed, capabilities };
  return renderFolder(folder.value, request, terminal);
}
