import { describe, expect, it } from 'vitest';
import type { Desired } from '../../src/diff/desired.ts';
import { ownerOf } from '../../src/diff/ownership.ts';
import type { Manifest } from '../../src/model/manifest.ts';
import { PortError } from '../../src/model/port-error.ts';
import { applyGroups } from '../../src/sync/apply.ts';
import type { Destination } from '../../src/sync/destination.ts';
import { nothingComing } from '../../src/sync/dry-run.ts';

const kind = { group: 'example.org', kind: 'Widget', resource: 'widgets', namespaced: true, versions: ['v1'] };
const manifest: Manifest = { apiVersion: 'example.org/v1', kind: 'Widget', metadata: { name: 'small', namespace: 'shop' } };
const desired: Desired = { id: { group: kind.group, kind: kind.kind, namespace: 'shop', name: 'small' }, manifest, digest: 'd', wave: 0 };
const metadata = { name: 'small', namespace: 'shop', uid: '1', resourceVersion: '1' };
const unused = (): never => {
  throw new Error('not asked for here');
};

/** Discovery does not know the kind the first times that it is asked. */
function knowingLater(times: number): Destination {
  let asked = 0;
  const answer = async () => ({ created: true, object: { ...manifest, metadata } });
  return {
    kinds: async () => {
      asked += 1;
      return asked > times ? new Map([['Widget.example.org', kind]]) : new Map();
    },
    dryRun: answer,
    apply: answer,
    read: async () => undefined,
    capabilities: unused,
    readParent: unused,
    writeParent: unused,
    removeParent: unused,
    createNamespace: unused,
    list: unused,
    writeManagedFields: unused,
    remove: unused,
    pods: unused,
  };
}

it('writes nothing more of a group once the claim is lost', async () => {
  const error = new PortError('hub', 'CONFLICT', 'somebody else has it', { cause: undefined });
  const names = Array.from({ length: 200 }, (_, index) => `widget-${index}`);
  const group = names.map((name) => ({
    type: 'create' as const,
    desired: { ...desired, id: { ...desired.id, name }, manifest: { ...manifest, metadata: { ...manifest.metadata, name } } },
    fieldSet: 'f',
    cause: 'revision' as const,
  }));
  let writes = 0;
  const applied = applyGroups(
    [group],
    {
      destination: {
        ...knowingLater(0),
        async apply(_kind, object) {
          writes += 1;
          return { created: true, object: { ...object, metadata: { ...metadata, name: object.metadata.name } } };
        },
      },
      context: {
        kinds: new Map([['Widget.example.org', kind]]),
        owner: ownerOf('default', { namespace: 'shop', name: 'shop' }, 'shop'),
        adopt: 'unmanaged',
        coming: nothingComing,
        originOf: () => undefined,
      },
      keepClaim: async () => {
        if (writes >= 10) throw error;
      },
      prepare: async () => {},
      superseded: () => false,
    },
    AbortSignal.timeout(5000),
  );
  await expect(applied).rejects.toBe(error);
  expect(writes).toBeLessThan(names.length / 2);
});

describe('an object whose definition is part of the same sync', () => {
  const apply = (destination: Destination, kinds: readonly string[]) =>
    applyGroups(
      [[{ type: 'deferred', desired, why: 'its CustomResourceDefinition is part of this sync' }]],
      {
        destination,
        context: {
          kinds: new Map(),
          owner: ownerOf('default', { namespace: 'shop', name: 'shop' }, 'shop'),
          adopt: 'unmanaged',
          coming: { ...nothingComing, kinds: new Set(kinds) },
          originOf: () => undefined,
        },
        keepClaim: async () => {},
        prepare: async () => {},
        superseded: () => false,
      },
      AbortSignal.timeout(5000),
    );

  it('waits until discovery knows the kind, which comes after the definition is established', async () => {
    expect(await apply(knowingLater(2), ['Widget.example.org'])).toMatchObject({ objects: [{ metadata: { name: 'small' } }], refused: [] });
  });

  it('is refused at once when no definition of this sync makes the kind', async () => {
    expect(await apply(knowingLater(2), [])).toMatchObject({
      objects: [],
      refused: [{ message: expect.stringContaining('does not serve example.org/v1 Widget') }],
    });
  });
});
