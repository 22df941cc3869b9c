import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { ApiServer } from '../../adapters/api-server.ts';
import { openGitSource } from '../../adapters/git-source.ts';
import { type AskHttp, openHttpProbe } from '../../adapters/http-probe.ts';
import { probeRedis } from '../../adapters/redis-probe.ts';
import { isLoopback, malformedRedisUrl, readRedisUrl } from '../../config.ts';
import { accepted } from '../../model/parsed.ts';
import { parseReference, type Reference } from '../../model/reference.ts';
import type { ResourceOf } from '../../resources/hub.ts';
import { type Kind, kinds } from '../../resources/kinds.ts';
import { type Answer, refuse } from '../answer.ts';
import { listResources, openServer } from '../custom-resources.ts';
import { readText } from '../input.ts';
import { type ChosenContext, type KubeconfigOptions, readKubeconfig } from '../kubeconfig.ts';
import { jsonText, type OutputOption } from '../printing.ts';
import { exitCodes, type Run, type Terminal, type Work } from '../terminal.ts';
import { gatherCluster, judgeCluster } from './clusters.ts';
import { judgeConditions, type Listed } from './conditions.ts';
import { type Finding, fail, skipped, tried } from './finding.ts';
import { examineCredentials, gatherHub, judgeHub } from './hub.ts';
import { judgeRedis } from './redis.ts';
import { reportText } from './report.ts';
import { askService, gatherRepository, judgeRepository, judgeService, type ServiceFacts } from './repositories.ts';
import { gatherTools, judgeTool } from './tools.ts';

type Options = KubeconfigOptions &
  OutputOption & {
    readonly json?: boolean;
    readonly namespace?: string;
    readonly sluiceNamespace?: string;
    readonly sluiceUser?: string;
    readonly redis?: string;
    readonly url?: string;
    readonly webhookSecretFile?: string;
  };

const timeoutMs = 10_000;

const help = `
Looks at everything and changes nothing. Rights are asked by access reviews, webhooks by a signed call of an event that changes no ref, pushes by
their first half. Redis is that of SLUICE_REDIS_URL, the address of Sluice that of SLUICE_PUBLIC_URL, when --redis and --url do not name them.
No secret is ever printed. Exit code 1 when anything has failed.`;

export function doctorCommand(program: Command, run: Run): void {
  program
    .command('doctor')
    .description('check a whole installation, and say what to mend')
    .option('--kubeconfig <file>', "the hub's kubeconfig (default: as kubectl)")
    .option('--context <name>', 'a context of it')
    .option('-n, --namespace <name>', 'only the resources of this namespace (default: of all)')
    .option('--url <address>', 'of Sluice, as Git hosts reach it (default: SLUICE_PUBLIC_URL)')
    .option('--redis <url>', 'without a password, which belongs into SLUICE_REDIS_URL (the default)')
    .option('--sluice-namespace <name>', "Sluice's own (default: SLUICE_NAMESPACE, else sluice-system)")
    .option('--sluice-user <name>', 'whose rights are asked (default: its service account sluice there, else your own)')
    .option('--webhook-secret-file <file>', 'what the Git host was given, to compare it with what Sluice has')
    .addOption(new Option('-o, --output <format>', 'machine-readable').choices(['json']))
    .option('--json', 'the same as -o json')
    .addHelpText('after', help)
    .action((options: Options) => run((terminal) => doctor(terminal, options)));
}

const doctor: Work<[Options]> = async (terminal, options) => {
  const settings = await readSettings(options, terminal);
  if (!settings.ok) return settings;
  await using stack = new AsyncDisposableStack();
  const { ask } = stack.use(openHttpProbe({ timeoutMs }));
  const [hub, redis, service, tools] = await Promise.all([
    examineHub(settings.value, ask, terminal),
    examineRedis(options.redis ?? terminal.environment.SLUICE_REDIS_URL),
    Promise.resolve(settings.value.service(ask)).then(judgeService),
    gatherTools(terminal).then((facts) => facts.map(judgeTool)),
  ]);
  const findings = [...hub, ...redis, service, ...tools];
  terminal.print(options.json === true || options.output === 'json' ? jsonText(findings) : reportText(findings));
  return accepted(findings.some(({ verdict }) => verdict === 'fail') ? exitCodes.failed : exitCodes.done);
};

type Settings = {
  readonly chosen: ChosenContext;
  readonly namespace: string | undefined;
  readonly sluiceNamespace: string;
  readonly sluiceUser: string | undefined;
  readonly trusted: readonly Reference[];
  readonly hostSecret: string | undefined;
  service(ask: AskHttp): Promise<ServiceFacts>;
};

