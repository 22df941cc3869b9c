import type { Resource, ShopLayout, Stage } from './demo-resources.ts';

/** Names and labels of one run on a cluster that is not the demo's own. */
export type BorrowedRun = {
  readonly id: string;
  /** What all names of this run begin with. */
  readonly prefix: string;
  readonly namespaces: ShopLayout['namespaces'] & { readonly system: string };
};

/** On everything that the demo makes on such a cluster, with the run's id as its value. */
export const runLabel = 'demo.sluice.dev/run';

/** The story needs an image that everybody can pull, in versions that exist; this one is a few hundred kilobytes and does nothing. */
export const image = { repository: 'registry.k8s.io/pause', first: '3.9', next: '3.10', fixed: '3.10.1' } as const;

export function borrowedRun(id: string): BorrowedRun {
  const prefix = `sluice-demo-${id}`;
  return {
    id,
    prefix,
    namespaces: { hub: `${prefix}-shop`, staging: `${prefix}-staging`, production: `${prefix}-production`, system: `${prefix}-system` },
  };
}

/** Kubelets pull and start in their own time, and the way to the cluster may be long. */
const stepTimeoutMs = 180_000;

/** The example on one cluster, with a namespace for each stage. */
export function borrowedLayout(run: BorrowedRun): ShopLayout {
  return {
    namespaces: run.namespaces,
    catalogVersions: { next: image.next, fixed: image.fixed, another: image.first },
    simulatedPods: false,
    stepTimeoutMs,
    adaptFile: (path, text) => adaptFile(run, path, text),
    adaptHubResource: (resource) => adaptHubResource(run, resource),
  };
}

export const labelled = <R extends Resource>(run: BorrowedRun, resource: R): R => ({
  ...resource,
  metadata: { ...resource.metadata, labels: { ...resource.metadata.labels, [runLabel]: run.id } },
});

/** The resource in (or, for a Namespace, as) this namespace in place of its own. */
export function placed(run: BorrowedRun, resource: Resource, namespace: string): Resource {
  const { metadata } = labelled(run, resource);
  return { ...resource, metadata: resource.kind === 'Namespace' ? { ...metadata, name: namespace } : { ...metadata, namespace } };
}

function adaptHubResource(run: BorrowedRun, resource: Resource): Resource {
  const { namespaces } = run;
  const moved = placed(run, resource, namespaces.hub);
  switch (resource.kind) {
    case 'Cluster': {
      const rules = [{ hubNamespaces: [namespaces.hub], namespaces: [namespaces[stageNamed(resource.metadata.name)]], serviceAccounts: ['sluice-deployer'] }];
      return { ...moved, spec: { ...resource.spec, connection: { type: 'hub', hub: {} }, rules } };
    }
    case 'Application': {
      const destination = resource.spec?.destination as object;
      const namespace = namespaces[stageNamed(resource.metadata.labels?.stage ?? '')];
      return { ...moved, spec: { ...resource.spec, destination: { ...destination, namespace } } };
    }
    default:
      return moved;
  }
}

function stageNamed(name: string): Stage {
  if (name === 'staging' || name === 'production') return name;
  throw new Error(`examples/shop has the stage "${name}", which the demo has no namespace for`);
}

/** The pause image serves nothing that could be probed. */
const probes = /^( +)(?:readiness|liveness)Probe:\n(?:\1 +.*\n)+/gm;

/** Where the shop runs, what it runs, and whose it is. Quoted, for YAML reads 3.10 as the number 3.1, and an id like 224537e6 as one too. */
function adaptFile({ id, namespaces }: BorrowedRun, path: string, text: string): string {
  const label = `${runLabel}: '${id}'`;
  const [, stage] = /^services\/[^/]+\/overlays\/([^/]+)\/kustomization\.yaml$/.exec(path) ?? [];
  if (stage !== undefined)
    return changed(path, text, [/^namespace: .*$/m, `namespace: ${namespaces[stageNamed(stage)]}`], [/^( +)stage: .*$/m, `$&\n$1${label}`]);
  if (/\/base\/kustomization\.yaml$/.test(path))
    return changed(path, text, [/^( +)newTag: .*$/m, `$1newName: ${image.repository}\n$1newTag: '${image.first}'`]);
  if (path.endsWith('/chart/values.yaml'))
    return changed(path, text, [/repository: .*$/m, `repository: ${image.repository}`], [/tag: .*$/m, `tag: '${image.first}'`]);
  if (path.endsWith('/_labels.tpl')) return changed(path, text, [/^( *)stage: /m, `$1${label}\n$&`]);
  if (path.endsWith('/deployment.yaml')) return changed(path, text, [probes, '']);
  return text;
}

/** Throws when a pattern is not there: the example has moved on, and the demo must follow. */
function changed(path: string, text: string, ...changes: readonly (readonly [RegExp, string])[]): string {
  return changes.reduce((before, [pattern, replacement]) => {
    const after = before.replace(pattern, replacement);
    if (after === before)
      throw new Error(`examples/shop/${path} has nothing like ${pattern.source}: tools/demo-borrowed-layout.ts has to be brought up to date`);
    return after;
  }, text);
}
