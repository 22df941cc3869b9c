import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../adapters/api-server.ts';
import { harmless } from '../../model/harmless.ts';
import type { Manifest } from '../../model/manifest.ts';
import { describeId, idOf } from '../../model/manifest.ts';
import { accepted, type Problem } from '../../model/parsed.ts';
import { isPortError } from '../../model/port-error.ts';
import { type Answer, refuse } from '../answer.ts';
import { openServer } from '../custom-resources.ts';
import { readKubeconfig } from '../kubeconfig.ts';
import { type ExitCode, exitCodes, type Terminal } from '../terminal.ts';
import { type ApplyOptions, applyObjects, readObject, servesSluice, withRulesOf } from './apply.ts';
import { identityObjects, isOnLoopback, kubeconfigOfContext, kubeconfigWithToken, readAccountToken } from './destination-access.ts';
import type { InitOptions } from './init.ts';
import { type Following, judgeInstallation, type Standing, standingOf } from './progress.ts';
import type { DestinationPlan, InstallationPlan } from './resources.ts';
import { completeValues } from './secret-values.ts';
import { partsOf, type SecretValues, secretObject } from './written.ts';

const lookEveryMs = 1000;

/** Applies the plan with the person's own rights, destinations first, and follows it until everything is ready. Running it again changes nothing. */
export async function establish(plan: InstallationPlan, given: SecretValues, options: InitOptions, terminal: Terminal): Promise<Answer<ExitCode>> {
  const chosen = await readKubeconfig(options, terminal);
  if (!chosen.ok) return chosen;
  await using hub = openServer(chosen.value, 'hub');
  if (!(await servesSluice(hub, terminal.signal))) {
    const message =
      'does not serve the kinds of sluice.dev: install Sluice there first (kubectl apply --server-side -f deploy/crds), or name the hub with --context';
    return refuse('NotServed', { at: `context ${chosen.value.context}`, message });
  }
  const kubeconfigs: Record<string, { readonly kubeconfig: string }> = {};
  const applying = { force: options.forceConflicts === true, say: (line: string) => terminal.note(`  ${line}\n`), signal: terminal.signal };
  for (const destination of plan.destinations.filter(({ access }) => access !== undefined)) {
    const kubeconfig = await openDestination(destination, options, applying, terminal);
    if (!kubeconfig.ok) return kubeconfig;
    kubeconfigs[`${destination.cluster}-kubeconfig`] = { kubeconfig: kubeconfig.value };
  }
  const values = await completeValues(hub, plan, { ...given, ...kubeconfigs }, terminal.signal);
  if (!values.ok) return values;

  terminal.note(`Hub (context ${chosen.value.context}):\n`);
  const resources = await hubObjects(hub, plan, values.value, terminal.signal);
  await applyObjects(hub, resources, applying);
  sayWebhook(plan, options, terminal);
  if (!options.wait) return accepted(exitCodes.done);
  // Awaited here: the connection lasts as long as this function.
  return await follow(
    hub,
    resources.filter(({ apiVersion }) => apiVersion.startsWith('sluice.dev/')),
    options.timeout,
    terminal,
  );
}

/** Whom Sluice is there, what Applications act as there; answers the kubeconfig for the hub's Secret. */
async function openDestination(destination: DestinationPlan, options: InitOptions, applying: ApplyOptions, terminal: Terminal): Promise<Answer<string>> {
  const chosen = await readKubeconfig({ kubeconfig: destination.access?.kubeconfig ?? options.kubeconfig, context: destination.access?.context }, terminal);
  if (!chosen.ok) return chosen;
  terminal.note(`Destination ${destination.cluster} (context ${chosen.value.context}):\n`);
  if (isOnLoopback(chosen.value)) terminal.note('  its address is of this machine alone: a Sluice in a pod or elsewhere cannot reach it\n');
  const byAccount = options.destinationCredentials === 'service-account';
  await using server = openServer(chosen.value, 'destination');
  await applyObjects(server, [...(byAccount ? identityObjects : []), ...destination.objects], applying);
  const token = byAccount ? await readAccountToken(server, terminal.signal) : undefined;
  if (token?.ok === false) return token;
  const kubeconfig = await (token === undefined ? kubeconfigOfContext(chosen.value) : kubeconfigWithToken(chosen.value, token.value));
  if (!kubeconfig.ok) return kubeconfig;
  for (const warning of kubeconfig.value.warnings) terminal.note(`  warning: ${warning}\n`);
  return accepted(kubeconfig.value.text);
}

