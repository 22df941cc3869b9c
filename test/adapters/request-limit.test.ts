import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openRequestLimit } from '../../src/adapters/request-limit.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const signal = new AbortController().signal;

it('lets in as many as fit, and the next one when one leaves', async () => {
  const limit = openRequestLimit(2);
  const leave = await limit.enter(signal);
  await limit.enter(signal);
  const entered = vi.fn();
  const third = limit.enter(signal).then(entered);
  await Promise.resolve();
  expect(entered).not.toHaveBeenCalled();
  leave();
  await third;
});

it('halves once for one overload, however many requests it refuses, and starts nothing until the time is over', async () => {
  const limit = openRequestLimit(64);
  for (let i = 0; i < 20; i += 1) limit.refused(2000);
  expect(limit.current).toBe(32);
  const entered = vi.fn();
  void limit.enter(signal).then(entered);
  await vi.advanceTimersByTimeAsync(1900);
  expect(entered).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(200);
  expect(entered).toHaveBeenCalledOnce();
});

it('never falls below one, and climbs by one after as many successes as fit in, up to where it began', async () => {
  const limit = openRequestLimit(4);
  for (let i = 0; i < 5; i += 1) {
    limit.refused(1000);
    await vi.advanceTimersByTimeAsync(1001);
  }
  expect(limit.current).toBe(1);
  limit.succeeded();
  expect(limit.current).toBe(2);
  limit.succeeded();
  expect(limit.current).toBe(2);
  for (let i = 0; i < 100; i += 1) limit.succeeded();
  expect(limit.current).toBe(4);
});

it('forgets who is aborted while waiting', async () => {
  const limit = openRequestLimit(1);
  const leave = await limit.enter(signal);
  const aborting = new AbortController();
  const waiting = limit.enter(aborting.signal);
  aborting.abort(new Error('a newer commit'));
  await expect(waiting).rejects.toThrow('a newer commit');
  leave();
  await limit.enter(signal);
});