async function readSettings(options: Options, terminal: Terminal): Promise<Answer<Settings>> {
  const { environment } = terminal;
  if (options.redis !== undefined && URL.canParse(options.redis) && new URL(options.redis).password !== '')
    return refuse('WrongUsage', {
      at: '--redis',
      message: 'holds a password, which everybody on this machine sees in the list of processes: put the address into SLUICE_REDIS_URL',
    });
  const url = options.url ?? (environment.SLUICE_PUBLIC_URL || undefined);
  if (url !== undefined && !/^https?:\/\/[^\s@]+$/.test(url))
    return refuse('WrongUsage', { at: '--url', message: 'is no http or https address without credentials, such as https://sluice.example' });
  const secret = options.webhookSecretFile === undefined ? undefined : await readText(options.webhookSecretFile, terminal);
  if (secret !== undefined && !secret.ok) return secret;
  const chosen = await readKubeconfig(options, terminal);
  if (!chosen.ok) return chosen;
  let asked: Promise<ServiceFacts> | undefined;
  return accepted({
    chosen: chosen.value,
    namespace: options.namespace,
    sluiceNamespace: options.sluiceNamespace ?? (environment.SLUICE_NAMESPACE || 'sluice-system'),
    sluiceUser: options.sluiceUser,
    trusted: (environment.SLUICE_TRUSTED_CLUSTERS ?? '').split(',').flatMap((entry) => parseReference(entry.trim()) ?? []),
    hostSecret: secret?.value.trim(),
    service: (ask) => (asked ??= askService(ask, url, terminal.signal)),
  });
}

/** The hub, and everything that it names. */
async function examineHub(settings: Settings, ask: AskHttp, { signal, now }: Terminal): Promise<readonly Finding[]> {
  await using server = openServer(settings.chosen, 'hub');
  const facts = await gatherHub(server, { context: settings.chosen.context, namespace: settings.sluiceNamespace, user: settings.sluiceUser, signal });
  const findings = judgeHub(facts, now().getTime());
  if (!facts.version.ok)
    return [...findings, skipped({ check: 'resources', about: 'Repositories, Clusters, Applications, Pipelines' }, 'the hub does not answer')];
  const lists = await Promise.all((Object.keys(kinds) as Kind[]).map(async (kind) => listed(server, kind, settings.namespace, signal)));
  const of = <K extends Kind>(kind: K): readonly ResourceOf[K][] => {
    const found = lists.find((list) => list.kind === kind)?.listed;
    return found?.ok === true ? (found.value.resources as readonly ResourceOf[K][]) : [];
  };
  const [applications, pipelines] = [of('Application'), of('Pipeline')];
  const hub = { server, sluice: facts.sluice, trusted: settings.trusted, signal };
  const clusters = await Promise.all(of('Cluster').map((cluster) => gatherCluster(hub, cluster, applications)));
  const repositories = await examineRepositories(server, settings, ask, { repositories: of('Repository'), applications, pipelines }, signal);
  const withSecrets = [
    ...of('Repository').filter(({ spec }) => spec.secretRef !== undefined),
    ...of('Cluster').filter(({ spec }) => spec.connection.type === 'kubeconfig'),
  ];
  const secrets = await examineCredentials(server, facts.sluice, [...new Set(withSecrets.map(({ metadata }) => metadata.namespace))], signal);
  return [
    ...findings,
    ...secrets,
    ...clusters.flatMap((cluster) => judgeCluster(cluster, now().getTime())),
    ...repositories,
    ...lists.flatMap(judgeConditions),
  ];
}

async function listed(server: ApiServer, kind: Kind, namespace: string | undefined, signal: AbortSignal): Promise<Listed> {
  return { kind, listed: await tried(listResources(server, kind, namespace, signal)) };
}

type Resources = {
  readonly repositories: readonly ResourceOf['Repository'][];
  readonly applications: readonly ResourceOf['Application'][];
  readonly pipelines: readonly ResourceOf['Pipeline'][];
};

async function examineRepositories(
  hub: ApiServer,
  { service, hostSecret }: Settings,
  ask: AskHttp,
  { repositories, applications, pipelines }: Resources,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (repositories.length === 0) return [];
  await using stack = new AsyncDisposableStack();
  const cacheDir = await mkdtemp(join(tmpdir(), 'sluice-doctor-'));
  stack.defer(() => rm(cacheDir, { recursive: true, force: true }));
  const source = stack.use(openGitSource({ cacheDir, timeoutMs }));
  const probes = { hub, source, ask, service: await service(ask), hostSecret, signal };
  const facts = await Promise.all(repositories.map((repository) => gatherRepository(probes, repository, pipelines, applications)));
  return facts.flatMap(judgeRepository);
}

async function examineRedis(url: string | undefined): Promise<readonly Finding[]> {
  const subject = { check: 'Redis', about: 'Redis' };
  if (url === undefined || url === '') return [skipped(subject, 'its address was not said: SLUICE_REDIS_URL, or --redis without a password')];
  // What Sluice would refuse for want of a password is asked all the same: whether Redis wants one is what there is to find out.
  const problems = malformedRedisUrl(url);
  if (problems.length > 0) return problems.map(({ message }) => fail(subject, `its address ${message}`, 'correct SLUICE_REDIS_URL'));
  const parsed = new URL(url);
  const access = readRedisUrl(parsed);
  const setting = { address: `${access.host}:${access.port}`, loopback: isLoopback(parsed.hostname), withPassword: access.password !== undefined };
  return judgeRedis(setting, await probeRedis(access, timeoutMs));
}