/** What is named comes before what names it; a Cluster that is there keeps the rules of others. */
async function hubObjects(hub: ApiServer, plan: InstallationPlan, values: SecretValues, signal: AbortSignal): Promise<readonly Manifest[]> {
  const { namespace, credentials, resources } = partsOf(plan);
  const secrets = plan.secrets.map((secret) => secretObject({ ...secret, keys: keysOf(secret.keys, values[secret.name]) }, plan.namespace, values));
  const own = plan.destinations.filter(({ access }) => access === undefined).flatMap(({ objects }) => objects);
  const complete = await Promise.all(
    resources.map(async (resource) => (resource.kind === 'Cluster' ? withRulesOf(resource, await readObject(hub, resource, signal)) : resource)),
  );
  return [...namespace, ...own, ...credentials, ...secrets, ...complete];
}

/** A Secret that has a password in place of a token keeps it. */
const keysOf = <Key extends string>(keys: readonly Key[], values: Readonly<Record<string, string>> = {}): readonly Key[] =>
  keys.filter((key) => values[key] !== undefined);

function sayWebhook({ namespace, pipeline, secrets }: InstallationPlan, { webhookSecretFile }: InitOptions, terminal: Terminal): void {
  const secret = secrets.find(({ keys }) => keys.includes('webhookSecret'));
  if (secret === undefined) return;
  const where =
    webhookSecretFile === undefined
      ? `what this prints: kubectl get secret ${secret.name} -n ${namespace} -o go-template='{{.data.webhookSecret | base64decode}}'`
      : `the contents of ${webhookSecretFile}`;
  terminal.note(`Webhook for the Git host (JSON, push events): POST <address of Sluice>/webhooks/${namespace}/${pipeline}, its secret is ${where}\n`);
}

/** A hub that cannot be asked for a moment ends nothing. */
async function follow(hub: ApiServer, resources: readonly Manifest[], timeoutSeconds: number, terminal: Terminal): Promise<Answer<ExitCode>> {
  const untilMs = terminal.now().getTime() + timeoutSeconds * 1000;
  terminal.note(`Waiting until all ${resources.length} are ready, ${timeoutSeconds} s at most:\n`);
  let following: Following = { stalledSinceMs: {} };
  const said = new Map<string, string>();
  for (;;) {
    const standings = await look(hub, resources, terminal.signal);
    for (const { what, line } of standings) {
      if (said.get(what) !== line) terminal.note(`  ${harmless(line)}\n`);
      said.set(what, line);
    }
    const nowMs = terminal.now().getTime();
    const judged = judgeInstallation(standings, following, nowMs);
    following = judged.following;
    if (judged.is === 'done') {
      terminal.print(`All ${resources.length} resources are ready.\n`);
      return accepted(exitCodes.done);
    }
    if (judged.is === 'failed' || nowMs >= untilMs) {
      const why = judged.is === 'failed' ? 'something needs a person' : `not within ${timeoutSeconds} s`;
      return refuse('NotReady', ...openProblems(standings), { at: 'ready', message: `${why}; ${whatNext(standings)}` });
    }
    await sleep(lookEveryMs, undefined, { signal: terminal.signal });
  }
}

async function look(hub: ApiServer, resources: readonly Manifest[], signal: AbortSignal): Promise<readonly Standing[]> {
  return Promise.all(
    resources.map(async (resource) => {
      const what = describeId(idOf(resource)).replace('.sluice.dev', '');
      try {
        return standingOf({ what, object: await readObject(hub, resource, signal) });
      } catch (error) {
        if (!isPortError(error) || !error.retryable) throw error;
        return { what, is: 'under way', line: `${what}: ${error.message}` };
      }
    }),
  );
}

const openProblems = (standings: readonly Standing[]): readonly Problem[] =>
  standings.filter(({ is }) => is !== 'ready').map(({ what, line }) => ({ at: what, message: harmless(line.slice(what.length + 2)) }));

const whatNext = (standings: readonly Standing[]): string =>
  standings.every(({ line }) => line.endsWith('not looked at yet'))
    ? 'nothing was looked at: is Sluice running at this hub? `sluice doctor` says what is missing'
    : '`sluice doctor` says what to mend; then run this again';
