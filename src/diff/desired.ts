import { digestOfJson, isJsonObject, type JsonObject } from '../model/json.ts';
import { describeId, type GroupKind, groupKindText, groupOf, idOf, type Manifest, type ResourceId, resourceKey } from '../model/manifest.ts';
import { accepted, type Parsed, type Problem } from '../model/parsed.ts';
import { referenceText } from '../model/reference.ts';
import { applicationLabel, appliedAnnotation, type Owner, ownerAnnotation, partOfLabel } from './ownership.ts';

/** An object as it should be: with its namespace, the owner's labels, and the digest of all that. */
export type Desired = { readonly id: ResourceId; readonly manifest: Manifest; readonly digest: string; readonly wave: number };

/** How a kind is scoped; undefined when it is not known (yet). */
export type ScopeOf = (kind: GroupKind) => 'namespaced' | 'cluster' | undefined;

const hookAnnotations = ['sluice.dev/hook', 'argocd.argoproj.io/hook', 'helm.sh/hook'];
const waveAnnotations = ['sluice.dev/sync-wave', 'argocd.argoproj.io/sync-wave'];

/** Written by the API server; a manifest that was exported from a cluster holds them by accident. */
const serverOwned = ['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'managedFields', 'selfLink'];

/** Makes rendered manifests this owner's: all problems at once, each naming the object. */
export function desiredObjects(manifests: readonly Manifest[], owner: Owner, defaultNamespace: string, scopeOf: ScopeOf): Parsed<readonly Desired[]> {
  const problems: Problem[] = [];
  const desired: Desired[] = [];
  const seen = new Set<string>();

  for (const manifest of manifests.filter((each) => !isHelmTest(each))) {
    const placed = inNamespace(manifest, defaultNamespace, scopeOf({ group: groupOf(manifest.apiVersion), kind: manifest.kind }));
    const id = idOf(placed);
    const place = describeId(id);
    const hook = hookAnnotations.find((annotation) => isHook(annotation, placed.metadata.annotations?.[annotation]));
    const wave = waveOf(placed);

    if (hook !== undefined)
      problems.push({ at: place, message: `has the annotation ${hook}: hooks are not supported yet; take the object or the annotation out` });
    if (hasController(placed))
      problems.push({
        at: place,
        message: 'has an ownerReference with controller: true, so it is the work of another object: take the reference or the object out',
      });
    if (wave === undefined) problems.push({ at: place, message: 'the sync-wave annotation must be a whole number, e.g. "5" or "-1"' });
    if (seen.has(resourceKey(id))) problems.push({ at: place, message: 'is rendered twice: keep one of the two' });
    seen.add(resourceKey(id));
    desired.push(decorate(placed, id, owner, wave ?? 0));
  }
  return problems.length > 0 ? { ok: false, problems } : accepted(desired);
}

const helmHook = 'helm.sh/hook';

const helmEvents = (text: string): readonly string[] => text.split(',').map((event) => event.trim());

/** `crd-install` is of a time when Helm had no other way to bring definitions first; here they come first anyway. */
const isHook = (annotation: string, value: string | undefined): boolean =>
  value !== undefined && !(annotation === helmHook && helmEvents(value).every((event) => event === 'crd-install'));

/** For `helm test`, which nobody runs here. */
function isHelmTest({ metadata }: Manifest): boolean {
  const value = metadata.annotations?.[helmHook];
  return value !== undefined && helmEvents(value).every((event) => /^test(?:-success|-failure)?$/.test(event));
}

/** The manifest with the annotation that proves it; `fieldSet` is not known before a dry-run has answered. */
export function withApplied(desired: Desired, fieldSet: string): Manifest {
  const { metadata } = desired.manifest;
  return { ...desired.manifest, metadata: { ...metadata, annotations: { ...metadata.annotations, [appliedAnnotation]: `${desired.digest}.${fieldSet}` } } };
}

export function waveOf(manifest: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } }): number | undefined {
  const text = waveAnnotations.map((annotation) => manifest.metadata.annotations?.[annotation]).find((value) => value !== undefined) ?? '0';
  return /^[+-]?\d{1,6}$/.test(text.trim()) ? Number(text) : undefined;
}

/** Group-kinds that CustomResourceDefinitions among the manifests define, by groupKindText, with the scope that they give. */
export function definedKinds(manifests: readonly Manifest[]): ReadonlyMap<string, 'namespaced' | 'cluster'> {
  return new Map(
    manifests
      .filter((manifest) => manifest.kind === 'CustomResourceDefinition' && groupOf(manifest.apiVersion) === 'apiextensions.k8s.io')
      .map((manifest) => {
        const spec = manifest.spec as { group?: string; scope?: string; names?: { kind?: string } } | undefined;
        return [groupKindText({ group: spec?.group ?? '', kind: spec?.names?.kind ?? '' }), spec?.scope === 'Cluster' ? 'cluster' : 'namespaced'] as const;
      }),
  );
}

/** Such an object can never be a member: it would be written again and again. */
const hasController = ({ metadata }: Manifest): boolean =>
  Array.isArray(metadata.ownerReferences) && metadata.ownerReferences.some((reference) => isJsonObject(reference) && reference.controller === true);

function inNamespace(manifest: Manifest, defaultNamespace: string, scope: 'namespaced' | 'cluster' | undefined): Manifest {
  const { namespace, ...metadata } = manifest.metadata;
  // A cluster-scoped object that names a namespace is taken as kubectl takes it: without.
  if (scope === 'cluster') return { ...manifest, metadata: metadata as Manifest['metadata'] };
  return { ...manifest, metadata: { ...manifest.metadata, namespace: namespace ?? defaultNamespace } };
}

function decorate(manifest: Manifest, id: ResourceId, owner: Owner, wave: number): Desired {
  const { status: _status, ...rest } = manifest as Manifest & { status?: unknown };
  const metadata = Object.fromEntries(Object.entries(manifest.metadata).filter(([field]) => !serverOwned.includes(field)));
  const { [appliedAnnotation]: _copied, ...annotations } = manifest.metadata.annotations ?? {};
  const decorated: Manifest = {
    ...(rest as JsonObject),
    apiVersion: manifest.apiVersion,
    kind: manifest.kind,
    metadata: {
      ...(metadata as Manifest['metadata']),
      labels: { ...manifest.metadata.labels, [applicationLabel]: owner.hash, [partOfLabel]: owner.applySetId },
      annotations: { ...annotations, [ownerAnnotation]: referenceText(owner.application) },
    },
  };
  return { id, manifest: decorated, digest: digestOfJson(decorated), wave };
}
