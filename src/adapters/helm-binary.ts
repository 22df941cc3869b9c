import { join } from 'node:path';
import type { ChartBuild, Renderer } from '../render/renderer.ts';
import { openConfinedTool, type Scratch, type ToolOptions } from './confined-run.ts';
import type { Confinement } from './confinement.ts';

export type Helm = Pick<Renderer, 'helm'> & { readonly version: string; readonly confinement: Confinement };

const inlineValues = 'inline-values.yaml';
/** The system limits the length of one argument to 128 KiB. */
const apiVersionsPerArgument = 500;

/**
 * The Renderer port's helm on the binary (`helm template`, version 4), confined. Hooks are in its output, tests are not.
 * Throws  PortError('renderer', UNREACHABLE) when the binary cannot be started.
 */
export async function openHelm(options: ToolOptions): Promise<Helm> {
  const tool = await openConfinedTool('helm', ['version', '--template', '{{.Version}}'], options);
  return {
    confinement: tool.confinement,
    version: tool.version,
    helm: (files, chart, signal) =>
      tool.run(
        {
          files,
          own: chart.values === undefined ? {} : { [inlineValues]: chart.values },
          command: (scratch) => templateCommand(chart, scratch),
          clean: withoutLogLines,
        },
        signal,
      ),
  };
}

function templateCommand(chart: ChartBuild, scratch: Scratch): readonly string[] {
  return [
    'template',
    chart.releaseName,
    join(scratch.files, chart.path),
    '--namespace',
    chart.namespace,
    '--skip-tests',
    ...(chart.skipCrds ? [] : ['--include-crds']),
    ...(chart.upgrade ? ['--is-upgrade'] : []),
    ...(chart.checkSchema ? [] : ['--skip-schema-validation']),
    ...chart.valueFiles.flatMap((file) => ['--values', join(scratch.files, file)]),
    ...(chart.values === undefined ? [] : ['--values', join(scratch.own, inlineValues)]),
    ...(chart.capabilities === undefined ? [] : capabilityOptions(chart.capabilities)),
  ];
}

function capabilityOptions({ kubeVersion, apiVersions }: NonNullable<ChartBuild['capabilities']>): readonly string[] {
  const chunks = Array.from({ length: Math.ceil(apiVersions.length / apiVersionsPerArgument) }, (_, index) =>
    apiVersions.slice(index * apiVersionsPerArgument, (index + 1) * apiVersionsPerArgument),
  );
  return [...(kubeVersion === undefined ? [] : ['--kube-version', kubeVersion]), ...chunks.flatMap((chunk) => ['--api-versions', chunk.join(',')])];
}

/** What Helm logs beside its error, and its advice about an option that nobody can give here. */
const withoutLogLines = (message: string): string =>
  message
    .split('\n')
    .filter((line) => !/^(?:level=|time=|Use --debug flag)/.test(line))
    .join('\n');
