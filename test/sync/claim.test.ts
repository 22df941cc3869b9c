import { expect, it } from 'vitest';
import { claimLeaseMs, heldByAnotherMs } from '../../src/sync/claim.ts';
import { application, commitOf } from '../builders.ts';

const now = new Date('2026-01-01T00:00:00Z');
const claimed = (renewedMsAgo: number) =>
  application({
    status: {
      claim: { id: 'run-1', worker: 'worker-1', revision: commitOf(1), step: 'wave 0', renewedAt: new Date(now.getTime() - renewedMsAgo).toISOString() },
    },
  });

it.each([
  ['was renewed just now', 0, claimLeaseMs],
  ['was renewed 4 s ago', 4_000, claimLeaseMs - 4_000],
  ['was not renewed for a lease', claimLeaseMs, 0],
  ['was not renewed for an hour', 3_600_000, 0],
  ['was renewed by a clock that runs 2 s ahead', -2_000, claimLeaseMs + 2_000],
  ['was renewed by a clock that runs an hour ahead', -3_600_000, 0],
])('a claim that %s holds for the rest of its lease', (_, renewedMsAgo, heldMs) => {
  expect(heldByAnotherMs(claimed(renewedMsAgo), 'run-2', now)).toBe(heldMs);
});

it('holds nobody up who has it, and nobody when there is none', () => {
  expect(heldByAnotherMs(claimed(0), 'run-1', now)).toBe(0);
  expect(heldByAnotherMs(application(), 'run-1', now)).toBe(0);
});
