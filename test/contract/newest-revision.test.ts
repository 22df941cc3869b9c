import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBullmqQueues } from '../../src/adapters/bullmq-queues.ts';
import { type Redis, startRedis } from '../../tools/redis.ts';
import { openRunFolder } from '../../tools/run-folder.ts';
import { realParts } from '../real-parts.ts';
import { assertNewestIsNeverLost } from '../workers/newest-revision.ts';

let folder: Awaited<ReturnType<typeof openRunFolder>> | undefined;
let redis: Redis;
beforeAll(async () => {
  // One of its own: it is flushed.
  folder = await openRunFolder();
  redis = await startRedis({ parts: realParts().parts, dir: folder.path });
});
afterAll(async () => {
  await redis?.[Symbol.asyncDispose]();
  await folder?.remove();
});

it('a real Redis, flushed at any moment, never loses the newest revision', { timeout: 240_000 }, async () => {
  let installations = 0;
  await assertNewestIsNeverLost(
    async () => {
      installations += 1;
      const installation = `newest-${installations}`;
      const open = () =>
        openBullmqQueues({
          redis: { host: '127.0.0.1', port: redis.port, password: redis.password, tls: false, database: 0 },
          installation,
          log: pino({ level: 'silent' }),
        });
      const processes = [open(), open()] as const;
      return {
        processes,
        lose: async () => void (await redis.cli('FLUSHALL')),
        close: async () => void (await Promise.all(processes.map((queue) => queue.close()))),
      };
    },
    { runs: 40 },
  );
  expect(installations).toBeGreaterThanOrEqual(40);
});
