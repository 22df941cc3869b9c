/** How the manifests of a path are made. `auto`: Kustomize when the folder has a kustomization file, Helm when it has a Chart.yaml, plain otherwise. */
export type RenderKind = 'auto' | 'plain' | 'kustomize' | 'helm';

/** How a chart is rendered, as a user says it. `valueFiles`: relative to the chart's folder, or from the repository's root with a leading `/`; later ones win. */
export type HelmSettings = {
  readonly releaseName: string;
  readonly valueFiles: readonly string[];
  /** YAML; wins over all value files. */
  readonly values?: string;
  readonly skipCrds: boolean;
};

/** What a cluster serves: `.Capabilities` of charts. `apiVersions` as `apps/v1` and `apps/v1/Deployment`. */
export type Capabilities = { readonly kubeVersion?: string; readonly apiVersions: readonly string[] };

/** One `helm template`. Paths are those of the given files. */
export type ChartBuild = HelmSettings & {
  readonly path: string;
  readonly namespace: string;
  /** Whether it replaces something that was applied before: `.Release.IsUpgrade`. */
  readonly upgrade: boolean;
  /** Whether values are held against values.schema.json. */
  readonly checkSchema: boolean;
  /** Beside the kinds that Helm itself knows; without it, those only. */
  readonly capabilities?: Capabilities;
};

export type RenderFile = { readonly path: string; readonly bytes: Uint8Array };

/** ok: the tool's standard output; not ok: what the tool said, with scratch paths taken out. */
export type ToolAnswer = { readonly ok: true; readonly output: string } | { readonly ok: false; readonly message: string };

/**
 * Runs a manifest tool on files in a scratch folder with no network, no credentials, a time and an output limit.
 * Every verb throws  PortError('renderer', TIMEOUT | INVALID (output too large) | UNREACHABLE (the binary cannot be started)).
 */
export type Renderer = {
  /** Builds `path` of `files`. */
  kustomize(files: readonly RenderFile[], path: string, signal: AbortSignal): Promise<ToolAnswer>;
  /** Renders the chart in `chart.path` of `files`: CRDs first unless skipped, hooks among the objects, no tests. */
  helm(files: readonly RenderFile[], chart: ChartBuild, signal: AbortSignal): Promise<ToolAnswer>;
  /** Tool versions, part of every render key. */
  readonly versions: { readonly kustomize: string; readonly helm: string };
};
