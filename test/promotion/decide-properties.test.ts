import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ApplicationView } from '../../src/promotion/view.ts';
import { stageSpec } from '../builders-promotion.ts';
import { openPromotionWorld, type WorldEvent } from '../builders-promotion-world.ts';

const pipelines = {
  linear: [stageSpec('staging', { deadlineSeconds: 30 }), stageSpec('production', { after: ['staging'], deadlineSeconds: 60 })],
  soaking: [
    stageSpec('staging', { soakSeconds: 5, deadlineSeconds: 30 }),
    stageSpec('production', { after: ['staging'], soakSeconds: 3, deadlineSeconds: 20 }),
  ],
  'of three stages': [
    stageSpec('dev', { deadlineSeconds: 10 }),
    stageSpec('staging', { after: ['dev'], soakSeconds: 4, deadlineSeconds: 40 }),
    stageSpec('production', { after: ['staging'] }),
  ],
  'that takes the newest everywhere': [stageSpec('staging', { queue: 'newest' }), stageSpec('production', { after: ['staging'], queue: 'newest' })],
  'of a diamond': [stageSpec('a'), stageSpec('b', { soakSeconds: 2 }), stageSpec('last', { after: ['a', 'b'], deadlineSeconds: 30 })],
  'of a deep diamond': [stageSpec('x'), stageSpec('a', { soakSeconds: 2 }), stageSpec('b', { after: ['x'] }), stageSpec('last', { after: ['a', 'b'] })],
} as const;

const stage = fc.nat(3);
const health = fc.constantFrom<ApplicationView['health']>('Healthy', 'Progressing', 'Degraded', 'Unknown', 'Suspended', 'Missing');
const event: fc.Arbitrary<WorldEvent> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ is: fc.constant('push' as const), bytes: fc.nat(2), broken: fc.boolean() }) },
  { weight: 8, arbitrary: fc.constant({ is: 'decide' as const }) },
  { weight: 2, arbitrary: fc.constant({ is: 'decide-and-crash' as const }) },
  { weight: 5, arbitrary: fc.record({ is: fc.constant('record' as const), stage }) },
  { weight: 7, arbitrary: fc.record({ is: fc.constant('sync' as const), stage }) },
  { weight: 7, arbitrary: fc.record({ is: fc.constant('settle' as const), stage }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('flip' as const), stage, health }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('watch' as const), stage, on: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ is: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('clock-back' as const), seconds: fc.integer({ min: 1, max: 30 }) }) },
);

describe.each(Object.entries(pipelines))('a Pipeline %s', (_, specs) => {
  it('holds P1, P2, P3, P4, P6 and P8 and never goes back, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 20, maxLength: 120, size: 'max' }), (events) => {
        const world = openPromotionWorld(specs);
        for (const each of events) {
          world.happen(each);
          expect(world.broken).toEqual([]);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe.each(Object.entries(pipelines).filter(([name]) => !name.includes('newest')))('under a push every second, a Pipeline %s', (_, specs) => {
  it('keeps verifying Releases in its last stage', () => {
    const speeds = fc.tuple(...specs.map(() => fc.integer({ min: 1, max: 7 })));
    fc.assert(
      fc.property(speeds, fc.infiniteStream(fc.nat(9)), (rolloutSeconds, chances) => {
        const world = openPromotionWorld(specs);
        const rolling = specs.map(() => 0);
        const seconds = 150;
        for (let second = 0; second < seconds; second += 1) {
          world.happen({ is: 'push', bytes: second % 3, broken: (chances.next().value ?? 0) === 0 });
          for (const [index] of specs.entries()) {
            world.happen({ is: 'record', stage: index });
            world.happen({ is: 'sync', stage: index });
            rolling[index] = ((rolling[index] ?? 0) + 1) % (rolloutSeconds[index] ?? 1);
            if (rolling[index] === 0) world.happen({ is: 'settle', stage: index });
          }
          world.happen({ is: 'decide' });
          world.happen({ is: 'wait', seconds: 1 });
        }
        expect(world.broken).toEqual([]);
        // The slowest stage takes less than fifteen seconds, and one Release in ten is broken.
        expect(world.verifiedIn(specs.at(-1)?.name ?? '').length).toBeGreaterThanOrEqual(8);
      }),
      { numRuns: 5 },
    );
  });
});
