import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { RenderCounts } from '../render/cache.ts';
import type { Hub } from '../resources/hub.ts';
import type { Measures } from '../workers/measures.ts';
import type { QueueDepth } from '../workers/nudges.ts';

export type Metrics = Measures & {
  /** One answered request of an API server; `cluster` as messages name it. */
  requested(cluster: string, method: string, status: number): void;
  /** One fetch from a Git host. */
  gitFetched(repository: string, bytes: number): void;
  /** Everything, in the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
};

type Options = {
  /** Asked at every scrape. */
  readonly hub: Pick<Hub, 'list'>;
  readonly queueDepths: () => Promise<readonly QueueDepth[]>;
  readonly renderCounts: RenderCounts;
};

const lookBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const verdictBuckets = [1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 21_600, 86_400];

/** The metrics of one process. Names follow the Prometheus conventions; docs/metrics.md lists them, and a test compares. */
export function openMetrics({ hub, queueDepths, renderCounts }: Options): Metrics {
  const registers = [new Registry()];
  const [registry] = registers;
  if (registry === undefined) throw new Error('there is one registry');
  collectDefaultMetrics({ register: registry });

  const looks = new Histogram({
    name: 'sluice_look_duration_seconds',
    help: 'How long one look at one object took.',
    labelNames: ['verb', 'outcome'],
    buckets: lookBuckets,
    registers,
  });
  const syncs = new Histogram({
    name: 'sluice_sync_duration_seconds',
    help: 'How long one run of a sync took, by the phase that it ended in.',
    labelNames: ['phase'],
    buckets: lookBuckets,
    registers,
  });
  const verdicts = new Histogram({
    name: 'sluice_promotion_verdict_seconds',
    help: 'From the admission of a Release to a stage to its verdict.',
    labelNames: ['stage', 'verdict'],
    buckets: verdictBuckets,
    registers,
  });
  const requests = new Counter({ name: 'sluice_api_requests_total', help: 'Requests to API servers.', labelNames: ['cluster', 'method', 'code'], registers });
  const gitFetches = new Counter({ name: 'sluice_git_fetches_total', help: 'Fetches from Git hosts.', labelNames: ['repository'], registers });
  const gitBytes = new Counter({
    name: 'sluice_git_received_bytes_total',
    help: 'Bytes that fetches received from Git hosts.',
    labelNames: ['repository'],
    registers,
  });

  new Counter({
    name: 'sluice_renders_total',
    help: 'Renders that were made, and those that were there already, by content.',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset();
      this.inc({ outcome: 'made' }, renderCounts.misses);
      this.inc({ outcome: 'kept' }, renderCounts.hits);
    },
  });
  new Gauge({
    name: 'sluice_applications',
    help: 'Applications by health and sync state.',
    labelNames: ['health', 'sync'],
    registers,
    collect() {
      this.reset();
      for (const { status } of hub.list('Application')) this.inc({ health: status?.health?.health ?? 'Unknown', sync: status?.sync?.state ?? 'Unknown' });
    },
  });
  const depth = new Gauge({ name: 'sluice_queue_depth', help: 'Nudges that wait.', labelNames: ['verb'], registers });
  new Gauge({
    name: 'sluice_queue_oldest_seconds',
    help: 'Age of the nudge that waits longest.',
    labelNames: ['verb'],
    registers,
    async collect() {
      // A scrape while the queue is away still answers the rest.
      for (const { verb, waiting, oldestMs } of await queueDepths().catch(() => [])) {
        depth.set({ verb }, waiting);
        this.set({ verb }, oldestMs / 1000);
      }
    },
  });

  return {
    looked: (verb, outcome, seconds) => looks.observe({ verb, outcome }, seconds),
    synced: (phase, seconds) => syncs.observe({ phase }, seconds),
    judged: (stage, verdict, seconds) => verdicts.observe({ stage, verdict }, seconds),
    requested: (cluster, method, status) => requests.inc({ cluster, method, code: String(status) }),
    gitFetched(repository, bytes) {
      gitFetches.inc({ repository });
      gitBytes.inc({ repository }, bytes);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
