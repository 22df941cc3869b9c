import { at } from '../../src/model/json.ts';
import { groupKindText, type LiveObject } from '../../src/model/manifest.ts';
import type { ServedKind } from '../../src/sync/destination.ts';

const kind = (group: string, name: string, resource: string, namespaced = true, versions = ['v1']): ServedKind => ({
  group,
  kind: name,
  resource,
  namespaced,
  versions,
});

/** What an API server serves before any CustomResourceDefinition. */
export const servedFromTheStart: ReadonlyMap<string, ServedKind> = new Map(
  [
    kind('', 'Namespace', 'namespaces', false),
    kind('', 'ConfigMap', 'configmaps'),
    kind('', 'Secret', 'secrets'),
    kind('', 'Service', 'services'),
    kind('', 'ServiceAccount', 'serviceaccounts'),
    kind('', 'Pod', 'pods'),
    kind('', 'PersistentVolumeClaim', 'persistentvolumeclaims'),
    kind('', 'PersistentVolume', 'persistentvolumes', false),
    kind('', 'ResourceQuota', 'resourcequotas'),
    kind('apps', 'Deployment', 'deployments'),
    kind('apps', 'StatefulSet', 'statefulsets'),
    kind('apps', 'DaemonSet', 'daemonsets'),
    kind('apps', 'ReplicaSet', 'replicasets'),
    kind('batch', 'Job', 'jobs'),
    kind('batch', 'CronJob', 'cronjobs'),
    kind('autoscaling', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', true, ['v2', 'v1']),
    kind('policy', 'PodDisruptionBudget', 'poddisruptionbudgets'),
    kind('networking.k8s.io', 'Ingress', 'ingresses'),
    kind('networking.k8s.io', 'NetworkPolicy', 'networkpolicies'),
    kind('rbac.authorization.k8s.io', 'Role', 'roles'),
    kind('rbac.authorization.k8s.io', 'RoleBinding', 'rolebindings'),
    kind('rbac.authorization.k8s.io', 'ClusterRole', 'clusterroles', false),
    kind('rbac.authorization.k8s.io', 'ClusterRoleBinding', 'clusterrolebindings', false),
    kind('apiextensions.k8s.io', 'CustomResourceDefinition', 'customresourcedefinitions', false),
  ].map((served) => [groupKindText(served), served]),
);

export function definedKind(definition: LiveObject): ServedKind {
  const versions = at(definition, 'spec', 'versions');
  return {
    group: String(at(definition, 'spec', 'group')),
    kind: String(at(definition, 'spec', 'names', 'kind')),
    resource: String(at(definition, 'spec', 'names', 'plural')),
    namespaced: at(definition, 'spec', 'scope') !== 'Cluster',
    versions: Array.isArray(versions) ? versions.map((version) => String(at(version, 'name'))) : [],
  };
}

/** Label selectors of the forms `a=b`, `a`, `!a`, joined by commas. */
export function matches(selector: string, labels: Readonly<Record<string, string>>): boolean {
  return selector
    .split(',')
    .filter((part) => part !== '')
    .every((part) => {
      const [key = '', value] = part.split('=');
      if (value !== undefined) return labels[key] === value;
      return key.startsWith('!') ? labels[key.slice(1)] === undefined : labels[key] !== undefined;
    });
}
