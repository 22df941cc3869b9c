import { accepted, type Parsed, type Problem } from '../model/parsed.ts';
import { referenceText } from '../model/reference.ts';
import type { Application } from '../resources/application.ts';
import type { Cluster } from '../resources/cluster.ts';
import type { Repository } from '../resources/repository.ts';
import { mayBeUsedFrom, referenceOf } from '../resources/resource.ts';
import type { Identity } from './destination.ts';

/**
 * Whether an Application may use its Repository and its Cluster, and as whom it acts there. Nothing is allowed that no rule names.
 * That a service account exists is not checked: one without rights simply has none.
 */
export function mayDeploy(application: Application, repository: Repository, cluster: Cluster): Parsed<Identity> {
  const { namespace: from } = application.metadata;
  const problems: Problem[] = [];
  if (!mayBeUsedFrom(repository, from)) {
    problems.push({
      at: 'spec.source.repository',
      message: `Repository ${referenceText(referenceOf(repository))} does not allow namespace ${from}: add it to its allowedNamespaces`,
    });
  }
  if (!mayBeUsedFrom(cluster, from)) {
    problems.push({
      at: 'spec.destination.cluster',
      message: `Cluster ${referenceText(referenceOf(cluster))} does not allow namespace ${from}: add it to its allowedNamespaces`,
    });
  }
  const identity = identityOf(application, cluster);
  if (!identity.ok) problems.push(...identity.problems);
  return problems.length > 0 || !identity.ok ? { ok: false, problems } : accepted(identity.value);
}

function identityOf(application: Application, cluster: Cluster): Parsed<Identity> {
  const { namespace: from } = application.metadata;
  const { namespace } = application.spec.destination;
  const account = application.spec.serviceAccountName;
  if (account === undefined) {
    if (cluster.spec.allowPrivileged.includes(from)) return accepted({ as: 'sluice' });
    return {
      ok: false,
      problems: [
        {
          at: 'spec.serviceAccountName',
          message: `is missing: name a service account of namespace ${namespace} that a rule of Cluster ${cluster.metadata.name} allows`,
        },
      ],
    };
  }
  const allowed = cluster.spec.rules.some(
    (rule) =>
      rule.hubNamespaces.includes(from) &&
      rule.namespaces.some((pattern) => matches(pattern, namespace)) &&
      rule.serviceAccounts.some((pattern) => matches(pattern, account)),
  );
  if (allowed) return accepted({ as: 'service-account', namespace, name: account });
  return {
    ok: false,
    problems: [
      {
        at: 'spec.destination',
        message: `no rule of Cluster ${cluster.metadata.name} lets Applications of namespace ${from} deploy to namespace ${namespace} as service account ${account}: add one to its spec.rules`,
      },
    ],
  };
}

const matches = (pattern: string, value: string): boolean => (pattern.endsWith('*') ? value.startsWith(pattern.slice(0, -1)) : value === pattern);
