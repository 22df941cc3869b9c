import type { Static } from 'typebox';
import type { Resource } from './resource.ts';
import { conditions, flag, list, localReference, name, observedGeneration, optional, record, text, time, variant } from './schema.ts';

const namePattern = text({
  maxLength: 253,
  pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?|[a-z0-9][-a-z0-9.]*\\*|\\*)$',
  description: 'A name; a trailing `*` matches any ending.',
});

const ClusterRule = record({
  hubNamespaces: list(name(), { minItems: 1, maxItems: 256, description: 'Namespaces of the hub whose Applications this rule is for.' }),
  namespaces: list(namePattern, { minItems: 1, maxItems: 256, description: 'Namespaces of this cluster that they may deploy to.' }),
  serviceAccounts: list(namePattern, { minItems: 1, maxItems: 64, description: 'Service accounts of that namespace that they may act as.' }),
});
export type ClusterRule = Static<typeof ClusterRule>;

export const ClusterSpec = record({
  connection: variant(
    {
      hub: record({}, { description: 'The cluster that Sluice itself lives in.' }),
      kubeconfig: record({ secretRef: localReference('Secret with `kubeconfig`') }, { description: 'A cluster that a kubeconfig leads to.' }),
    },
    { description: 'How the cluster is reached.' },
  ),
  allowedNamespaces: list(name(), { maxItems: 256, default: [], description: 'Other namespaces whose Applications may use this Cluster.' }),
  rules: list(ClusterRule, { maxItems: 256, default: [], description: 'Who may deploy where, as whom. An Application that no rule names is refused.' }),
  allowPrivileged: list(name(), {
    maxItems: 64,
    default: [],
    description: 'Namespaces of the hub whose Applications may act with the rights of Sluice itself, without serviceAccountName.',
  }),
  suspend: flag({ default: false, description: 'Watch and apply nothing there. Its Applications wait.' }),
});
export type ClusterSpec = Static<typeof ClusterSpec>;

export const ClusterStatus = record({
  observedGeneration: optional(observedGeneration),
  conditions,
  version: optional(text({ maxLength: 64, description: 'The API server, as it calls itself.' })),
  watch: optional(
    record(
      {
        syncedSince: optional(time({ description: 'Since when every watch has been synced without a gap; absent while one is not.' })),
        renewedAt: time({ description: 'When Sluice last wrote this.' }),
      },
      { description: 'Whether changes on this cluster are seen at once. Renewed every 10 s; older than 30 s counts as not watched.' },
    ),
  ),
});
export type ClusterStatus = Static<typeof ClusterStatus>;

export type Cluster = Resource<'Cluster', ClusterSpec, ClusterStatus>;
