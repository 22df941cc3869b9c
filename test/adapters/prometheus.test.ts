import { readFileSync } from 'node:fs';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { openMetrics } from '../../src/adapters/prometheus.ts';
import { metricsRoute } from '../../src/api/metrics-route.ts';
import { createServer } from '../../src/api/server.ts';
import { application } from '../builders.ts';
import { fakeHub } from '../fakes/fake-hub.ts';

const { hub } = fakeHub(
  application({ status: { health: { health: 'Degraded', message: '', since: '2026-01-01T00:00:00Z' }, sync: { state: 'Synced', message: '' } } }),
  application({ name: 'other' }),
);
const open = (queueDepths = async () => [{ verb: 'sync' as const, waiting: 3, oldestMs: 1500 }]) =>
  openMetrics({ hub, queueDepths, renderCounts: { hits: 7, misses: 2, filesParsed: 3 } });

describe('metrics', () => {
  it('counts what was done, and asks for what stands at each scrape', async () => {
    const metrics = open();
    metrics.looked('sync', 'done', 0.02);
    metrics.requested('the hub', 'GET', 200);
    metrics.gitFetched('shop/config', 438);
    const text = await metrics.text();

    expect(text).toContain('sluice_look_duration_seconds_count{verb="sync",outcome="done"} 1');
    expect(text).toContain('sluice_api_requests_total{cluster="the hub",method="GET",code="200"} 1');
    expect(text).toContain('sluice_git_fetches_total{repository="shop/config"} 1');
    expect(text).toContain('sluice_git_received_bytes_total{repository="shop/config"} 438');
    expect(text).toContain('sluice_renders_total{outcome="made"} 2');
    expect(text).toContain('sluice_renders_total{outcome="kept"} 7');
    expect(text).toContain('sluice_applications{health="Degraded",sync="Synced"} 1');
    expect(text).toContain('sluice_queue_oldest_seconds{verb="sync"} 1.5');
  });

  it('answers the rest while the queue is away', async () => {
    const text = await open(() => Promise.reject(new Error('the queue is away'))).text();
    expect(text).toContain('sluice_applications{health="Unknown",sync="Unknown"} 1');
  });

  it('are all listed in docs/metrics.md, and nothing else is', async () => {
    const text = await open().text();
    const named = [...text.matchAll(/^# TYPE (sluice_\w+)/gm)].map(([, name]) => name);
    const listed = [...readFileSync('docs/metrics.md', 'utf8').matchAll(/^\| `(sluice_\w+)`/gm)].map(([, name]) => name);
    expect(listed.toSorted()).toEqual(named.toSorted());
  });

  it('are served at /metrics', async () => {
    const server = createServer({ log: pino({ level: 'silent' }) });
    await server.register(metricsRoute, open());
    const answer = await server.inject({ method: 'GET', url: '/metrics' });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^text\/plain/);
    await server.close();
  });
});
