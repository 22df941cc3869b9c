import { Command, CommanderError } from 'commander';
import { describeProblems } from '../model/parsed.ts';
import { isPortError } from '../model/port-error.ts';
import { type CliError, cliErrorOf, cliErrors } from './errors.ts';
import { seeError } from './see.ts';
import { type ExitCode, exitCodes, type Run, type Terminal } from './terminal.ts';

/** Only what is asked for is loaded: the Kubernetes client takes a second that commands on files do not need. */
const commands = {
  get: async () => (await import('./get.ts')).getCommand,
  sync: async () => (await import('./sync.ts')).syncCommand,
  diff: async () => (await import('./diff.ts')).diffCommand,
  render: async () => (await import('./render.ts')).renderCommand,
  plan: async () => (await import('./plan.ts')).planCommand,
  health: async () => (await import('./health.ts')).healthCommand,
  init: async () => (await import('./init/init.ts')).initCommand,
  doctor: async () => (await import('./doctor/doctor.ts')).doctorCommand,
  explain: async () => (await import('./explain.ts')).explainCommand,
} as const;

/**
 * The command line. Input: the words after `sluice`. Output: the exit code; everything else goes to the terminal, a last line that leads to the
 * entry of the error included.
 */
export async function sluice(words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done;
  const ended = (error: CliError): ExitCode => {
    terminal.note(seeError(error));
    return cliErrors[error].exitCode;
  };
  const run: Run = async (work) => {
    exitCode = await work(terminal).then(
      (answer): ExitCode => {
        if (answer.ok) return answer.value;
        terminal.note(`${describeProblems(answer.problems)}\n`);
        const codes = [...new Set(answer.problems.map(({ error }) => error))].map(ended);
        return codes[0] ?? exitCodes.refused;
      },
      (error: unknown): ExitCode => {
        if (terminal.signal.aborted) return ended('Interrupted');
        if (isPortError(error)) {
          terminal.note(`${error.message}\n`);
          return ended(cliErrorOf(error));
        }
        terminal.note(`This is a bug in sluice: ${error instanceof Error ? error.stack : String(error)}\n`);
        return ended('Bug');
      },
    );
  };

  const program = new Command('sluice')
    .description('Sluice at the command line: what runs where, and the pure parts of the service offline on files.')
    .helpCommand(false)
    .showHelpAfterError('(add --help for what can be said)')
    .configureOutput({ writeOut: terminal.print, writeErr: terminal.note })
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 done; 1 differences (diff), failed (sync --wait, init --apply), or something to mend (doctor); 2 refused or wrong usage; 3 a server or tool failed; 70 a bug. See docs/cli.md.',
    );
  const asked = Object.entries(commands).filter(([name]) => name === words[0]);
  for (const [, load] of asked.length > 0 ? asked : Object.entries(commands)) (await load())(program, run);

  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCodes.done : ended('WrongUsage');
  }
  return exitCode;
}
