// Started by the test of a killed worker: takes one nudge, says so, and never ends.
import pino from 'pino';
import { openBullmqQueues } from '../../src/adapters/bullmq-queues.ts';
import { type Step, startWorkers } from '../../src/workers/worker.ts';

const { port, password, installation } = JSON.parse(process.argv[2] ?? '{}') as { port: number; password: string; installation: string };
const log = pino({ level: 'silent' });
const queue = openBullmqQueues({ redis: { host: '127.0.0.1', port, password, tls: false, database: 0 }, installation, log });
const hang: Step = ({ name }) => {
  process.stdout.write(`${name}\n`);
  return new Promise(() => {});
};
startWorkers({ queue, steps: { refresh: hang, sync: hang, promote: hang, report: hang }, concurrency: 1, log });
