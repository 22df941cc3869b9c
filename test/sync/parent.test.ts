import { describe, expect, it } from 'vitest';
import { groupKindsAnnotation, namespacesAnnotation, ownerOf } from '../../src/diff/ownership.ts';
import type { LiveObject, Manifest } from '../../src/model/manifest.ts';
import { type Extent, extentOf, parentManifest, saysOther, widened } from '../../src/sync/parent.ts';
import { owner } from '../builders-objects.ts';

const extent: Extent = {
  kinds: [
    { group: 'apps', kind: 'Deployment' },
    { group: '', kind: 'Secret' },
    { group: 'apps', kind: 'Deployment' },
  ],
  namespaces: ['web', 'other', 'another'],
};
const stored = (manifest: Manifest): LiveObject => ({ ...manifest, metadata: { ...manifest.metadata, uid: 'u', resourceVersion: '7' } }) as LiveObject;
const parent = stored(parentManifest(owner, extent, undefined));

describe('the applyset parent', () => {
  it('says which kinds and namespaces members may be in, each once and sorted, its own namespace apart', () => {
    expect(parent.metadata.annotations).toMatchObject({ [groupKindsAnnotation]: 'Deployment.apps,Secret', [namespacesAnnotation]: 'another,other' });
  });

  it('is read back as it was written', () => {
    expect(extentOf(parent, owner)).toEqual({
      ok: true,
      value: {
        kinds: [
          { group: 'apps', kind: 'Deployment' },
          { group: '', kind: 'Secret' },
        ],
        namespaces: ['another', 'other'],
      },
    });
    expect(extentOf(undefined, owner)).toEqual({ ok: true, value: { kinds: [], namespaces: [] } });
  });

  it.each([
    ['another installation', ownerOf('other', owner.application, 'web')],
    ['another Application', ownerOf('test', { namespace: 'shop', name: 'api' }, 'web')],
  ])('of %s is refused, and both are named', (_, other) => {
    const read = extentOf(parent, other);
    expect(read.ok ? '' : read.problems[0]?.message).toMatch(/belongs to Application shop\/web of installation test/);
  });

  it('that nobody of ours wrote is refused', () => {
    expect(extentOf({ ...parent, metadata: { ...parent.metadata, annotations: {}, labels: {} } }, owner).ok).toBe(false);
  });

  it('is written over exactly the one that was seen', () => {
    expect(parentManifest(owner, extent, parent).metadata).toMatchObject({ uid: 'u', resourceVersion: '7' });
  });

  it('is not written when it says the same, whatever others have added', () => {
    const annotated = {
      ...parent,
      metadata: { ...parent.metadata, annotations: { ...parent.metadata.annotations, note: 'mine' }, labels: { ...parent.metadata.labels, team: 'shop' } },
    };
    expect(saysOther(annotated, parentManifest(owner, extent, parent))).toBe(false);
  });

  it('is written when it is missing, says less, or lost a label', () => {
    const wide = parentManifest(owner, widened(extent, { kinds: [{ group: '', kind: 'Service' }], namespaces: [] }), parent);
    expect(saysOther(undefined, wide)).toBe(true);
    expect(saysOther(parent, wide)).toBe(true);
    expect(saysOther({ ...parent, metadata: { ...parent.metadata, labels: {} } }, parentManifest(owner, extent, parent))).toBe(true);
  });
});
