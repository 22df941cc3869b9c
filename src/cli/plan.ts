import { type Command, Option } from 'commander';
import type { LiveObject } from '../model/manifest.ts';
import { accepted, describeProblems } from '../model/parsed.ts';
import { refusedAs } from './answer.ts';
import { readObjects, readSomeObjects } from './input.ts';
import { planOffline } from './offline-plan.ts';
import { jsonText, type OutputOption, tableText } from './printing.ts';
import { exitCodes, type Run, type Work } from './terminal.ts';

type Options = OutputOption & { readonly filename: readonly string[]; readonly live?: string; readonly namespace?: string };

const help = `
Works on files alone. Without --live nothing is there, so every object is to be created. With --live FILE (as \`kubectl get … -o yaml\` prints it):
  - an object that carries the annotation sluice.dev/applied is unchanged when its digest is the manifest's, and, where FILE holds
    managedFields, nobody changed it since; any other one when every field that the manifest names has the same value in it
    (list items with a name are found by name; quantities are compared as they are written);
  - what is in FILE and not among the manifests is pruned: those that carry the applyset label of the rendered objects where FILE holds
    such labels, all of FILE where it holds none. What a controller owns, what is being deleted and what is marked to be kept stays.
Hooks are shown in their phase as refused: they are not supported yet.`;

export function planCommand(program: Command, run: Run): void {
  program
    .command('plan')
    .description('what a sync would do, in which order, told from files')
    .requiredOption('-f, --filename <file...>', 'manifests; - for standard input')
    .option('--live <file>', 'the objects that are there')
    .option('-n, --namespace <name>', 'where objects without a namespace go')
    .addOption(new Option('-o, --output <format>', 'machine-readable').choices(['json']))
    .addHelpText('after', help)
    .action((options: Options) => run((terminal) => plan(terminal, options)));
}

const plan: Work<[Options]> = async (terminal, { filename, live, namespace, output }) => {
  const manifests = await readSomeObjects(filename, terminal);
  if (!manifests.ok) return manifests;
  const there = live === undefined ? accepted([]) : await readObjects([live], terminal);
  if (!there.ok) return there;
  const planned = refusedAs(
    'AmbiguousObjects',
    planOffline(
      manifests.value,
      there.value.map(({ manifest }) => manifest as unknown as LiveObject),
      namespace,
    ),
  );
  if (!planned.ok) return planned;
  const { lines, notes } = planned.value;
  const header = ['PHASE', 'WAVE', 'ACTION', 'KIND', 'NAMESPACE', 'NAME'];
  const rows = lines.map(({ phase, wave, action, kind, namespace: inside, name }) => [phase, String(wave), action, kind, inside, name]);
  terminal.print(output === 'json' ? jsonText(lines) : tableText(header, rows));
  if (notes.length > 0) terminal.note(`${describeProblems(notes)}\n`);
  if (lines.some(({ action }) => action === 'refused')) terminal.note('A sync would write nothing at all until what is refused is corrected.\n');
  return accepted(exitCodes.done);
};
