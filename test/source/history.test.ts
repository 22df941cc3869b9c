import { describe, expect, it } from 'vitest';
import { PortError } from '../../src/model/port-error.ts';
import { firstParentsBetween } from '../../src/source/history.ts';
import type { Commit } from '../../src/source/source.ts';

const commit = (id: string, ...parents: readonly string[]): Commit => ({
  id,
  tree: `tree of ${id}`,
  parents,
  author: 'A <a@example.org>',
  committedAt: new Date(0),
  message: id,
});

/** a <- b <- m <- d, where m merges side, whose parent is a; z was never fetched. */
const commits = [commit('a', 'z'), commit('b', 'a'), commit('side', 'a'), commit('m', 'b', 'side'), commit('d', 'm')];

async function readCommit(id: string): Promise<Commit> {
  const found = commits.find((one) => one.id === id);
  if (found === undefined) throw new PortError('source', 'NOT_FOUND', `commit ${id} has not been fetched`, { cause: undefined });
  return found;
}

const between = async (from: string | undefined, to: string, limit = 500) => {
  const found = await firstParentsBetween(readCommit, from, to, limit);
  return found.kind === 'rewritten' ? 'rewritten' : found.commits.map(({ id }) => id);
};

describe('firstParentsBetween', () => {
  it.each([
    { from: 'a', to: 'd', expected: ['b', 'm', 'd'], what: 'the tips in between, oldest first, and no merged side' },
    { from: 'm', to: 'd', expected: ['d'], what: 'one step' },
    { from: 'd', to: 'd', expected: [], what: 'nothing when it has not moved' },
    { from: undefined, to: 'd', expected: ['d'], what: 'the tip alone when none was known' },
    { from: 'z', to: 'b', expected: ['a', 'b'], what: 'a line whose start was never fetched but is named as a parent' },
    { from: 'side', to: 'd', expected: 'rewritten', what: 'a commit beside the line' },
    { from: 'd', to: 'b', expected: 'rewritten', what: 'a branch that went back' },
  ])('$what: $from..$to', async ({ from, to, expected }) => {
    expect(await between(from, to)).toEqual(expected);
  });

  it('gives up after the limit', async () => {
    expect(await between('a', 'd', 3)).toEqual(['b', 'm', 'd']);
    expect(await between('a', 'd', 2)).toBe('rewritten');
  });

  it('refuses a tip that was not fetched', async () => {
    await expect(between('a', 'nowhere')).rejects.toThrow('commit nowhere has not been fetched');
  });
});
