/** How the manifests of a path are made. `auto`: kustomize when the folder has a kustomization file, plain otherwise. */
export type RenderKind = 'auto' | 'plain' | 'kustomize';

export type RenderFile = { readonly path: string; readonly bytes: Uint8Array };

/** Runs a manifest tool on files in a scratch folder with no network, no credentials, a time and an output limit. */
export type Renderer = {
  /**
   * Builds `path` of `files` and answers the tool's standard output.
   * Output  ok: the text; not ok: what the tool said, with scratch paths taken out.
   * Throws  PortError('renderer', TIMEOUT | INVALID (output too large) | UNREACHABLE (the binary cannot be started)).
   */
  kustomize(
    files: readonly RenderFile[],
    path: string,
    signal: AbortSignal,
  ): Promise<{ readonly ok: true; readonly output: string } | { readonly ok: false; readonly message: string }>;
  /** Tool versions, part of every render key. */
  readonly versions: { readonly kustomize: string };
};
