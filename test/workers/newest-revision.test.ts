import { it } from 'vitest';
import { fakeQueue } from '../fakes/fake-queue.ts';
import { assertNewestIsNeverLost } from './newest-revision.ts';

it('nudges, timers and steps never lose the newest revision, whatever the queue loses', { timeout: 60_000 }, () =>
  assertNewestIsNeverLost(
    async () => {
      const queue = fakeQueue();
      return { processes: [queue.open(), queue.open()], lose: async () => queue.lose(), close: async () => queue.lose() };
    },
    { runs: 30 },
  ),
);
