import { createHmac } from 'node:crypto';
import type { ApiServer } from '../../adapters/api-server.ts';
import { authorizationOf, withoutCredentials } from '../../adapters/git-http.ts';
import type { AskHttp, HttpOutcome } from '../../adapters/http-probe.ts';
import { at } from '../../model/json.ts';
import { type Reference, referenceText, sameReference } from '../../model/reference.ts';
import type { Application } from '../../resources/application.ts';
import type { Pipeline } from '../../resources/pipeline.ts';
import type { Repository } from '../../resources/repository.ts';
import { referenceOf, resolveReference } from '../../resources/resource.ts';
import { refsOf } from '../../source/revision.ts';
import type { Ref, RepositoryAccess, Source } from '../../source/source.ts';
import { openRepositorySecrets } from '../../sync/repository-access.ts';
import { type Finding, fail, judgeClock, ok, skipped, type Tried, tried, warn } from './finding.ts';
import { secretsOf } from './secrets.ts';

/** Of the service at its address; undefined: no address was given. */
export type ServiceFacts = { readonly url: string; readonly readyz: HttpOutcome } | undefined;

export type WebhookFacts = {
  /** Signed with the secret of the Repository's Secret, and with the one that the Git host was given, when that was said. */
  readonly signed: HttpOutcome | undefined;
  readonly signedAsHost: HttpOutcome | undefined;
  /** Whether the host calls this address; undefined: it does not tell us. */
  readonly atHost: 'there' | 'switched off' | 'missing' | undefined;
};

export type RepositoryFacts = {
  readonly repository: Reference;
  readonly host: Repository['spec']['host'];
  readonly pollSeconds: number;
  readonly secretName: string | undefined;
  readonly suspended: boolean;
  /** Branches that Pipelines and Applications follow. */
  readonly followed: readonly string[];
  readonly refs: Tried<readonly Ref[]>;
  readonly clockAheadMs: number | undefined;
  /** Whether promotions are pushed here, and what the host says to that. */
  readonly push: HttpOutcome | undefined;
  readonly webhookSecret: Tried<boolean>;
  readonly webhook: WebhookFacts | undefined;
};

export type RepositoryProbes = {
  readonly hub: ApiServer;
  readonly source: Source;
  readonly ask: AskHttp;
  readonly service: ServiceFacts;
  /** What the Git host was given as the webhook's secret. */
  readonly hostSecret: string | undefined;
  readonly signal: AbortSignal;
};

export async function askService(ask: AskHttp, url: string | undefined, signal: AbortSignal): Promise<ServiceFacts> {
  if (url === undefined) return undefined;
  const address = url.replace(/\/+$/, '');
  return { url: address, readyz: await ask({ url: `${address}/readyz` }, signal) };
}

/** Nothing is written: the webhook's call is of an event that changes no ref, and nothing is pushed. */
export async function gatherRepository(
  probes: RepositoryProbes,
  repository: Repository,
  pipelines: readonly Pipeline[],
  applications: readonly Application[],
): Promise<RepositoryFacts> {
  const { signal } = probes;
  const reference = referenceOf(repository);
  const { spec } = repository;
  const secrets = openRepositorySecrets(secretsOf(probes.hub), () => new Date());
  const isIt = (from: Pipeline | Application, to: { readonly name: string; readonly namespace?: string }) =>
    sameReference(resolveReference(from, to), reference);
  const own = pipelines.filter((pipeline) => isIt(pipeline, pipeline.spec.repository));
  const revisions = applications.flatMap((application) =>
    isIt(application, application.spec.source.repository) && application.spec.source.targetRevision !== undefined
      ? [application.spec.source.targetRevision]
      : [],
  );
  const followed = [...new Set([...own.map(({ spec: { branch } }) => branch), ...revisions])];
  const access = await tried(secrets.access(repository, signal));
  const names = followed.flatMap(refsOf);
  const [refs, who, push, webhookSecret] = await Promise.all([
    access.ok ? tried(probes.source.refs(access.value, names.length === 0 ? ['refs/heads/'] : names, signal)) : access,
    probes.ask({ url: `${withoutCredentials(spec.url)}/info/refs?service=git-upload-pack` }, signal),
    access.ok && own.some(({ spec: { stages } }) => stages.length > 1) ? askToPush(probes.ask, access.value, signal) : undefined,
    tried(secrets.webhookSecret(repository, signal)),
  ]);
  const secret = webhookSecret.ok ? webhookSecret.value : undefined;
  return {
    repository: reference,
    host: spec.host,
    pollSeconds: spec.pollSeconds,
    secretName: spec.secretRef?.name,
    suspended: spec.suspend,
    followed,
    refs,
    clockAheadMs: who.answered ? who.clockAheadMs : undefined,
    push,
    webhookSecret: webhookSecret.ok ? { ok: true, value: secret !== undefined && secret !== '' } : webhookSecret,
    webhook: spec.host === 'git' ? undefined : await gatherWebhook(probes, reference, secret, access),
  };
}

