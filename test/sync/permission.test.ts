import { describe, expect, it } from 'vitest';
import { mayDeploy } from '../../src/sync/permission.ts';
import { application, cluster, repository } from '../builders.ts';

const rule = { hubNamespaces: ['shop'], namespaces: ['web', 'team-*'], serviceAccounts: ['deployer'] };
const guarded = (spec: NonNullable<Parameters<typeof cluster>[0]>['spec'] = {}) => cluster({ spec: { rules: [rule], ...spec } });
const to = (namespace: string, serviceAccountName: string | undefined = 'deployer') =>
  application({ spec: { destination: { namespace }, serviceAccountName } });
const problemsOf = (parsed: ReturnType<typeof mayDeploy>) => (parsed.ok ? [] : parsed.problems);

describe('an Application may deploy', () => {
  it.each([['web'], ['team-a'], ['team-']])('to namespace %s as a service account that a rule names', (namespace) => {
    expect(mayDeploy(to(namespace), repository(), guarded())).toEqual({ ok: true, value: { as: 'service-account', namespace, name: 'deployer' } });
  });

  it('as Sluice itself only where the Cluster says that its namespace may', () => {
    expect(mayDeploy(application({ spec: { serviceAccountName: undefined } }), repository(), guarded({ allowPrivileged: ['shop'] }))).toEqual({
      ok: true,
      value: { as: 'sluice' },
    });
  });

  it('from another namespace when Repository and Cluster allow that', () => {
    const away = application({ namespace: 'away', spec: { destination: { namespace: 'web' } } });
    const shared = { allowedNamespaces: ['away'] };
    expect(mayDeploy(away, repository({ spec: shared }), guarded({ ...shared, rules: [{ ...rule, hubNamespaces: ['away'] }] })).ok).toBe(true);
  });
});

describe('an Application is refused', () => {
  it.each([
    ['to a namespace that no rule names', to('payments'), guarded(), 'spec.destination'],
    ['to a namespace that only begins like an exact one', to('web-2'), guarded(), 'spec.destination'],
    ['as a service account that no rule names', to('web', 'admin'), guarded(), 'spec.destination'],
    ['when the Cluster has no rules', to('web'), cluster({ spec: { rules: [] } }), 'spec.destination'],
    [
      'when the rule is for another namespace of the hub',
      to('web'),
      cluster({ spec: { rules: [{ ...rule, hubNamespaces: ['shop-2'] }] } }),
      'spec.destination',
    ],
    [
      'when two rules allow namespace and account only between them',
      to('web', 'admin'),
      cluster({ spec: { rules: [rule, { ...rule, namespaces: ['other'], serviceAccounts: ['admin'] }] } }),
      'spec.destination',
    ],
    ['without a service account', application({ spec: { serviceAccountName: undefined } }), guarded(), 'spec.serviceAccountName'],
    ['with a service account that no rule names, privileged or not', to('web', 'admin'), guarded({ allowPrivileged: ['shop'] }), 'spec.destination'],
  ])('%s', (_, from, target, at) => {
    expect(problemsOf(mayDeploy(from, repository(), target))).toEqual([
      { at, message: expect.stringMatching(/add one to its spec.rules|name a service account/) },
    ]);
  });

  it('with all problems at once when neither Repository nor Cluster allows its namespace', () => {
    expect(problemsOf(mayDeploy(application({ namespace: 'away' }), repository(), guarded())).map(({ at }) => at)).toEqual([
      'spec.source.repository',
      'spec.destination.cluster',
      'spec.destination',
    ]);
  });
});
