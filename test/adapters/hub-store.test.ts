import { expect, it } from 'vitest';
import { openHubStore } from '../../src/adapters/hub-store.ts';
import type { LiveObject } from '../../src/model/manifest.ts';
import { application } from '../builders.ts';

const web = { namespace: 'shop', name: 'web' };
const version = (resourceVersion: string, { suspend = false, uid = 'a', spec = {} }: { suspend?: boolean; uid?: string; spec?: object } = {}): LiveObject => {
  const built = application({ metadata: { resourceVersion, uid }, spec: { suspend } });
  return { ...built, spec: { ...built.spec, ...spec } } as unknown as LiveObject;
};

function setUp() {
  const heard: string[] = [];
  const unreadable: string[] = [];
  const store = openHubStore({
    onChange: ({ type, now }) => heard.push(`${type} ${now?.metadata.resourceVersion ?? ''}`.trim()),
    onUnreadable: (_kind, _reference, problems) => unreadable.push(...problems.map(({ at }) => at)),
  });
  return { store, heard, unreadable, seen: () => store.get('Application', web)?.metadata.resourceVersion };
}

it('never goes back to an older version, whatever order they come in', () => {
  const { store, heard, seen } = setUp();
  store.put('Application', version('9'));
  store.put('Application', version('10'));
  store.put('Application', version('9'));
  store.put('Application', version('10'));
  expect(seen()).toBe('10');
  expect(heard).toEqual(['ADDED 9', 'MODIFIED 10']);
});

it('follows an API server that was set back', () => {
  const { store, seen } = setUp();
  store.put('Application', version('100'));
  store.put('Application', version('50'), true);
  expect(seen()).toBe('50');
});

it('does not bring back what was deleted, but takes its successor', () => {
  const { store, heard, seen } = setUp();
  store.put('Application', version('1'));
  store.drop('Application', web, 'a');
  store.put('Application', version('2'));
  expect(seen()).toBeUndefined();
  store.put('Application', version('3', { uid: 'b' }));
  store.drop('Application', web, 'a');
  expect(seen()).toBe('3');
  expect(heard).toEqual(['ADDED 1', 'DELETED', 'ADDED 3']);
});

it('tells of a successor as of another one', () => {
  const { store, heard } = setUp();
  store.put('Application', version('1'));
  store.put('Application', version('3', { uid: 'b' }));
  expect(heard).toEqual(['ADDED 1', 'DELETED', 'ADDED 3']);
});

it('leaves out what the schema does not allow, and takes it in once it does', () => {
  const { store, heard, unreadable, seen } = setUp();
  store.put('Application', version('1'));
  store.put('Application', version('2', { spec: { healthDeadlineSeconds: 'soon' } }));
  expect(seen()).toBeUndefined();
  expect(store.list('Application')).toEqual([]);
  expect(unreadable).toEqual(['spec.healthDeadlineSeconds']);
  store.put('Application', version('3'));
  expect(heard).toEqual(['ADDED 1', 'DELETED', 'ADDED 3']);
});

it('lists by namespace', () => {
  const { store } = setUp();
  store.put('Application', version('1'));
  store.put('Application', application({ namespace: 'other', name: 'x' }) as unknown as LiveObject);
  expect(store.list('Application').length).toBe(2);
  expect(store.list('Application', 'other').map(({ metadata }) => metadata.name)).toEqual(['x']);
  expect(store.list('Release', 'other')).toEqual([]);
});
