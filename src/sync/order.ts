import type { Desired } from '../diff/desired.ts';
import { groupKindText, groupOf, type Manifest, type ResourceId } from '../model/manifest.ts';

/** Argo CD's order of kinds within a wave; everything else comes last. Source: gitops-engine, sync_tasks.go. */
const kindOrder = [
  'Namespace',
  'NetworkPolicy',
  'ResourceQuota',
  'LimitRange',
  'PodSecurityPolicy',
  'PodDisruptionBudget',
  'ServiceAccount',
  'Secret',
  'SecretList',
  'ConfigMap',
  'StorageClass',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'CustomResourceDefinition',
  'ClusterRole',
  'ClusterRoleList',
  'ClusterRoleBinding',
  'ClusterRoleBindingList',
  'Role',
  'RoleList',
  'RoleBinding',
  'RoleBindingList',
  'Service',
  'DaemonSet',
  'Pod',
  'ReplicationController',
  'ReplicaSet',
  'Deployment',
  'HorizontalPodAutoscaler',
  'StatefulSet',
  'Job',
  'CronJob',
  'IngressClass',
  'Ingress',
  'APIService',
]; // prettier-ignore
const rankOf = new Map(kindOrder.map((kind, rank) => [kind, rank]));

export const kindRank = (kind: string): number => rankOf.get(kind) ?? kindOrder.length;

/** Ties are broken by group, namespace and name, so that the same objects always have the same order. */
export function compareIds(a: ResourceId, b: ResourceId): number {
  return (
    kindRank(a.kind) - kindRank(b.kind) ||
    compareText(a.group, b.group) ||
    compareText(a.kind, b.kind) ||
    compareText(a.namespace ?? '', b.namespace ?? '') ||
    compareText(a.name, b.name)
  );
}

/**
 * Objects by rising wave, each wave in the order of kinds. A Namespace is pulled forward to the wave of the first object in it,
 * a CustomResourceDefinition to the wave of its first instance, as Argo CD does.
 */
export function orderSync(desired: readonly Desired[]): readonly { readonly wave: number; readonly objects: readonly Desired[] }[] {
  const namespaces = earliestWave(desired, ({ id }) => id.namespace);
  const kinds = earliestWave(desired, ({ id }) => groupKindText(id));

  const waveOf = (each: Desired): number => {
    if (each.id.kind === 'Namespace' && each.id.group === '') return Math.min(each.wave, namespaces.get(each.id.name) ?? each.wave);
    const defined = definedKind(each.manifest);
    return defined === undefined ? each.wave : Math.min(each.wave, kinds.get(defined) ?? each.wave);
  };

  return [...Map.groupBy(desired, waveOf)]
    .toSorted(([a], [b]) => a - b)
    .map(([wave, objects]) => ({ wave, objects: objects.toSorted((a, b) => compareIds(a.id, b.id)) }));
}

/** Neighbours of one kind may be written at the same time. */
export function byKind<T extends { readonly id: ResourceId }>(ordered: readonly T[]): readonly (readonly T[])[] {
  const groups: T[][] = [];
  for (const each of ordered) {
    const last = groups.at(-1);
    if (last?.[0] !== undefined && groupKindText(last[0].id) === groupKindText(each.id)) last.push(each);
    else groups.push([each]);
  }
  return groups;
}

function definedKind(manifest: Manifest): string | undefined {
  if (manifest.kind !== 'CustomResourceDefinition' || groupOf(manifest.apiVersion) !== 'apiextensions.k8s.io') return undefined;
  const spec = manifest.spec as { group?: string; names?: { kind?: string } } | undefined;
  return groupKindText({ group: spec?.group ?? '', kind: spec?.names?.kind ?? '' });
}

function earliestWave(desired: readonly Desired[], keyOf: (each: Desired) => string | undefined): ReadonlyMap<string, number> {
  const earliest = new Map<string, number>();
  for (const each of desired) {
    const key = keyOf(each);
    if (key !== undefined) earliest.set(key, Math.min(earliest.get(key) ?? each.wave, each.wave));
  }
  return earliest;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
