import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import fc from 'fast-check';
import { Redis as Client } from 'ioredis';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openBullmqQueues, type RedisAccess } from '../../src/adapters/bullmq-queues.ts';
import { isPortError } from '../../src/model/port-error.ts';
import type { Look, NudgeQueue, Taking, Verb } from '../../src/workers/nudges.ts';
import { startSentinel } from '../../src/workers/sentinel.ts';
import { type Redis, startRedis } from '../../tools/redis.ts';
import { openRunFolder } from '../../tools/run-folder.ts';
import { realParts } from '../real-parts.ts';

const log = pino({ level: 'silent' });
const web = { namespace: 'shop', name: 'web' };

let folder: Awaited<ReturnType<typeof openRunFolder>> | undefined;
let redis: Redis;
beforeAll(async () => {
  // one of its own: it is flushed, stopped and started
  folder = await openRunFolder();
  redis = await startRedis({ parts: realParts().parts, dir: folder.path });
});
afterAll(async () => {
  await redis?.[Symbol.asyncDispose]();
  await folder?.remove();
});

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

let installations = 0;
const nextInstallation = () => {
  installations += 1;
  return `test-${installations}`;
};
const access = (): RedisAccess => ({ host: '127.0.0.1', port: redis.port, password: redis.password, tls: false, database: 0 });

function open(installation = nextInstallation()): NudgeQueue {
  const queue = openBullmqQueues({ redis: access(), installation, log });
  opened.push(() => queue.close());
  return queue;
}

async function take(queue: NudgeQueue, look: (verb: Verb, ...args: Parameters<Look>) => Promise<void>, concurrency = 4): Promise<Taking> {
  const lookOf =
    (verb: Verb): Look =>
    (reference, signal) =>
      look(verb, reference, signal);
  const taking = queue.take({ refresh: lookOf('refresh'), sync: lookOf('sync'), promote: lookOf('promote'), report: lookOf('report') }, concurrency);
  opened.push(() => taking.stop(2000));
  await taking.ready();
  return taking;
}

/** Looks as they come, one at a time. */
function arrivals<T>() {
  const here: T[] = [];
  const waiting: ((one: T) => void)[] = [];
  return {
    put(one: T) {
      const next = waiting.shift();
      if (next === undefined) here.push(one);
      else next(one);
    },
    next: (): Promise<T> => (here.length > 0 ? Promise.resolve(here.shift() as T) : new Promise((resolve) => waiting.push(resolve))),
    waiting: () => here.length,
  };
}

