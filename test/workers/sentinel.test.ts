import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { QueueMark } from '../../src/workers/nudges.ts';
import { type Sentinel, startSentinel } from '../../src/workers/sentinel.ts';

const log = pino({ level: 'silent' });

/** A mark in memory, shared by several sentinels; `lose` is a FLUSHALL. Leases do not run out. */
function memoryMark() {
  let value: string | undefined;
  const reconnected: (() => void)[] = [];
  const mark: QueueMark = {
    async claim(claimant) {
      if (value === 'whole') return 'whole';
      if (value !== undefined && value !== claimant) return 'claimed by another';
      value = claimant;
      return 'claimed';
    },
    async renew() {},
    async settle(claimant) {
      if (value !== claimant) return false;
      value = 'whole';
      return true;
    },
    onConnected: (listener) => void reconnected.push(listener),
  };
  return {
    mark,
    lose() {
      value = undefined;
      for (const listener of reconnected) listener();
    },
    isWhole: () => value === 'whole',
  };
}

const running: Sentinel[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((sentinel) => sentinel.stop()));
});

function watch(mark: QueueMark, onLost: () => Promise<void>): void {
  running.push(startSentinel({ mark, onLost, log, everyMs: 5 }));
}

/** Resolves when `turn` was called the given number of times. */
function countedTo(times: number) {
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  const turn = () => {
    count += 1;
    if (count === times) resolve();
  };
  return { reached: promise, turn, count: () => count };
}

describe('a queue that was lost', () => {
  it('is filled again at the first start, and after each loss', async () => {
    const { mark, lose } = memoryMark();
    const twice = countedTo(2);
    watch(mark, async () => {
      twice.turn();
      if (twice.count() === 1) setImmediate(lose);
    });
    await twice.reached;
  });

  it('is filled by one process at a time', async () => {
    const { mark, isWhole } = memoryMark();
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    const first = countedTo(1);
    const restore = async () => {
      first.turn();
      await mayEnd;
    };
    for (let processes = 0; processes < 3; processes += 1) watch(mark, restore);
    await first.reached;
    end();
    await Promise.all(running.splice(0).map((sentinel) => sentinel.stop()));
    expect(first.count()).toBe(1);
    expect(isWhole()).toBe(true);
  });

  it('is filled once more when it is lost while it is being filled', async () => {
    const { mark, lose } = memoryMark();
    const twice = countedTo(2);
    watch(mark, async () => {
      if (twice.count() === 0) lose();
      twice.turn();
    });
    await twice.reached;
  });

  it('is tried again when it could not be filled', async () => {
    const { mark } = memoryMark();
    const twice = countedTo(2);
    watch(mark, async () => {
      twice.turn();
      if (twice.count() === 1) throw new Error('hub is away');
    });
    await twice.reached;
  });
});
