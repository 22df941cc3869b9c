import { expect, it } from 'vitest';
import { judgeInstallation, type Standing, standingOf } from '../../../src/cli/init/progress.ts';

const object = (ready: string, stalled: string, observedGeneration = 1) => ({
  metadata: { generation: 1 },
  status: {
    conditions: [
      { type: 'Ready', status: ready, reason: 'Why', message: 'because', observedGeneration },
      { type: 'Stalled', status: stalled, reason: 'Why', message: '', observedGeneration },
    ],
  },
});

it.each([
  { what: 'ready', given: object('True', 'False'), is: 'ready', line: 'A: ready' },
  { what: 'tried again by itself', given: object('False', 'False'), is: 'under way', line: 'A: Why: because' },
  { what: 'stalled', given: object('False', 'True'), is: 'stalled', line: 'A: stalled, Why: because' },
  { what: 'of an earlier generation', given: object('True', 'False', 0), is: 'under way', line: 'A: not looked at yet' },
  { what: 'without a status', given: { metadata: { generation: 1 } }, is: 'under way', line: 'A: not looked at yet' },
  { what: 'gone', given: undefined, is: 'stalled', line: 'A: is gone' },
])('a resource that is $what', ({ given, is, line }) => {
  expect(standingOf({ what: 'A', object: given })).toEqual({ what: 'A', is, line });
});

it('an installation has failed only when something stays stalled', () => {
  const standing = (is: Standing['is']): Standing => ({ what: 'A', is, line: '' });
  const first = judgeInstallation([standing('stalled')], { stalledSinceMs: {} }, 1000);
  expect(first.is).toBe('under way');
  expect(judgeInstallation([standing('under way')], first.following, 9000).following.stalledSinceMs).toEqual({});
  expect(judgeInstallation([standing('stalled')], first.following, 16_000).is).toBe('failed');
  expect(judgeInstallation([standing('ready')], first.following, 16_000).is).toBe('done');
});