/** The first half of a push: a host that would refuse it says so here, and nothing comes of it. */
function askToPush(ask: AskHttp, access: RepositoryAccess, signal: AbortSignal): Promise<HttpOutcome> {
  const authorization = authorizationOf(access);
  return ask(
    { url: `${withoutCredentials(access.url)}/info/refs?service=git-receive-pack`, headers: authorization === undefined ? {} : { authorization } },
    signal,
  );
}

async function gatherWebhook(
  { ask, service, hostSecret, signal }: RepositoryProbes,
  repository: Reference,
  secret: string | undefined,
  access: Tried<RepositoryAccess>,
): Promise<WebhookFacts> {
  const path = `/webhooks/${repository.namespace}/${repository.name}`;
  const call = (key: string | undefined): Promise<HttpOutcome> | undefined =>
    service === undefined || key === undefined || key === '' ? undefined : ask(signedCall(`${service.url}${path}`, key), signal);
  const [signed, signedAsHost, atHost] = await Promise.all([
    call(secret),
    call(hostSecret),
    access.ok ? askGiteaHooks(ask, access.value, path, signal) : undefined,
  ]);
  return { signed, signedAsHost, atHost };
}

/** As Gitea signs, with an event that changes no ref. */
function signedCall(url: string, secret: string) {
  const body = JSON.stringify({ action: 'created' });
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  return { url, method: 'POST', headers: { 'content-type': 'application/json', 'x-gitea-event': 'repository', 'x-gitea-signature': signature }, body } as const;
}

