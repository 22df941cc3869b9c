import { expect, it } from 'vitest';
import { conditionsOf, failing, ready, reconciling, shortened, stalled } from '../../src/status/conditions.ts';

const [first, second] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-01-01T00:01:00Z')];
const textOf = (conditions: ReturnType<typeof ready>) => conditions.map(({ type, status }) => `${type}=${status}`).join(' ');

it.each([
  ['ready', ready('Synced', ''), 'Ready=True Reconciling=False Stalled=False'],
  ['reconciling', reconciling('Syncing', ''), 'Ready=Unknown Reconciling=True Stalled=False'],
  ['failing', failing('Timeout', ''), 'Ready=False Reconciling=True Stalled=False'],
  ['stalled', stalled('SpecRefused', ''), 'Ready=False Reconciling=False Stalled=True'],
])('what is %s says so as kstatus reads it', (_, conditions, said) => {
  expect(textOf(conditions)).toBe(said);
});

it('a condition keeps its time while its status stays, and takes a new one when it changes', () => {
  const before = conditionsOf(failing('Timeout', 'slow'), [], 1, first);
  const now = conditionsOf(stalled('SpecRefused', 'bad'), before, 2, second);
  expect(now.map(({ type, lastTransitionTime, observedGeneration }) => [type, lastTransitionTime, observedGeneration])).toEqual([
    ['Ready', first.toISOString(), 2],
    ['Reconciling', second.toISOString(), 2],
    ['Stalled', second.toISOString(), 2],
  ]);
});

it('a message is cut where the schema ends', () => {
  expect(shortened('abc', 3)).toBe('abc');
  expect(shortened('abcd', 3)).toBe('ab…');
  expect(conditionsOf(stalled('SpecRefused', 'x'.repeat(9000)), [], 1, first)[0]?.message).toHaveLength(2000);
});
