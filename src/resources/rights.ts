/** What Sluice may do, as rules of Kubernetes' RBAC: `sluice init` grants it on destinations, `sluice doctor` asks for it. The tests compare it with deploy/. */
export type PolicyRule = { readonly apiGroups: readonly string[]; readonly resources: readonly string[]; readonly verbs: readonly string[] };

/** ClusterRoles of every cluster that is deployed to. Objects are written only while Sluice impersonates the service account that the Application names. */
export const destinationRoles: Readonly<Record<string, readonly PolicyRule[]>> = {
  'sluice-destination-watch': [{ apiGroups: ['*'], resources: ['*'], verbs: ['list', 'watch'] }],
  'sluice-destination-sync': [
    { apiGroups: ['*'], resources: ['*'], verbs: ['list'] },
    { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['impersonate'] },
    { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create', 'update', 'delete'] },
    { apiGroups: [''], resources: ['namespaces'], verbs: ['create'] },
  ],
};

/** On the hub, in all namespaces: what controller and worker need together. */
export const hubRules: readonly PolicyRule[] = [
  { apiGroups: ['sluice.dev'], resources: ['applications', 'clusters', 'pipelines', 'releases', 'repositories'], verbs: ['get', 'list', 'watch'] },
  {
    apiGroups: ['sluice.dev'],
    resources: ['applications/status', 'clusters/status', 'pipelines/status', 'releases/status', 'repositories/status'],
    verbs: ['update'],
  },
  { apiGroups: ['sluice.dev'], resources: ['releases'], verbs: ['create', 'delete'] },
];

/** On the hub, in each namespace with a Repository or a Cluster that names a Secret: the ClusterRole, and what it lets read. */
export const credentialsRole = 'sluice-credentials';
export const credentialsRules: readonly PolicyRule[] = [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }];

/** On the hub, in Sluice's own namespace: its signing key, and the Lease of the leader. */
export const ownNamespaceRules: readonly PolicyRule[] = [
  { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
];
