import { type Command, Option } from 'commander';
import { explainHealth } from '../health/explain.ts';
import type { LiveObject } from '../model/manifest.ts';
import { accepted } from '../model/parsed.ts';
import type { PlacedManifest } from '../render/yaml.ts';
import { readSomeObjects } from './input.ts';
import { jsonText, type OutputOption, tableText } from './printing.ts';
import { exitCodes, type Run, type Work } from './terminal.ts';

type Options = OutputOption & { readonly filename: readonly string[] };

const help = `
Objects as \`kubectl get … -o yaml\` prints them, with their status. HEALTH is what gates promotions; KSTATUS is the verdict of kstatus beside it.
The exit code says whether the objects could be judged, not whether they are healthy.`;

export function healthCommand(program: Command, run: Run): void {
  program
    .command('health')
    .description('the health of objects, judged from files')
    .requiredOption('-f, --filename <file...>', 'objects with their status; - for standard input')
    .addOption(new Option('-o, --output <format>', 'machine-readable').choices(['json']))
    .addHelpText('after', help)
    .action((options: Options) => run((terminal) => health(terminal, options)));
}

const health: Work<[Options]> = async (terminal, { filename, output }) => {
  const objects = await readSomeObjects(filename, terminal);
  if (!objects.ok) return objects;
  const lines = objects.value.map((object) => healthLine(object, terminal.now()));
  const header = ['KIND', 'NAMESPACE', 'NAME', 'HEALTH', 'KSTATUS', 'MESSAGE'];
  const rows = lines.map(({ kind, namespace, name, health: word, kstatus, message }) => [kind, namespace, name, word, kstatus, message]);
  terminal.print(output === 'json' ? jsonText(lines) : tableText(header, rows));
  return accepted(exitCodes.done);
};

/** A line of the contract. `namespace` is '' for an object that has none. */
function healthLine({ manifest }: PlacedManifest, now: Date) {
  const { apiVersion, kind, metadata } = manifest;
  const { health: word, message, kstatus } = explainHealth(manifest as unknown as LiveObject, now);
  return { apiVersion, kind, namespace: metadata.namespace ?? '', name: metadata.name, health: word, message, kstatus };
}
