import { describe, expect, it } from 'vitest';
import type { Desired } from '../../src/diff/desired.ts';
import { ownerOf } from '../../src/diff/ownership.ts';
import type { Manifest } from '../../src/model/manifest.ts';
import { PortError, type RefusalDetails } from '../../src/model/port-error.ts';
import type { Destination } from '../../src/sync/destination.ts';
import { type Coming, type DryRunContext, dryRunOne, nothingComing } from '../../src/sync/dry-run.ts';

const kind = { group: 'rbac.authorization.k8s.io', kind: 'RoleBinding', resource: 'rolebindings', namespaced: true, versions: ['v1'] };
const manifest: Manifest = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name: 'readers', namespace: 'shop' },
  roleRef: { kind: 'Role', name: 'reader' },
};
const desired: Desired = { id: { group: kind.group, kind: kind.kind, namespace: 'shop', name: 'readers' }, manifest, digest: 'd', wave: 0 };

const context = (coming: Partial<Coming>): DryRunContext => ({
  kinds: new Map([['RoleBinding.rbac.authorization.k8s.io', kind]]),
  owner: ownerOf('default', { namespace: 'shop', name: 'shop' }, 'shop'),
  adopt: 'unmanaged',
  coming: { ...nothingComing, ...coming },
  originOf: () => 'rbac.yaml:1',
});

const answering = (details: RefusalDetails): Destination => {
  const never = (): never => {
    throw new Error('not asked for here');
  };
  const dryRun = () => Promise.reject(new PortError('destination', 'NOT_FOUND', 'not found', { cause: undefined, details }));
  return {
    capabilities: never,
    kinds: never,
    readParent: never,
    writeParent: never,
    removeParent: never,
    createNamespace: never,
    list: never,
    read: never,
    dryRun,
    apply: never,
    writeManagedFields: never,
    remove: never,
    pods: never,
  };
};

describe('a binding whose role does not exist yet', () => {
  // kube-apiserver 1.36 says `rolebindings.rbac.authorization.k8s.io "reader" not found`: the role's name, the binding's resource.
  it.each(['rolebindings', 'roles'])('is deferred when the role is part of the same sync, whether the server says %s', async (resource) => {
    const answer = await dryRunOne(
      { desired, cause: 'revision' },
      answering({ reason: 'NotFound', kind: resource, name: 'reader' }),
      context({ roles: new Set(['reader']) }),
      AbortSignal.timeout(1000),
    );
    expect(answer).toMatchObject({ change: { type: 'deferred', why: 'role reader is part of this sync' } });
  });

  it('is refused by the name of the role when nobody renders it', async () => {
    const answer = await dryRunOne(
      { desired, cause: 'revision' },
      answering({ reason: 'NotFound', kind: 'rolebindings', name: 'reader' }),
      context({}),
      AbortSignal.timeout(1000),
    );
    expect(answer).toEqual({ problem: { at: expect.stringContaining('readers'), message: expect.stringContaining('role reader does not exist') } });
  });
});
