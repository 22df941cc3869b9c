import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { openGitSource } from '../../adapters/git-source.ts';
import { openHttpProbe } from '../../adapters/http-probe.ts';
import { accepted } from '../../model/parsed.ts';
import { isPortError } from '../../model/port-error.ts';
import { type Answer, refuse, refusedAs } from '../answer.ts';
import type { KubeconfigOptions } from '../kubeconfig.ts';
import { exitCodes, type Run, type Terminal, type Work } from '../terminal.ts';
import { type Answers, type InitFlags, parseAnswers } from './answers.ts';
import type { CredentialsKind } from './destination-access.ts';
import { establish } from './establish.ts';
import { proposeApplications } from './layout.ts';
import { agrees, askFirst, askStages, describePlan } from './questions.ts';
import { findHost, kustomizationNamespaces, readRepository } from './repository-files.ts';
import { type Found, type InstallationPlan, planInstallation } from './resources.ts';
import { readToken, readWebhookSecret, type SecretFiles } from './secret-values.ts';
import { type SecretValues, writeFiles, writtenFiles, yamlText } from './written.ts';

export type InitOptions = KubeconfigOptions &
  InitFlags &
  SecretFiles & {
    readonly destinationCredentials: CredentialsKind;
    readonly apply?: boolean;
    readonly forceConflicts?: boolean;
    readonly wait: boolean;
    readonly timeout: number;
    readonly out?: string;
    readonly withSecrets?: boolean;
  };

const gitTimeoutMs = 60_000;
const probeTimeoutMs = 10_000;

const help = `
Reads the repository and proposes an Application for every folder that is named after a stage (services/*/overlays/staging, staging, …) and for every
chart with values for one (values-staging.yaml). --path says which folders instead: '*' is one name, '{stage}' the stage.
Prints the resources, with placeholders in place of secrets; --out DIR writes them as files; --apply applies them with your own rights and waits.
Without --repository-url, at a terminal, it asks. The token is read from --token-file or from GIT_TOKEN, never from the command line.`;

const collected = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function initCommand(program: Command, run: Run): void {
  program
    .command('init')
    .description('from a repository to ready Repository, Clusters, Applications and Pipeline')
    .option('--repository-url <url>', 'its clone URL, http or https, without credentials')
    .option('--name <name>', "of Repository and Pipeline (default: the repository's)")
    .option('-n, --namespace <name>', 'of the hub, for the resources (default: the name)')
    .option('--branch <name>', 'whose commits are delivered (default: main or master)')
    .option('--host <kind>', 'gitea, or git for a host without webhooks and statuses (default: found out)')
    .option('--path <pattern>', "folders to deploy, such as 'apps/*/{stage}'; may be repeated", collected)
    .option('--stages <names>', 'in order, such as staging,production (default: those that are found)')
    .option('--destination-context <stage=context>', "the stage's cluster, as a context (default: the hub itself)", collected)
    .option('--destination-kubeconfig <stage=file>', 'the file that this context stands in (default: as kubectl)', collected)
    .option('--destination-namespace <stage=namespace>', 'where the stage goes (default: what its kustomization says, else <name>-<stage>)', collected)
    .addOption(
      new Option('--destination-credentials <kind>', 'how Sluice gets into another cluster: by a service account made there, or with those of the context')
        .choices(['service-account', 'context'])
        .default('service-account'),
    )
    .option('--service-account <name>', 'that Applications act as, in the namespace of each stage', 'sluice-deployer')
    .option('--cluster-role <name>', 'what that account may do in its namespace', 'edit')
    .option('--sluice-namespace <name>', "Sluice's own on the hub, whose service accounts may read the Secrets", 'sluice-system')
    .option('--soak-seconds <seconds>', 'how long a stage stays healthy before the next one gets its commit', seconds, 60)
    .option('--token-file <file>', 'with a token that may read and push; - is standard input')
    .option('--webhook-secret-file <file>', 'what the Git host signs webhooks with; made with --apply when it does not exist')
    .option('--kubeconfig <file>', "the hub's kubeconfig (default: as kubectl)")
    .option('--context <name>', 'a context of it')
    .option('--apply', 'apply everything, and wait until it is ready')
    .option('--force-conflicts', 'take over fields that others have set')
    .option('--no-wait', 'end when everything is applied')
    .option('--timeout <seconds>', 'how long to wait', seconds, 900)
    .option('--out <dir>', 'write files in place of printing')
    .option('--with-secrets', 'write the secrets themselves instead of placeholders; never to a screen')
    .addHelpText('after', help)
    .action((options: InitOptions) => run((terminal) => init(terminal, options)));
}

function seconds(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('write a whole number of seconds.');
}