/** Only a token that may administer the repository is told. Source: Gitea API, GET /repos/{owner}/{repo}/hooks. */
async function askGiteaHooks(ask: AskHttp, access: RepositoryAccess, path: string, signal: AbortSignal): Promise<WebhookFacts['atHost']> {
  const credentials = access.credentials;
  if (credentials === undefined || !('token' in credentials)) return undefined;
  const { origin, pathname } = new URL(withoutCredentials(access.url));
  const segments = pathname
    .replace(/\.git$/, '')
    .split('/')
    .filter(Boolean);
  const api = [...segments.slice(0, -2), 'api/v1/repos', ...segments.slice(-2), 'hooks'].join('/');
  const answer = await ask({ url: `${origin}/${api}?limit=50`, headers: { authorization: `token ${credentials.token}`, accept: 'application/json' } }, signal);
  const hooks = answer.answered && answer.status === 200 ? readJson(answer.text) : undefined;
  if (!Array.isArray(hooks)) return undefined;
  const ours = hooks.filter((hook) => String(at(hook, 'config', 'url') ?? '').endsWith(path));
  if (ours.length === 0) return 'missing';
  return ours.some((hook) => at(hook, 'active') === true) ? 'there' : 'switched off';
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function judgeService(service: ServiceFacts): Finding {
  const subject = { check: 'service', about: service?.url ?? 'Sluice' };
  if (service === undefined) return skipped(subject, 'its address was not said: --url, or SLUICE_PUBLIC_URL');
  const { readyz } = service;
  if (!readyz.answered)
    return fail(subject, `/readyz does not answer (${readyz.reason})`, 'start Sluice, or correct the address; Git hosts need to reach it for webhooks');
  if (readyz.status === 200) return ok(subject, '/readyz says ready');
  const failing: unknown = at(readJson(readyz.text), 'failing');
  if (readyz.status !== 503 || !Array.isArray(failing))
    return fail(subject, `/readyz answers ${readyz.status}: something else is at this address`, 'correct --url, or the route of the proxy');
  return fail(subject, `/readyz says not ready: ${failing.join(', ')}`, 'see the findings above and the log of Sluice');
}

export function judgeRepository(facts: RepositoryFacts): readonly Finding[] {
  const about = `Repository ${referenceText(facts.repository)}`;
  if (facts.suspended) return [skipped({ check: 'repository', about }, 'is suspended')];
  return [judgeRead(about, facts), judgeClock(`Git host of ${about}`, facts.clockAheadMs), ...judgePush(about, facts), ...judgeWebhook(about, facts)];
}

function judgeRead(about: string, { refs, followed, secretName }: RepositoryFacts): Finding {
  const subject = { check: 'repository', about };
  const credentials = secretName === undefined ? 'name a Secret with a token in spec.secretRef' : `put a token that may read it into Secret ${secretName}`;
  if (!refs.ok) {
    const mend =
      refs.code === 'UNAUTHORIZED' || refs.code === 'NOT_FOUND'
        ? `correct spec.url, or ${credentials}`
        : 'correct spec.url, and see that the Git host can be reached from here';
    return fail(subject, refs.says, mend);
  }
  const missing = followed.filter((revision) => !refsOf(revision).some((name) => refs.value.some((ref) => ref.name === name)) && refsOf(revision).length > 0);
  if (missing.length > 0)
    return fail(subject, `can be read, and has no ${missing.join(', ')}`, 'push that branch, or correct the Pipeline or Application that names it');
  return ok(subject, followed.length === 0 ? 'can be read; nothing follows a branch of it' : `can be read; ${followed.join(', ')} there`);
}

function judgePush(about: string, { push, secretName }: RepositoryFacts): readonly Finding[] {
  if (push === undefined) return [];
  const subject = { check: 'push', about };
  const mend = `give the token in ${secretName === undefined ? 'a Secret named by spec.secretRef' : `Secret ${secretName}`} write access to the repository: promotions are commits on env/<pipeline>/<stage>`;
  if (!push.answered) return [fail(subject, `the Git host does not answer (${push.reason})`, 'see that it can be reached from here')];
  if (push.status === 200) return [ok(subject, 'the Git host lets promotions be pushed')];
  return [fail(subject, `the Git host would refuse promotions (${push.status})`, mend)];
}

function judgeWebhook(about: string, { host, webhook, webhookSecret, secretName, pollSeconds }: RepositoryFacts): readonly Finding[] {
  const subject = { check: 'webhook', about };
  if (host === 'git' || webhook === undefined)
    return [skipped(subject, `spec.host is ${host}, which has none: pushes are found by asking every ${pollSeconds} s`)];
  if (!webhookSecret.ok) return [skipped(subject, `its secret cannot be read: ${webhookSecret.says}`)];
  if (!webhookSecret.value) {
    const mend = `put webhookSecret into ${secretName === undefined ? 'a Secret that spec.secretRef names' : `Secret ${secretName}`}, and the same at the Git host`;
    return [warn(subject, `no secret is set, so no call is taken: pushes are found by asking every ${pollSeconds} s`, mend)];
  }
  const { signed, signedAsHost, atHost } = webhook;
  return [
    signed === undefined
      ? skipped(subject, 'the address of Sluice was not said: --url, or SLUICE_PUBLIC_URL')
      : judgeCall(subject, signed, 'the secret of its Secret'),
    ...(signedAsHost === undefined ? [] : [judgeCall({ check: 'webhook secret', about }, signedAsHost, 'the secret that the Git host has')]),
    ...judgeAtHost(about, atHost, pollSeconds),
  ];
}

function judgeCall(subject: { readonly check: string; readonly about: string }, call: HttpOutcome, secret: string): Finding {
  if (!call.answered) return fail(subject, `a call does not arrive (${call.reason})`, 'see the finding on the service, and the proxies before it');
  if (call.status === 202) return ok(subject, `a call signed with ${secret} is taken`);
  if (call.status === 401)
    return fail(
      subject,
      `a call signed with ${secret} is refused (401)`,
      'make webhookSecret of the Secret and the secret of the webhook at the Git host the same; Sluice takes a changed Secret after 10 s',
    );
  return fail(subject, `a call is answered ${call.status}`, 'see the log of Sluice, and whether a proxy before it changes calls');
}

function judgeAtHost(about: string, atHost: WebhookFacts['atHost'], pollSeconds: number): readonly Finding[] {
  const subject = { check: 'webhook at host', about };
  const mend = 'at the Git host, add a webhook (JSON, push events) to <address of Sluice>/webhooks/<namespace>/<name>, with the webhookSecret';
  if (atHost === undefined) return [skipped(subject, 'the token may not list the webhooks of the Git host')];
  if (atHost === 'there') return [ok(subject, 'the Git host calls it')];
  return [warn(subject, `the webhook is ${atHost} at the Git host: pushes are found by asking every ${pollSeconds} s`, mend)];
}
