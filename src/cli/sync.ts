import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { ApiServer } from '../adapters/api-server.ts';
import { harmless } from '../model/harmless.ts';
import { accepted } from '../model/parsed.ts';
import { isPortError } from '../model/port-error.ts';
import { type Reference, referenceText } from '../model/reference.ts';
import { syncRequestedAnnotation } from '../sync/sync-request.ts';
import { type Answer, refuse } from './answer.ts';
import { annotate, openServer, readOne, referenceFrom } from './custom-resources.ts';
import { type KubeconfigOptions, readKubeconfig } from './kubeconfig.ts';
import { judgeSync, type SyncProgress } from './sync-progress.ts';
import { type ExitCode, exitCodes, type Run, type Terminal, type Work } from './terminal.ts';

type Options = KubeconfigOptions & { readonly namespace?: string; readonly wait?: boolean; readonly timeout: number };

const lookEveryMs = 1000;

const help = `
Writes the annotation ${syncRequestedAnnotation}; the service does the rest, with the newest commit and although automated or selfHeal is off.
With --wait the exit code is 0 once the Application is synced and healthy, and 1 when it has failed or the time is over.`;

export function syncCommand(program: Command, run: Run): void {
  program
    .command('sync')
    .description('ask for a sync of an Application')
    .argument('<application>', 'NAME or NAMESPACE/NAME')
    .option('--kubeconfig <file>', "the hub's kubeconfig (default: as kubectl)")
    .option('--context <name>', 'a context of it')
    .option('-n, --namespace <name>', "the Application's namespace (default: the context's)")
    .option('--wait', 'follow until it is synced and healthy, or has failed')
    .option('--timeout <seconds>', 'how long to follow', seconds, 900)
    .addHelpText('after', help)
    .action((application: string, options: Options) => run((terminal) => sync(terminal, application, options)));
}

function seconds(text: string): number {
  if (/^\d{1,6}$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError('write a whole number of seconds.');
}

const sync: Work<[string, Options]> = async (terminal, name, options) => {
  const chosen = await readKubeconfig(options, terminal);
  if (!chosen.ok) return chosen;
  const reference = referenceFrom(name, options.namespace ?? chosen.value.namespace);
  if (!reference.ok) return reference;
  await using server = openServer(chosen.value, 'hub');
  const application = await readOne(server, 'Application', reference.value, terminal.signal);
  if (!application.ok) return application;
  if (application.value.spec.suspend) {
    return refuse('Suspended', {
      at: `Application ${referenceText(reference.value)}`,
      message: 'is suspended and would not be synced: set spec.suspend to false first',
    });
  }
  const asked = terminal.now().toISOString();
  await annotate(server, 'Application', reference.value, { [syncRequestedAnnotation]: asked }, terminal.signal);
  terminal.print(`Application ${referenceText(reference.value)}: sync requested at ${asked}\n`);
  // Awaited here: the connection lasts as long as this function.
  return options.wait === true ? await follow(server, reference.value, options.timeout, terminal) : accepted(exitCodes.done);
};

async function follow(server: ApiServer, reference: Reference, timeoutSeconds: number, terminal: Terminal): Promise<Answer<ExitCode>> {
  const at = `Application ${referenceText(reference)}`;
  const untilMs = terminal.now().getTime() + timeoutSeconds * 1000;
  for (let said = ''; ; ) {
    const looked = await look(server, reference, terminal.signal);
    if (!looked.ok) return looked;
    const { is, line, see } = looked.value;
    if (is === 'failed') {
      for (const entry of see) terminal.note(entry);
      return refuse('SyncFailed', { at, message: harmless(line) });
    }
    if (line !== said) terminal.note(`${harmless(line)}\n`);
    said = line;
    if (is === 'done') return accepted(exitCodes.done);
    if (terminal.now().getTime() >= untilMs)
      return refuse('SyncUnfinished', { at, message: `not done within ${timeoutSeconds} s; it goes on without being watched. Is Sluice running at this hub?` });
    await sleep(lookEveryMs, undefined, { signal: terminal.signal });
  }
}

/** A hub that cannot be asked for a moment ends nothing. */
async function look(server: ApiServer, reference: Reference, signal: AbortSignal): Promise<Answer<SyncProgress>> {
  try {
    const application = await readOne(server, 'Application', reference, signal);
    return application.ok ? accepted(judgeSync(application.value)) : application;
  } catch (error) {
    if (!isPortError(error) || !error.retryable) throw error;
    return accepted({ is: 'under way', line: error.message, see: [] });
  }
}
