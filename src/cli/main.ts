#!/usr/bin/env node
import { homedir } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { sluice } from './sluice.ts';
import { exitCodes } from './terminal.ts';

const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort(new Error(`received ${name}`)));
// Whoever reads the answer may have seen enough: `sluice render . | head`.
process.stdout.on('error', () => process.exit(exitCodes.done));

/** The exit code is set, not taken at once: what was printed may still be on its way into a pipe. */
process.exitCode = await sluice(process.argv.slice(2), {
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
  ask: process.stdin.isTTY ? ask : undefined,
  showsOnScreen: process.stdout.isTTY === true,
  now: () => new Date(),
  signal: stopping.signal,
});

/** On standard error: the answer of the command may go into a file. */
async function ask(question: string): Promise<string> {
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await asking.question(question, { signal: stopping.signal })).trim();
  } finally {
    asking.close();
  }
}