export const init: Work<[InitOptions]> = async (terminal, given) => {
  const misused = misuse(given, terminal);
  if (!misused.ok) return misused;
  const person = given.repositoryUrl === undefined && terminal.ask !== undefined ? { ask: terminal.ask, note: terminal.note } : undefined;
  const options = person === undefined ? given : await askFirst(given, given.tokenFile !== undefined || Boolean(terminal.environment.GIT_TOKEN), person);

  const token = await readToken(options, terminal);
  const first = refusedAs('AnswerRefused', parseAnswers(options));
  if (!token.ok || !first.ok) return { ok: false, problems: [...(token.ok ? [] : token.problems), ...(first.ok ? [] : first.problems)] };
  await using repository = await openRepository(first.value, token.value, terminal.signal);
  const proposed = await repository.propose(first.value);
  if (!proposed.ok) return proposed;

  const flags = person === undefined ? options : await askStages(options, proposed.value.layout, person);
  const answers = refusedAs('AnswerRefused', parseAnswers(flags));
  if (!answers.ok) return answers;
  const found = person === undefined ? proposed : await repository.propose(answers.value);
  if (!found.ok) return found;
  const plan = refusedAs('AnswerRefused', planInstallation(answers.value, found.value));
  if (!plan.ok) return plan;
  terminal.note(describePlan(plan.value));
  const apply =
    person === undefined || options.out !== undefined ? options.apply === true : options.apply === true || (await agrees(person, 'Apply this now?'));

  const webhookSecret = await readWebhookSecret(options, apply, terminal);
  if (!webhookSecret.ok) return webhookSecret;
  const values = givenValues(plan.value, token.value, webhookSecret.value);
  return apply ? establish(plan.value, values, flags, terminal) : write(plan.value, values, flags, terminal);
};

function misuse({ apply, out, withSecrets }: InitOptions, { showsOnScreen }: Terminal): Answer<true> {
  if (apply === true && out !== undefined) return refuse('WrongUsage', { at: '--out', message: 'says to write files, and --apply to apply: choose one' });
  if (withSecrets === true && out === undefined && showsOnScreen)
    return refuse('WrongUsage', {
      at: '--with-secrets',
      message: 'would show secrets on the screen: redirect the output, name a folder with --out, or --apply',
    });
  return accepted(true);
}

function givenValues({ secrets }: InstallationPlan, token: string | undefined, webhookSecret: string | undefined): SecretValues {
  const given = { ...(token === undefined ? {} : { token }), ...(webhookSecret === undefined ? {} : { webhookSecret }) };
  return Object.fromEntries(secrets.filter(({ cluster }) => cluster === undefined).map(({ name }) => [name, given]));
}

/** The repository, read through our own port into a folder that is gone afterwards. */
async function openRepository(
  { url, name, namespace, branch }: Answers,
  token: string | undefined,
  signal: AbortSignal,
): Promise<AsyncDisposable & { propose(answers: Answers): Promise<Answer<Found>> }> {
  await using stack = new AsyncDisposableStack();
  const cacheDir = await mkdtemp(join(tmpdir(), 'sluice-init-'));
  stack.defer(() => rm(cacheDir, { recursive: true, force: true }));
  const source = stack.use(openGitSource({ cacheDir, timeoutMs: gitTimeoutMs }));
  const probe = stack.use(openHttpProbe({ timeoutMs: probeTimeoutMs }));
  const access = { repository: { namespace, name }, url, ...(token === undefined ? {} : { credentials: { token } }) };
  const read = await readRepository(source, access, branch, signal).catch((error: unknown): Answer<never> => {
    if (!isPortError(error)) throw error;
    const open = token === undefined && isPortError(error, 'UNAUTHORIZED', 'NOT_FOUND');
    if (open) return refuse('TokenNeeded', { at: '--token-file', message: `is missing, or the address is wrong: ${error.message}` });
    return refuse('GitHostFailed', { at: '--repository-url', message: error.message });
  });
  const opened = stack.move();
  return {
    async propose({ paths, stages, host, url: asked }) {
      if (!read.ok) return read;
      const { files } = read.value;
      const layout = refusedAs('NothingToDeploy', proposeApplications(read.value.paths, { repository: name, paths, stages }));
      if (!layout.ok) return layout;
      const namespaces = await kustomizationNamespaces(
        files,
        layout.value.proposals.map(({ path }) => path),
      );
      return accepted({
        host: host ?? (await findHost(probe.ask, asked, token, signal)),
        branch: read.value.branch,
        layout: layout.value,
        namespaces,
        // Each promotion is pushed, also to a repository that everybody may read.
        credentials: token !== undefined || layout.value.stages.length > 1,
      });
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function write(plan: InstallationPlan, values: SecretValues, { out, withSecrets }: InitOptions, terminal: Terminal) {
  const files = writtenFiles(plan, withSecrets === true ? values : {});
  if (out === undefined) {
    terminal.print(files.map(yamlText).join('---\n'));
    return accepted(exitCodes.done);
  }
  const written = await writeFiles(out, files, terminal);
  if (!written.ok) return written;
  for (const path of written.value) terminal.print(`${path}\n`);
  return accepted(exitCodes.done);
}
