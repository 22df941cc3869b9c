import type { Renderer } from '../render/renderer.ts';
import type { ToolOptions } from './confined-run.ts';
import type { Confinement } from './confinement.ts';
import { openHelm } from './helm-binary.ts';
import { openKustomize } from './kustomize-binary.ts';

export type RenderTools = Omit<ToolOptions, 'binary'> & {
  readonly kustomizeBin: string;
  readonly helmBin: string;
};

/**
 * The Renderer port on the binaries of both tools.
 * Throws  PortError('renderer', UNREACHABLE) when one of them cannot be started.
 */
export async function openRenderTools({ kustomizeBin, helmBin, ...options }: RenderTools): Promise<Renderer & { readonly confinement: Confinement }> {
  const [kustomize, helm] = await Promise.all([openKustomize({ ...options, binary: kustomizeBin }), openHelm({ ...options, binary: helmBin })]);
  return {
    kustomize: kustomize.kustomize,
    helm: helm.helm,
    versions: { kustomize: kustomize.version, helm: helm.version },
    confinement: helm.confinement,
  };
}
