import { describe, expect, it } from 'vitest';
import { applyEntry, fieldSetHash, isMember, ownerNamedBy, ownerOf, partOfLabel } from '../../src/diff/ownership.ts';
import type { LiveMetadata } from '../../src/model/manifest.ts';
import { applied, entryOf, onlyDesired, ourEntry, owner } from '../builders-objects.ts';

const member = applied(onlyDesired()).metadata;
const labelByEndpointsController = entryOf('kube-controller-manager', { 'f:metadata': { 'f:labels': { [`f:${partOfLabel}`]: {} } } });

describe('a member', () => {
  it('is what our own Apply entry labelled', () => {
    expect(isMember(member, owner)).toBe(true);
  });

  const traps: readonly (readonly [string, Partial<LiveMetadata>])[] = [
    [
      'an EndpointSlice with the copied label and the Service as its controller',
      { managedFields: [labelByEndpointsController], ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 'web', uid: 'u', controller: true }] },
    ],
    ['Endpoints with the copied label and no controller', { managedFields: [labelByEndpointsController] }],
    ['an object whose label somebody set by hand beside our entry', { managedFields: [ourEntry({ 'f:data': { 'f:color': {} } }), labelByEndpointsController] }],
    [
      'an object that we applied and a controller took over',
      { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'u', controller: true }] },
    ],
    ['an object with the label of another parent', { labels: { [partOfLabel]: ownerOf('test', { namespace: 'shop', name: 'api' }, 'web').applySetId } }],
    ['the same Application of another installation', { labels: { [partOfLabel]: ownerOf('other', { namespace: 'shop', name: 'web' }, 'web').applySetId } }],
    ['an object without managedFields', { managedFields: [] }],
    ['an object that another manager called sluice only updated', { managedFields: [{ ...ourEntry(), operation: 'Update' }] }],
    ['an object of which we applied a subresource only', { managedFields: [{ ...ourEntry(), subresource: 'scale' }] }],
  ];
  it.each(traps)('is not %s', (_, other) => {
    expect(isMember({ ...member, ...other }, owner)).toBe(false);
  });

  it('may have an owner that is no controller', () => {
    expect(isMember({ ...member, ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'u' }] }, owner)).toBe(true);
  });
});

describe('our Apply entry', () => {
  it('proves nothing when there are two of it', () => {
    expect(applyEntry({ managedFields: [ourEntry(), ourEntry({}, 'v2')] })).toBeUndefined();
  });

  it('has a hash that does not depend on the order of fields and does on each of them and on the version', () => {
    const hash = fieldSetHash(ourEntry({ 'f:data': { 'f:a': {}, 'f:b': {} } }));
    expect(fieldSetHash(ourEntry({ 'f:data': { 'f:b': {}, 'f:a': {} } }))).toBe(hash);
    expect(fieldSetHash(ourEntry({ 'f:data': { 'f:a': {} } }))).not.toBe(hash);
    expect(fieldSetHash(ourEntry({ 'f:data': { 'f:a': {}, 'f:b': {} } }, 'v2'))).not.toBe(hash);
  });
});

describe('an owner', () => {
  it('has an applyset id and a label that Kubernetes takes as label values', () => {
    for (const value of [owner.applySetId, owner.hash]) expect(value).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
  });

  it('is named by an object only when Sluice applied it', () => {
    expect(ownerNamedBy(member)).toBe('shop/web');
    expect(ownerNamedBy({ ...member, managedFields: [labelByEndpointsController] })).toBeUndefined();
  });
});
