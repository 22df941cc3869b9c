#!/usr/bin/env node
import { homedir } from 'node:os';
import { Command, CommanderError } from 'commander';
import { describeProblems } from '../model/parsed.ts';
import { isPortError } from '../model/port-error.ts';
import { type ExitCode, exitCodes, type Run, type Terminal } from './terminal.ts';

const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort(new Error(`received ${name}`)));
// Whoever reads the answer may have seen enough: `sluice render . | head`.
process.stdout.on('error', () => process.exit(exitCodes.done));

const terminal: Terminal = {
  folder: process.cwd(),
  home: homedir(),
  environment: process.env,
  print: (text) => void process.stdout.write(text),
  note: (text) => void process.stderr.write(text),
  async readStandardInput() {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  },
  now: () => new Date(),
  signal: stopping.signal,
};

/** Only what is asked for is loaded: the Kubernetes client takes a second that commands on files do not need. */
const commands = {
  get: async () => (await import('./get.ts')).getCommand,
  sync: async () => (await import('./sync.ts')).syncCommand,
  diff: async () => (await import('./diff.ts')).diffCommand,
  render: async () => (await import('./render.ts')).renderCommand,
  plan: async () => (await import('./plan.ts')).planCommand,
  health: async () => (await import('./health.ts')).healthCommand,
} as const;

/** The exit code is set, not taken at once: what was printed may still be on its way into a pipe. */
const run: Run = async (work) => {
  process.exitCode = await work(terminal).then(
    (ended): ExitCode => {
      if (ended.ok) return ended.value;
      terminal.note(`${describeProblems(ended.problems)}\n`);
      return exitCodes.refused;
    },
    (error: unknown): ExitCode => {
      if (stopping.signal.aborted) return exitCodes.interrupted;
      if (isPortError(error)) {
        terminal.note(`${error.message}\n`);
        return exitCodes.outside;
      }
      terminal.note(`This is a bug in sluice: ${error instanceof Error ? error.stack : String(error)}\n`);
      return exitCodes.bug;
    },
  );
};

const program = new Command('sluice')
  .description('Sluice at the command line: what runs where, and the pure parts of the service offline on files.')
  .helpCommand(false)
  .showHelpAfterError('(add --help for what can be said)')
  .exitOverride()
  .addHelpText(
    'after',
    '\nExit codes: 0 done; 1 differences (diff) or failed (sync --wait); 2 refused or wrong usage; 3 a server or tool failed; 70 a bug. See docs/cli.md.',
  );
const asked = Object.entries(commands).filter(([name]) => name === process.argv[2]);
for (const [, load] of asked.length > 0 ? asked : Object.entries(commands)) (await load())(program, run);

try {
  await program.parseAsync(process.argv);
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.refused;
}
