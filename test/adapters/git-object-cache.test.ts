import { expect, it } from 'vitest';
import { openObjectCache } from '../../src/adapters/git-object-cache.ts';

it('lets go of what was not used for longest when the weight is too great', () => {
  const cache = openObjectCache<string>(4, (value) => value.length);
  cache.set('a', 'aa');
  cache.set('b', 'bb');
  cache.get('a');
  cache.set('c', 'c');

  expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual(['aa', undefined, 'c']);
});

it('replaces a value with its weight, and keeps nothing that is heavier than all', () => {
  const cache = openObjectCache<string>(4, (value) => value.length);
  cache.set('a', 'aaaa');
  cache.set('a', 'a');
  cache.set('b', 'bbb');
  cache.set('c', 'ccccc');

  expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual(['a', 'bbb', undefined]);
});
