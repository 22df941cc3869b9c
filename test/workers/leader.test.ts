import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PortError } from '../../src/model/port-error.ts';
import { type Lease, type Leases, leaseMs, mayLead, observe, takePart } from '../../src/workers/leader.ts';

const held = (holder: string, version = '1'): Lease => ({ holder, version });
const quiet = { debug() {}, info() {}, warn() {} };

describe('mayLead', () => {
  it.each([
    { what: 'there is no lease', observed: undefined, may: true },
    { what: 'it was released', observed: { lease: held(''), sinceMs: 0 }, may: true },
    { what: 'it is our own', observed: { lease: held('a'), sinceMs: 0 }, may: true },
    { what: "another's was renewed a moment ago", observed: { lease: held('b'), sinceMs: 1_000 }, may: false },
    { what: "another's was not renewed for its whole length", observed: { lease: held('b'), sinceMs: 1_000 - leaseMs }, may: true },
  ])('is $may when $what', ({ observed, may }) => {
    expect(mayLead(observed, 'a', 1_000)).toBe(may);
  });

  it('counts from when this process saw the last change, not from what the lease says', () => {
    const first = observe(undefined, held('b', '1'), 100);
    expect(observe(first, held('b', '1'), 5_000)).toEqual(first);
    expect(observe(first, held('b', '2'), 5_000)).toMatchObject({ sinceMs: 5_000 });
  });
});

describe('takePart', () => {
  let stored: Lease | undefined;
  let down: boolean;
  let version: number;
  const events: string[] = [];

  const leases: Leases = {
    async read() {
      if (down) throw new PortError('hub', 'UNREACHABLE', 'the hub is down', { cause: undefined });
      return stored;
    },
    async write(holder, seen) {
      if (down) throw new PortError('hub', 'UNREACHABLE', 'the hub is down', { cause: undefined });
      if (stored?.version !== seen?.version) throw new PortError('hub', 'CONFLICT', 'changed', { cause: undefined });
      version += 1;
      stored = held(holder, String(version));
      return stored;
    },
  };
  const candidate = (identity: string) =>
    takePart({
      leases,
      identity,
      log: quiet,
      clock: () => Date.now(),
      lead() {
        events.push(`${identity} leads`);
        return async () => void events.push(`${identity} yields`);
      },
    });

  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
    stored = undefined;
    down = false;
    version = 0;
    events.length = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('lets one of two lead, and the other at once when it stops', async () => {
    const a = candidate('a');
    await vi.advanceTimersByTimeAsync(0);
    const b = candidate('b');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(events).toEqual(['a leads']);

    await a.stop();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(events).toEqual(['a leads', 'a yields', 'b leads']);
    await b.stop();
  });

  it('takes over from one that was killed when its lease has run out, not before', async () => {
    stored = held('killed');
    const b = candidate('b');
    await vi.advanceTimersByTimeAsync(leaseMs - 1);
    expect(events).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(events).toEqual(['b leads']);
    await b.stop();
  });

  it('stops leading before another may begin when the hub cannot be reached', async () => {
    const a = candidate('a');
    await vi.advanceTimersByTimeAsync(0);
    down = true;
    await vi.advanceTimersByTimeAsync(leaseMs - 1);
    expect(events).toEqual(['a leads', 'a yields']);

    down = false;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(events).toEqual(['a leads', 'a yields', 'a leads']);
    await a.stop();
  });
});
