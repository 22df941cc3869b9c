import { type Job, type JobsOptions, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { at } from '../model/json.ts';
import { PortError } from '../model/port-error.ts';
import { parseReference, type Reference, referenceText } from '../model/reference.ts';
import type { Look, NudgeQueue, Nudges, QueueDepth, Taking, Verb } from '../workers/nudges.ts';
import { openRedisMark } from './redis-mark.ts';

/** Where Redis is. */
export type RedisAccess = {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly database: number;
  readonly username?: string;
  readonly password?: string;
};

type Options = {
  readonly redis: RedisAccess;
  /** Installations that share a Redis do not see one another. */
  readonly installation: string;
  readonly log: Logger;
  /** How long an impatient nudge may take, in milliseconds. */
  readonly deadlineMs?: number;
};

const verbs = Object.keys({ refresh: true, sync: true, promote: true, report: true } satisfies Record<Verb, true>) as Verb[];
const leaveNothingBehind = { attempts: 1, removeOnComplete: true, removeOnFail: true } satisfies JobsOptions;

// A killed worker's object moves again within 15 s: the lock ends 8 s after the kill at the latest and the next search for such jobs comes
// at most 3 s later, which leaves 4 s for the looking itself; as often as it takes.
const locks = { lockDuration: 8_000, stalledInterval: 3_000, maxStalledCount: 1_000_000 };

/**
 * Nudges over BullMQ. Job data is `{ object: 'namespace/name' }`, in `later` also `{ verb }`; nothing else is ever in Redis.
 * One hash tag for all keys of an installation, so that its scripts run on a Redis Cluster.
 */
export function openBullmqQueues({ redis, installation, log, deadlineMs = 1000 }: Options): NudgeQueue {
  const prefix = `{sluice-${installation}}`;
  const { tls, database, ...rest } = redis;
  const connection = { ...rest, db: database, ...(tls ? { tls: {} } : {}), retryStrategy: (times: number) => Math.min(1000, 50 * 2 ** Math.min(times, 5)) };
  // Two connections because they must fail differently: whoever answers HTTP has to know at once, a worker has nobody to tell and waits.
  const impatient = new Redis({ ...connection, maxRetriesPerRequest: 1, enableOfflineQueue: false });
  const waiting = new Redis({ ...connection, maxRetriesPerRequest: null });
  const warn = (error: Error) => log.warn({ reason: error.message }, 'queue connection failed');
  impatient.on('error', warn);
  waiting.on('error', warn);

  const fast = openQueues(impatient, prefix, warn);
  const patient = openQueues(waiting, prefix, warn);
  const within = openDeadline(impatient, deadlineMs);

  return {
    nudge: (verb, reference) => within(() => fast.nudge(verb, reference)),
    nudgeIn: (verb, reference, inMs) => within(() => fast.nudgeIn(verb, reference, inMs)),
    patient,
    mark: openRedisMark(impatient, `${prefix}:mark`, within),
    take: (looks, concurrency) => take({ looks, concurrency, connection: waiting, prefix, patient, log }),
    async ping() {
      await within(() => impatient.ping());
    },
    depths: () => within(() => fast.depths()),
    async close() {
      await before(AbortSignal.timeout(deadlineMs), Promise.allSettled([fast.close(), patient.close()]));
      impatient.disconnect();
      waiting.disconnect();
    },
  };
}

type Queues = Nudges & { depths(): Promise<readonly QueueDepth[]>; close(): Promise<void> };

function openQueues(connection: Redis, prefix: string, onError: (error: Error) => void): Queues {
  const queues = Object.fromEntries(
    [...verbs, 'later' as const].map((name) => {
      const queue = new Queue(name, { connection, prefix, skipMetasUpdate: true });
      queue.on('error', onError);
      return [name, queue];
    }),
  ) as Record<Verb | 'later', Queue>;
  return {
    async nudge(verb, reference) {
      const object = referenceText(reference);
      await queues[verb].add('nudge', { object }, { ...leaveNothingBehind, deduplication: { id: object, keepLastIfActive: true } });
    },
    async nudgeIn(verb, reference, inMs) {
      const object = referenceText(reference);
      const id = `${verb}/${object}`;
      // A delay of 0 would take BullMQ's other path, on which a waiting timer swallows the new one. keepLastIfActive: a wish
      // that comes while the old timer is just going off would be dropped with it otherwise.
      const delay = Math.max(1, Math.ceil(inMs));
      await queues.later.add('later', { verb, object }, { ...leaveNothingBehind, delay, deduplication: { id, replace: true, keepLastIfActive: true } });
    },
    depths: () =>
      Promise.all(
        verbs.map(async (verb) => {
          const [waiting, [oldest]] = await Promise.all([queues[verb].getWaitingCount(), queues[verb].getWaiting(0, 0)]);
          return { verb, waiting, oldestMs: oldest === undefined ? 0 : Math.max(0, Date.now() - oldest.timestamp) };
        }),
      ),
    async close() {
      await Promise.allSettled(Object.values(queues).map((queue) => queue.close()));
    },
  };
}

type TakeOptions = {
  readonly looks: Readonly<Record<Verb, Look>>;
  readonly concurrency: number;
  readonly connection: Redis;
  readonly prefix: string;
  readonly patient: Nudges;
  readonly log: Logger;
};

function take({ looks, concurrency, connection, prefix, patient, log }: TakeOptions): Taking {
  const running = new Set<{ readonly verb: Verb; readonly reference: Reference }>();

  const start = (name: Verb | 'later', work: (job: Job, signal: AbortSignal) => Promise<void>): Worker => {
    // BullMQ hands the signal only to a function that declares three parameters.
    const worker = new Worker(name, async (job, _token, signal) => work(job, signal ?? neverAborted), { connection, prefix, concurrency, ...locks });
    // BullMQ itself goes on with a job whose lock was lost, while another worker may have it by now.
    worker.on('lockRenewalFailed', (jobIds) => {
      for (const jobId of jobIds) worker.cancelJob(jobId, 'another worker may have taken the object over');
    });
    worker.on('error', (error) => log.warn({ queue: name, reason: error.message }, 'queue worker failed'));
    worker.on('failed', (_job, error) => log.warn({ queue: name, reason: error.message }, 'nudge failed'));
    return worker;
  };

  const looking = verbs.map((verb) =>
    start(verb, async (job, signal) => {
      const reference = parseObject(job.data);
      if (reference === undefined) return log.warn({ queue: verb, job: job.id }, 'nudge names no object');
      const one = { verb, reference };
      running.add(one);
      try {
        await looks[verb](reference, signal);
      } finally {
        running.delete(one);
      }
    }),
  );
  const later = start('later', async (job) => {
    const reference = parseObject(job.data);
    const verb = verbs.find((known) => known === at(job.data, 'verb'));
    if (reference === undefined || verb === undefined) return log.warn({ queue: 'later', job: job.id }, 'nudge names no object');
    await patient.nudge(verb, reference);
  });
  const workers = [...looking, later];

  return {
    async ready() {
      await Promise.all(workers.map((worker) => worker.waitUntilReady()));
    },
    async stop(withinMs) {
      const over = AbortSignal.timeout(withinMs);
      const ended = Promise.allSettled(workers.map((worker) => worker.close())); // from here on none takes another job
      // First the new nudge, then the abort: in the other order a step could end, and its object be forgotten, in between.
      await before(AbortSignal.timeout(1000), Promise.allSettled([...running].map(({ verb, reference }) => patient.nudge(verb, reference))));
      for (const worker of looking) worker.cancelAllJobs('this process is stopping');
      if (!(await before(over, ended))) log.warn({ running: running.size }, 'steps did not end in time');
    },
  };
}

const neverAborted = new AbortController().signal;

function parseObject(data: unknown): Reference | undefined {
  const object = at(data, 'object');
  return typeof object === 'string' ? parseReference(object) : undefined;
}

/** Whether it settled before the signal. */
const before = (signal: AbortSignal, awaited: Promise<unknown>): Promise<boolean> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(false);
    signal.addEventListener('abort', () => resolve(false), { once: true });
    void awaited.then(() => resolve(true));
  });