describe('nudges on a real Redis', () => {
  it.each(['refresh', 'sync', 'promote', 'report'] as const)('%s reaches its own verb with the object that it names', async (verb) => {
    const queue = open();
    const looks = arrivals<unknown>();
    await take(queue, async (...[took, reference]) => looks.put([took, reference]));
    await queue.nudge(verb, web);
    expect(await looks.next()).toEqual([verb, web]);
  });

  it('does not mix installations that share a Redis', async () => {
    const [ours, theirs] = [open(), open()];
    const looks = arrivals<string>();
    await take(ours, async () => looks.put('ours'));
    await take(theirs, async () => looks.put('theirs'));
    await theirs.nudge('sync', web);
    expect(await looks.next()).toBe('theirs');
    expect(looks.waiting()).toBe(0);
  });

  it('begins a look after the last nudge, whenever the nudges come, and never runs two of one object', { timeout: 60_000 }, async () => {
    const queue = open();
    let nudged = 0;
    let running = 0;
    let most = 0;
    let lookMs = 0;
    let seen = 0;
    let settled = () => {};
    await take(queue, async () => {
      running += 1;
      most = Math.max(most, running);
      const sawAtBegin = nudged;
      await sleep(lookMs);
      running -= 1;
      seen = sawAtBegin;
      settled();
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 25 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 30 }),
        async (pausesMs, takesMs) => {
          lookMs = takesMs;
          for (const pauseMs of pausesMs) {
            await sleep(pauseMs);
            nudged += 1;
            await queue.nudge('sync', web);
          }
          const wanted = nudged;
          await new Promise<void>((resolve) => {
            settled = () => {
              if (seen >= wanted) resolve();
            };
            settled();
          });
        },
      ),
      { numRuns: 60 },
    );
    expect(most).toBe(1);
  });

  it('runs an immediate nudge at once although a timer stands, and the timer still goes off', async () => {
    const queue = open();
    const looks = arrivals<number>();
    await take(queue, async () => looks.put(performance.now()));
    const began = performance.now();
    await queue.nudgeIn('sync', web, 700);
    await queue.nudge('sync', web);
    expect((await looks.next()) - began).toBeLessThan(500);
    expect((await looks.next()) - began).toBeGreaterThanOrEqual(690);
  });

  it('keeps one timer per object: the newest wish replaces an older one, sooner or later', async () => {
    const queue = open();
    const looks = arrivals<number>();
    await take(queue, async () => looks.put(performance.now()));
    const began = performance.now();
    await queue.nudgeIn('sync', web, 60_000);
    await queue.nudgeIn('sync', web, 100);
    await queue.nudgeIn('sync', web, 400);
    const first = (await looks.next()) - began;
    expect(first).toBeGreaterThanOrEqual(395);
    expect(first).toBeLessThan(5000);
    await queue.nudgeIn('report', web, 1);
    await looks.next();
    expect(looks.waiting()).toBe(0);
  });

  it('loses no timer that is set while the one before is going off', { timeout: 30_000 }, async () => {
    const queue = open();
    let left = 60;
    const { promise: done, resolve } = Promise.withResolvers<void>();
    await take(queue, async (verb, reference) => {
      left -= 1;
      if (left === 0) return resolve();
      await queue.patient.nudgeIn(verb, reference, left % 3);
    });
    await queue.nudge('sync', web);
    await done;
  });

  it.each([{ data: null }, { data: { object: 7 } }, { data: { object: 'a/b/c' } }, { data: { verb: 'explode', object: 'a/b' } }])(
    'takes no harm from a job that says $data',
    async ({ data }) => {
      const installation = nextInstallation();
      const client = new Client({ host: '127.0.0.1', port: redis.port, password: redis.password, maxRetriesPerRequest: null });
      const raw = (name: string) => new Queue(name, { connection: client, prefix: `{sluice-${installation}}` });
      const [sync, later] = [raw('sync'), raw('later')];
      opened.push(async () => {
        await Promise.all([sync.close(), later.close()]);
        client.disconnect();
      });
      await later.add('nudge', data);
      if (data === null || !('verb' in data)) await sync.add('nudge', data);
      const queue = open(installation);
      const looks = arrivals<unknown>();
      await take(queue, async (_verb, reference) => looks.put(reference));
      await queue.nudgeIn('sync', web, 1);
      expect(await looks.next()).toEqual(web);
    },
  );

  it('leaves nothing in Redis but the names of objects', async () => {
    const installation = nextInstallation();
    const queue = open(installation);
    await queue.nudge('sync', web);
    const keys = JSON.parse(await redis.cli('KEYS', `{sluice-${installation}}:*`)) as string[];
    const jobs = await Promise.all(keys.filter((key) => /:sync:\d+$/.test(key)).map((key) => redis.cli('HGET', key, 'data')));
    expect(jobs.map((text) => JSON.parse(text))).toEqual([{ object: 'shop/web' }]);
  });
});

