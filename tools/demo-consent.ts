import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';

/** Asks on the terminal. Anything but y or yes is no, the end of the input too. Rejects when the signal fires. */
export async function agreed(question: string, signal: AbortSignal): Promise<boolean> {
  // Left to the terminal driver, Ctrl-C stays a signal to this process.
  const terminal = createInterface({ input: process.stdin, output: process.stdout, terminal: false });
  try {
    const closed = once(terminal, 'close', { signal }).then(() => '');
    closed.catch(() => {});
    const answer = await Promise.race([terminal.question(question, { signal }), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
