import { describe, expect, it } from 'vitest';
import { PortError } from '../../src/model/port-error.ts';
import { retryInMs } from '../../src/workers/retry.ts';

const unreachable = (retryAfterMs?: number) => new PortError('destination', 'UNREACHABLE', 'gone', { cause: undefined, retryAfterMs });

describe('how long a failed object waits', () => {
  it.each([
    { failures: 1, waitsMs: 1000 },
    { failures: 2, waitsMs: 2000 },
    { failures: 6, waitsMs: 32_000 },
    { failures: 7, waitsMs: 60_000 },
    { failures: 5000, waitsMs: 60_000 },
  ])('doubles up to a minute: $failures in a row wait $waitsMs ms', ({ failures, waitsMs }) => {
    expect(retryInMs(failures, unreachable(), 0)).toBe(waitsMs);
  });

  it('is shortened by chance, by a half at most, so that what failed together comes back apart', () => {
    expect(retryInMs(7, new Error('bug'), 1)).toBe(30_000);
    expect(retryInMs(7, new Error('bug'), 0.5)).toBe(45_000);
  });

  it.each([
    { name: 'is never shorter than the other side asked for', askedMs: 120_000, waitsMs: 120_000 },
    { name: 'is not shortened by a small wish', askedMs: 10, waitsMs: 1000 },
    { name: 'ends after an hour, whatever was asked', askedMs: 1e12, waitsMs: 3_600_000 },
    { name: 'takes no notice of a wish that is no number', askedMs: Number.NaN, waitsMs: 1000 },
  ])('$name', ({ askedMs, waitsMs }) => {
    expect(retryInMs(1, unreachable(askedMs), 0)).toBe(waitsMs);
  });
});