/**
 * Asks an impatient connection: what Redis answers, or PortError('queue', UNREACHABLE) after the deadline.
 * While the connection is down for longer than that, nothing is asked at all: BullMQ would keep every nudge of the outage in memory.
 */
function openDeadline(redis: Redis, deadlineMs: number): <T>(ask: () => Promise<T>) => Promise<T> {
  let standing = Promise.withResolvers<void>();
  let downSince: number | undefined = performance.now();
  redis.on('ready', () => {
    downSince = undefined;
    standing.resolve();
  });
  redis.on('close', () => {
    if (downSince !== undefined) return;
    downSince = performance.now();
    standing = Promise.withResolvers<void>();
  });

  return async (ask) => {
    let over = false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        over = true;
        reject(new Error(`no answer within ${deadlineMs} ms`));
      }, deadlineMs);
    });
    const answer = async () => {
      if (downSince !== undefined && performance.now() - downSince > deadlineMs) throw new Error('not connected');
      await standing.promise;
      return over ? late : ask();
    };
    try {
      return await Promise.race([answer(), late]);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new PortError(
        'queue',
        'UNREACHABLE',
        `Redis at ${redis.options.host}:${redis.options.port}: ${reason}; check that it runs and that SLUICE_REDIS_URL names it`,
        { cause },
      );
    } finally {
      clearTimeout(timer);
    }
  };
}
