import type { Command } from 'commander';
import { addressOf, type Explanation } from '../model/explanation.ts';
import { accepted } from '../model/parsed.ts';
import { type KindWithReasons, reasons, releaseStates } from '../resources/reasons.ts';
import { type Answer, refuse } from './answer.ts';
import { cliErrors } from './errors.ts';
import { exitCodes, type Run, type Work } from './terminal.ts';

/** Everything that has an entry, under the words by which people ask for it. */
const entries: readonly { readonly words: string; readonly address: string; readonly entry: Explanation }[] = [
  ...(Object.keys(reasons) as KindWithReasons[]).flatMap((kind) =>
    Object.entries(reasons[kind]).map(([reason, entry]) => ({ words: `${kind} ${reason}`, address: addressOf.reason(kind, reason), entry })),
  ),
  ...Object.entries(releaseStates).map(([state, entry]) => ({ words: `Release ${state}`, address: addressOf.reason('Release', state), entry })),
  ...Object.entries(cliErrors).map(([error, entry]) => ({ words: error, address: addressOf.cliError(error), entry })),
];

export function explainCommand(program: Command, run: Run): void {
  program
    .command('explain')
    .description('what a reason or an error means and what to do; without words: what there is')
    .argument('[words...]', 'a kind and the reason of its condition, e.g. Application Degraded; or an error of this command line')
    .action((words: readonly string[]) => run((terminal) => explain(terminal, words)));
}

const explain: Work<[readonly string[]]> = async (terminal, words) => {
  const found = words.length === 0 ? accepted(undefined) : entryOf(words.join(' '));
  if (!found.ok) return found;
  if (found.value === undefined) terminal.print(entries.map((each) => `${each.words}\n`).join(''));
  else {
    const { words: name, address, entry } = found.value;
    terminal.print(`${name}\n\n${entry.meaning}\n\nTo do: ${entry.toDo}\nNext:  ${entry.next}\n\n${address}\n`);
  }
  return accepted(exitCodes.done);
};

function entryOf(words: string): Answer<(typeof entries)[number]> {
  const found = entries.find((each) => each.words.toLowerCase() === words.toLowerCase());
  return found === undefined ? refuse('UnknownWord', { at: words, message: 'has no entry: `sluice explain` lists what there is' }) : accepted(found);
}
