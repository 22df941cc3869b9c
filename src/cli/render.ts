import { realpath } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import { type Command, Option } from 'commander';
import { accepted } from '../model/parsed.ts';
import { objectYaml } from '../render/object-yaml.ts';
import type { HelmSettings } from '../render/renderer.ts';
import type { Answer, CliProblem } from './answer.ts';
import { whyUnreadable } from './input.ts';
import { localFiles } from './local-files.ts';
import { jsonText, type OutputOption } from './printing.ts';
import { renderFolder } from './render-folder.ts';
import { exitCodes, type Run, type Terminal, type Work } from './terminal.ts';
import { findWorkFolder, type WorkFolder } from './work-folder.ts';

type Options = OutputOption & {
  readonly releaseName?: string;
  readonly namespace: string;
  readonly values?: readonly string[];
  readonly skipCrds?: boolean;
};

const help = `
Kustomize when the folder has a kustomization file, Helm when it has a Chart.yaml, plain YAML and JSON otherwise. The folder is read as it lies there,
untracked files included; symbolic links are not followed, and nothing outside of the Git work tree that it lies in is read (in none: any file may be a base).
kustomize and helm are taken from SLUICE_KUSTOMIZE_BIN and SLUICE_HELM_BIN, or from PATH.`;

export function renderCommand(program: Command, run: Run): void {
  program
    .command('render')
    .description('the objects that a folder yields, rendered offline')
    .argument('<folder>', 'the folder that holds the manifests, the kustomization or the chart')
    .option('--release-name <name>', 'name of the release, for charts (default: the name of the folder)')
    .option('-n, --namespace <name>', 'the namespace that a chart is told', 'default')
    .option('--values <file...>', 'files of values for a chart, the last one wins')
    .option('--skip-crds', 'leave out the CRDs of a chart')
    .addOption(new Option('-o, --output <format>', 'machine-readable').choices(['json']))
    .addHelpText('after', help)
    .action((folder: string, options: Options) => run((terminal) => renderHere(terminal, folder, options)));
}

const renderHere: Work<[string, Options]> = async (terminal, name, options) => {
  const folder = await findWorkFolder(name, terminal.folder);
  if (!folder.ok) return folder;
  const helm = await helmSettings(folder.value, options, terminal);
  if (!helm.ok) return helm;
  const request = { files: localFiles(folder.value.root), kind: 'auto', helm: helm.value, namespace: options.namespace } as const;
  const rendered = await renderFolder(folder.value, request, terminal);
  if (!rendered.ok) return rendered;
  const { manifests } = rendered.value;
  if (options.output === 'json') terminal.print(jsonText(manifests));
  else terminal.print(manifests.map((manifest) => `---\n${objectYaml(manifest)}`).join(''));
  if (manifests.length === 0) terminal.note(`${name}: renders no object\n`);
  return accepted(exitCodes.done);
};

async function helmSettings(
  { root, path }: WorkFolder,
  { releaseName, values = [], skipCrds = false }: Options,
  terminal: Terminal,
): Promise<Answer<HelmSettings>> {
  const problems: CliProblem[] = [];
  const valueFiles: string[] = [];
  for (const file of values) {
    try {
      const inside = relative(root, await realpath(resolve(terminal.folder, file)));
      if (inside.startsWith('..'))
        problems.push({ error: 'ValuesOutside', at: file, message: `lies outside of ${root}, the work tree of the chart: copy it there` });
      else valueFiles.push(`/${inside.split(sep).join('/')}`);
    } catch (error) {
      problems.push({ error: 'FileUnreadable', at: file, message: whyUnreadable(error) });
    }
  }
  if (problems.length > 0) return { ok: false, problems };
  return accepted({ releaseName: releaseName ?? releaseNameOf(path), valueFiles, skipCrds });
}

/** The folder's name as far as Helm takes it. */
function releaseNameOf(path: string): string {
  const name = (path.split('/').at(-1) ?? '').toLowerCase().replaceAll(/[^a-z0-9.-]+/g, '-');
  return name.replaceAll(/^[-.]+|[-.]+$/g, '').slice(0, 53) || 'release-name';
}
