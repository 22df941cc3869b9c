import { join } from 'node:path';
import type { Renderer } from '../render/renderer.ts';
import { openConfinedTool, type ToolOptions } from './confined-run.ts';
import type { Confinement } from './confinement.ts';

export type Kustomize = Pick<Renderer, 'kustomize'> & { readonly version: string; readonly confinement: Confinement };

/**
 * The Renderer port's kustomize on the binary, confined.
 * Throws  PortError('renderer', UNREACHABLE) when the binary cannot be started.
 */
export async function openKustomize(options: ToolOptions): Promise<Kustomize> {
  const tool = await openConfinedTool('kustomize', ['version'], options);
  return {
    confinement: tool.confinement,
    version: tool.version,
    kustomize: (files, path, signal) =>
      tool.run(
        { files, command: (scratch) => ['build', '--load-restrictor', 'LoadRestrictionsRootOnly', join(scratch.files, path)], clean: withoutQuotations },
        signal,
      ),
  };
}

/** Without the parts where it repeats literals, patches or whole configurations. */
const withoutQuotations = (message: string): string =>
  message
    .replace(/`[\s\S]*`|`[\s\S]*$/, '`…`')
    .replace(/unknown anchor '[\s\S]*?' referenced/, 'unknown anchor referenced')
    .replace(/(literal source|patch from|node contents)[\s\S]*$/, '$1 (left out here: it may be a secret)');
