import {
  applySetIdLabel,
  groupKindsAnnotation,
  installationLabel,
  namespacesAnnotation,
  type Owner,
  ownerAnnotation,
  toolingAnnotation,
} from '../diff/ownership.ts';
import { type GroupKind, groupKindText, type LiveObject, type Manifest } from '../model/manifest.ts';
import { accepted, type Parsed, refused } from '../model/parsed.ts';
import { referenceText } from '../model/reference.ts';

/** Where members may be: what the applyset parent says. Source: KEP-3659. */
export type Extent = { readonly kinds: readonly GroupKind[]; readonly namespaces: readonly string[] };

/** Reads a parent; one that another installation or Application wrote is refused. */
export function extentOf(parent: LiveObject | undefined, owner: Owner): Parsed<Extent> {
  if (parent === undefined) return accepted({ kinds: [], namespaces: [] });
  const { annotations = {}, labels = {} } = parent.metadata;
  const names = { installation: labels[installationLabel], application: annotations[ownerAnnotation] };
  if (names.installation !== owner.installation || names.application !== referenceText(owner.application)) {
    return refused({
      at: `ConfigMap ${owner.parentNamespace}/${owner.parentName}`,
      message: `belongs to Application ${names.application ?? '(none)'} of installation ${names.installation ?? '(none)'}; give this installation another SLUICE_INSTALLATION, or remove the ConfigMap if nothing uses it`,
    });
  }
  return accepted({
    kinds: words(annotations[groupKindsAnnotation]).map(parseGroupKind),
    namespaces: words(annotations[namespacesAnnotation]),
  });
}

export function parentManifest(owner: Owner, extent: Extent, seen: LiveObject | undefined): Manifest {
  const kinds = [...new Set(extent.kinds.map(groupKindText))].toSorted().join(',');
  const namespaces = [...new Set(extent.namespaces)].filter((namespace) => namespace !== owner.parentNamespace).toSorted();
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: owner.parentName,
      namespace: owner.parentNamespace,
      labels: { [applySetIdLabel]: owner.applySetId, [installationLabel]: owner.installation },
      annotations: {
        [toolingAnnotation]: 'sluice/v1',
        [groupKindsAnnotation]: kinds,
        [namespacesAnnotation]: namespaces.join(','),
        [ownerAnnotation]: referenceText(owner.application),
      },
      ...(seen === undefined ? {} : { resourceVersion: seen.metadata.resourceVersion, uid: seen.metadata.uid }),
    },
  };
}

export const widened = (a: Extent, b: Extent): Extent => ({ kinds: [...a.kinds, ...b.kinds], namespaces: [...a.namespaces, ...b.namespaces] });

/** Whether writing the extent would change the parent. */
export function saysOther(parent: LiveObject | undefined, manifest: Manifest): boolean {
  const { annotations = {}, labels = {} } = parent?.metadata ?? {};
  const says = (now: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>> = {}): boolean =>
    Object.entries(wanted).every(([key, value]) => now[key] === value);
  return !says(annotations, manifest.metadata.annotations) || !says(labels, manifest.metadata.labels);
}

const words = (text: string | undefined): readonly string[] => (text ?? '').split(',').filter((word) => word !== '');

function parseGroupKind(text: string): GroupKind {
  const [kind = '', ...group] = text.split('.');
  return { kind, group: group.join('.') };
}
