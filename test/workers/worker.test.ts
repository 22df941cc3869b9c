import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { PortError } from '../../src/model/port-error.ts';
import type { Nudges } from '../../src/workers/nudges.ts';
import { lookWithRetries, type Step } from '../../src/workers/worker.ts';

const reference = { namespace: 'shop', name: 'web' };
const neverAborted = new AbortController().signal;

let timers: number[] = [];
let lines: Record<string, unknown>[] = [];
beforeEach(() => {
  timers = [];
  lines = [];
});

const patient: Nudges = { nudge: async () => {}, nudgeIn: async (_verb, _reference, inMs) => void timers.push(inMs) };
const lookOf = (step: Step) =>
  lookWithRetries({ verb: 'sync', step, queue: { patient }, random: () => 0, log: pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }) });

const unreachable = new PortError('destination', 'UNREACHABLE', 'Cluster ops/eu: no answer', { cause: new Error('authorization: Bearer s3cret') });

describe('what becomes of a step', () => {
  it('sets the timer that the step asks for, and none when it asks for none', async () => {
    await lookOf(async () => ({ lookAgainInMs: 1234 }))(reference, neverAborted);
    await lookOf(async () => ({}))(reference, neverAborted);
    expect(timers).toEqual([1234]);
  });

  it('waits longer with each failure in a row, per object, and starts anew after a success', async () => {
    const answers = [unreachable, unreachable, unreachable, undefined, unreachable];
    const look = lookOf(async ({ name }) => {
      const answer = name === 'web' ? answers.shift() : undefined;
      if (answer !== undefined) throw answer;
      return {};
    });
    for (let turn = 0; turn < 5; turn += 1) {
      await look(reference, neverAborted);
      await look({ namespace: 'shop', name: 'other' }, neverAborted);
    }
    expect(timers).toEqual([1000, 2000, 4000, 1000]);
  });

  it('logs a failure of the outside world with its facts as fields, and never its cause', async () => {
    await lookOf(() => Promise.reject(unreachable))(reference, neverAborted);
    expect(lines).toMatchObject([
      {
        level: 40,
        msg: 'step failed',
        verb: 'sync',
        application: 'shop/web',
        port: 'destination',
        code: 'UNREACHABLE',
        retryable: true,
        failures: 1,
        lookAgainInMs: 1000,
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain('s3cret');
  });

  it('logs anything else as a bug, with the place, and looks again all the same', async () => {
    await lookOf(() => Promise.reject(new TypeError('x is undefined')))(reference, neverAborted);
    expect(lines).toMatchObject([{ level: 50, msg: 'step failed', code: 'BUG' }]);
    expect(lines[0]?.reason).toContain('worker.test.ts');
    expect(timers).toEqual([1000]);
  });

  it('does not count an aborted step as a failure and leaves its next look to whoever aborted it', async () => {
    await lookOf(async (_reference, signal) => {
      signal.throwIfAborted();
      return {};
    })(reference, AbortSignal.abort('this process is stopping'));
    expect(timers).toEqual([]);
    expect(lines).toMatchObject([{ level: 30, msg: 'step aborted', reason: 'this process is stopping' }]);
  });
});