describe('a worker that ends', () => {
  it('aborts what it looks at and leaves it to another worker', async () => {
    const installation = nextInstallation();
    const [first, second] = [open(installation), open(installation)];
    const looks = arrivals<string>();
    const taking = await take(first, async (_verb, _reference, signal) => {
      looks.put('first');
      await once(signal, 'abort');
      looks.put(String(signal.reason));
    });
    await second.nudge('sync', web);
    expect(await looks.next()).toBe('first');
    const began = performance.now();
    await taking.stop(10_000);
    expect(performance.now() - began).toBeLessThan(3000);
    expect(await looks.next()).toBe('this process is stopping');
    await take(second, async () => looks.put('second'));
    expect(await looks.next()).toBe('second');
  });

  it('is not waited for longer than allowed when a step does not listen', async () => {
    const queue = open();
    const looks = arrivals<string>();
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    const taking = await take(queue, async () => {
      looks.put('looking');
      await mayEnd;
    });
    await queue.nudge('sync', web);
    await looks.next();
    const began = performance.now();
    await taking.stop(300);
    expect(performance.now() - began).toBeLessThan(2000);
    end();
  });

  it('by SIGKILL is replaced within 15 s', { timeout: 60_000 }, async () => {
    const installation = nextInstallation();
    const script = fileURLToPath(new URL('../workers/hanging-worker.ts', import.meta.url));
    const child = spawn(process.execPath, [script, JSON.stringify({ port: redis.port, password: redis.password, installation })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    opened.push(async () => child.kill('SIGKILL'));
    const queue = open(installation);
    await queue.nudge('sync', web);
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    expect(said.toString().trim()).toBe('web');
    const looks = arrivals<number>();
    await take(queue, async () => looks.put(performance.now()));
    const killed = performance.now();
    child.kill('SIGKILL');
    expect((await looks.next()) - killed).toBeLessThan(15_000);
  });
});

describe('a Redis that goes away', () => {
  it('has every step aborted whose hold on its object went with it', { timeout: 30_000 }, async () => {
    const queue = open();
    const looks = arrivals<string>();
    await take(queue, async (_verb, _reference, signal) => {
      looks.put('looking');
      await once(signal, 'abort');
      looks.put(String(signal.reason));
    });
    await queue.nudge('sync', web);
    await looks.next();
    await redis.cli('FLUSHALL');
    expect(await looks.next()).toBe('another worker may have taken the object over');
  });

  it('is told to whoever nudges within two seconds, and comes back', { timeout: 30_000 }, async () => {
    const queue = open();
    const looks = arrivals<unknown>();
    await take(queue, async (_verb, reference) => looks.put(reference));
    await redis.stop();
    try {
      for (let tries = 0; tries < 3; tries += 1) {
        const began = performance.now();
        const failure = await queue.nudge('sync', web).catch((error: unknown) => error);
        expect(isPortError(failure, 'UNREACHABLE') && failure.port === 'queue' && failure.retryable).toBe(true);
        expect(String(failure)).not.toContain(redis.password);
        expect(performance.now() - began).toBeLessThan(2000);
      }
    } finally {
      await redis.start();
    }
    const patiently = queue.patient.nudge('sync', web);
    expect(await looks.next()).toEqual(web);
    await patiently;
  });

  it('does not hold up the end of a process', { timeout: 30_000 }, async () => {
    const queue = openBullmqQueues({ redis: { ...access(), port: 1 }, installation: 'nobody', log });
    const taking = queue.take({ refresh: async () => {}, sync: async () => {}, promote: async () => {}, report: async () => {} }, 1);
    const began = performance.now();
    await taking.stop(500);
    await queue.close();
    expect(performance.now() - began).toBeLessThan(4000);
  });

  it.each([
    { name: 'flushed', lose: () => redis.cli('FLUSHALL') },
    { name: 'restarted empty', lose: () => redis.restart() },
  ])('$name has everything nudged by one of its processes, and then no more', { timeout: 30_000 }, async ({ lose }) => {
    const installation = nextInstallation();
    const queues = [open(installation), open(installation)];
    const looks = arrivals<unknown>();
    let losses = 0;
    for (const queue of queues) {
      await take(queue, async (_verb, reference) => looks.put(reference));
      const sentinel = startSentinel({
        mark: queue.mark,
        onLost: async () => {
          losses += 1;
          await queue.nudge('sync', web);
        },
        log,
        everyMs: 100,
      });
      opened.push(() => sentinel.stop());
    }
    expect(await looks.next()).toEqual(web);
    await lose();
    expect(await looks.next()).toEqual(web);
    expect(losses).toBe(2);
  });
});
