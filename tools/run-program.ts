import { spawn } from 'node:child_process';

/** Hears what is being done, in lines for people. */
export type Say = (line: string) => void;

type Options = {
  readonly input?: string | undefined;
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Called with each line that the program says on stderr. */
  readonly hear?: (line: string) => void;
};

/** Runs a program to its end and answers what it printed on stdout. Throws with its last words on stderr when it fails. Arguments are never repeated in an error. */
export function run(command: string, args: readonly string[], { input = '', cwd, env = {}, hear }: Options = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'pipe', env: { ...process.env, ...env }, ...(cwd === undefined ? {} : { cwd }) });
    const program = command.split('/').at(-1) ?? command;
    let printed = '';
    let said = '';
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-20_000);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) hear?.(line);
    });
    child.stdin.on('error', () => {}); // a program that does not read its input is no failure
    child.on('error', (cause) => reject(new Error(`${program} cannot be started: ${cause.message}`, { cause })));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`${program} ended with ${code ?? signal}: ${said.trim().slice(-4000) || printed.trim().slice(-4000)}`));
    });
    child.stdin.end(input);
  });
}
