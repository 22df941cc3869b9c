import { describe, expect, it } from 'vitest';
import { refsOf, resolveRevision } from '../../src/source/revision.ts';

const [one, two, three] = ['1', '2', '3'].map((digit) => digit.repeat(40)) as [string, string, string];
const refs = [
  { name: 'refs/heads/main', commit: one },
  { name: 'refs/tags/main', commit: two },
  { name: 'refs/tags/v1.2.0', commit: three },
];

describe('refsOf', () => {
  it.each([
    { revision: 'main', names: ['refs/heads/main', 'refs/tags/main'] },
    { revision: 'team/main', names: ['refs/heads/team/main', 'refs/tags/team/main'] },
    { revision: 'refs/heads/main', names: ['refs/heads/main'] },
    { revision: one, names: [] },
  ])('$revision -> $names', ({ revision, names }) => {
    expect(refsOf(revision)).toEqual(names);
  });
});

describe('resolveRevision', () => {
  it.each([
    { revision: 'main', ref: 'refs/heads/main', commit: one },
    { revision: 'refs/tags/main', ref: 'refs/tags/main', commit: two },
    { revision: 'v1.2.0', ref: 'refs/tags/v1.2.0', commit: three },
  ])('$revision -> $ref', ({ revision, ref, commit }) => {
    expect(resolveRevision(revision, refs)).toEqual({ ok: true, value: { ref, commit } });
  });

  it('takes a commit id as it is', () => {
    expect(resolveRevision(three, [])).toEqual({ ok: true, value: { commit: three } });
  });

  it.each([
    {
      revision: 'nope',
      says: "'nope' names nothing in the repository (looked for refs/heads/nope and refs/tags/nope); push a branch or tag of that name, or correct it",
    },
    { revision: 'refs/heads/nope', says: 'looked for refs/heads/nope);' },
    { revision: 'v1.2.*', says: 'version ranges are not supported yet' },
    { revision: '1111111', says: 'write a commit id with all its 40 digits' },
  ])('refuses $revision and says what to do', ({ revision, says }) => {
    expect(resolveRevision(revision, refs)).toMatchObject({ ok: false, problems: [{ at: 'targetRevision', message: expect.stringContaining(says) }] });
  });
});
