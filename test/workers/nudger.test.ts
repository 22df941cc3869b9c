import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Reference } from '../../src/model/reference.ts';
import { openNudger } from '../../src/workers/nudger.ts';

const log = pino({ level: 'silent' });
const web: Reference = { namespace: 'shop', name: 'web' };
const other: Reference = { namespace: 'shop', name: 'other' };
const restMs = 20;

const open = () => {
  const handed: string[] = [];
  const nudger = openNudger({ nudges: { nudge: async (verb, { name }) => void handed.push(`${verb} ${name}`) }, log, restMs });
  const sync = (reference: Reference) => nudger.nudge([{ verb: 'sync', reference }]);
  return { nudger, handed, sync };
};

describe('a storm of events of one object', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is handed over at once, and then once more for all that came meanwhile', async () => {
    const { handed, sync } = open();
    for (let event = 0; event < 1000; event += 1) sync(web);
    expect(handed).toEqual(['sync web']);

    await vi.advanceTimersByTimeAsync(restMs);
    expect(handed).toEqual(['sync web', 'sync web']);

    await vi.advanceTimersByTimeAsync(10 * restMs);
    expect(handed).toHaveLength(2);
  });

  it('holds nobody else up', async () => {
    const { handed, sync } = open();
    sync(web);
    sync(web);
    sync(other);
    await vi.advanceTimersByTimeAsync(0);
    expect(handed).toEqual(['sync web', 'sync other']);
  });

  it('leaves nothing behind when it is stopped', async () => {
    const { nudger, handed, sync } = open();
    sync(web);
    sync(web);
    await nudger.stop(1000);
    expect(handed).toEqual(['sync web', 'sync web']);
  });
});
