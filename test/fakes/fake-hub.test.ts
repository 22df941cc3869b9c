import { expect, it } from 'vitest';
import { isPortError } from '../../src/model/port-error.ts';
import { referenceOf } from '../../src/resources/resource.ts';
import { application, cluster, commitOf, pipeline, release, repository } from '../builders.ts';
import { fakeHub } from './fake-hub.ts';

const { signal } = new AbortController();

it('fills defaults in and finds what was put there', async () => {
  const { hub } = fakeHub(repository(), cluster(), application(), pipeline(), release());
  expect(hub.list('Application').map(({ spec }) => spec.sync.retry)).toEqual([{ initialSeconds: 5, maxSeconds: 180 }]);
  expect(hub.seen('Pipeline', { namespace: 'shop', name: 'shop' })?.spec.stages.map(({ name, after, verify }) => [name, after, verify.soakSeconds])).toEqual([
    ['staging', [], 0],
    ['production', ['staging'], 0],
  ]);
  expect(hub.list('Cluster', 'elsewhere')).toEqual([]);
  expect(await hub.read('Release', { namespace: 'shop', name: 'shop-1' }, signal)).toMatchObject({ spec: { revision: commitOf(1) } });
});

it('takes a status only for the version that was read, and only when the schema allows it', async () => {
  const { hub, put, get } = fakeHub(application());
  const read = get('Application', { namespace: 'shop', name: 'web' });
  const status = { conditions: [], unsettled: [], history: [] };
  const written = await hub.writeStatus('Application', read, { ...status, revision: commitOf(1) }, signal);
  expect(written.metadata.generation).toBe(1);
  await expect(hub.writeStatus('Application', read, status, signal)).rejects.toSatisfy((error) => isPortError(error, 'CONFLICT'));
  await expect(hub.writeStatus('Application', written, { ...status, revision: 'main' }, signal)).rejects.toSatisfy((error) => isPortError(error, 'INVALID'));
  await expect(hub.writeStatus('Application', written, { ...status, extra: 1 } as typeof status, signal)).rejects.toThrow(/status\.extra: unknown field/);
  expect(await hub.writeStatus('Application', written, { ...status, revision: commitOf(1) }, signal)).toBe(written);
  const changed = put(application({ spec: { suspend: true } }));
  expect(changed).toMatchObject({ metadata: { generation: 2 }, status: { revision: commitOf(1) } });
});

it('removes the Releases of a Pipeline with it', async () => {
  const { hub, put, remove } = fakeHub();
  const owner = put(pipeline());
  await hub.createRelease(owner, 'shop-1', release().spec, signal);
  await hub.createRelease(owner, 'shop-1', release({ spec: { sequence: 2 } }).spec, signal);
  expect(hub.list('Release').map(({ spec }) => spec.sequence)).toEqual([1]);
  remove('Pipeline', referenceOf(owner));
  expect(hub.list('Release')).toEqual([]);
});
