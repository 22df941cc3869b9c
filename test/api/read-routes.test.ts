import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openEvents } from '../../src/api/events.ts';
import { healthRoutes } from '../../src/api/health-routes.ts';
import { openInspections } from '../../src/api/inspections.ts';
import { localRoutes } from '../../src/api/local-routes.ts';
import { closeServer, createServer, type Server } from '../../src/api/server.ts';
import { type Inspection, inspect } from '../../src/sync/inspect.ts';
import { application, applicationOf, cluster, commitOf, pipeline, release, repository } from '../builders.ts';
import { openWorld, type World } from '../world.ts';

const here = { host: '127.0.0.1' };
let world: World;
let app: Server;
let folder: string;
let looks = 0;
let instead: (() => Promise<Inspection>) | undefined;

beforeEach(async () => {
  world = openWorld();
  looks = 0;
  instead = undefined;
  folder = await mkdtemp(join(tmpdir(), 'page-'));
  app = createServer({ log: pino({ level: 'silent' }) });
  const events = openEvents({ mostListeners: 2 });
  const look = (...[one, signal]: Parameters<Parameters<typeof openInspections>[0]['inspect']>) => {
    looks += 1;
    return instead === undefined ? inspect(one, world.ports, signal) : instead();
  };
  const inspections = openInspections({ inspect: look, now: world.now, most: 2 });
  world.hub.onChange((change) => {
    inspections.forget(change.reference);
    events.tell(change);
  });
  await app.register(localRoutes, { api: { hub: world.hub.hub, events, inspections }, page: { folder } });
});
afterEach(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

const get = async (path: string, headers: Record<string, string> = here) => {
  const response = await app.inject({ url: path, headers });
  return { status: response.statusCode, body: response.json(), headers: response.headers };
};

describe('who may ask', () => {
  it.each(['/', '/api/v1/pipelines', '/api/v1/openapi.json', '/assets/page.js'])('nobody asks for %s in another name than this machine’s', async (path) => {
    expect(await get(path, { host: 'sluice.example' })).toMatchObject({ status: 403, body: { message: expect.stringContaining('port-forward') } });
  });

  it('nobody asks from another machine, whatever name it asks for; health stays as it is', async () => {
    await app.register(healthRoutes, { checks: {} });
    const from = async (url: string) => (await app.inject({ url, headers: here, remoteAddress: '10.0.0.7' })).statusCode;
    expect(await Promise.all(['/', '/applications', '/assets/page.js', '/api/v1/events', '/api/v1/clusters', '/healthz', '/readyz'].map(from))).toEqual([
      403, 403, 403, 403, 403, 200, 200,
    ]);
  });

  it('another site may not ask the API', async () => {
    expect((await get('/api/v1/pipelines', { ...here, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  });

  it('gives every answer the headers that keep other sites out', async () => {
    const { headers } = await get('/api/v1/pipelines');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
  });
});

describe('what is asked for', () => {
  it.each(['/api/v1/pipelines?limit=0', '/api/v1/pipelines?limit=9999', '/api/v1/applications?colour=red'])('%s is refused with the reason', async (path) => {
    expect(await get(path)).toMatchObject({ status: 400, body: { message: expect.stringContaining('query') } });
  });

  it.each(['pipelines', 'applications'])('%s that do not exist are named', async (kind) => {
    expect(await get(`/api/v1/${kind}/shop/none`)).toMatchObject({ status: 404, body: { message: expect.stringContaining('shop/none') } });
  });

  it('comes in pages in the order of names', async () => {
    for (const name of ['c', 'a', 'b']) world.hub.put(application({ name }));
    const first = (await get('/api/v1/applications?limit=2')).body;
    expect(first.items.map(({ name }: { name: string }) => name)).toEqual(['a', 'b']);
    const rest = (await get(`/api/v1/applications?limit=2&after=${encodeURIComponent(first.next)}`)).body;
    expect([rest.items.map(({ name }: { name: string }) => name), rest.next]).toEqual([['c'], undefined]);
  });
});

describe('a pipeline', () => {
  beforeEach(() => {
    world.hub.put(applicationOf('staging', { status: { conditions: [], health: { health: 'Degraded', message: 'pod web-1: ImagePullBackOff', since: at } } }));
    world.hub.put(release({ spec: { sequence: 1 } }));
    world.hub.put(
      release({ spec: { sequence: 2 }, status: { stages: [{ name: 'production', state: 'waiting', reason: 'waits for staging', since: at, frozen: false }] } }),
    );
    world.hub.put(pipeline({ status: { conditions: [], stages: [{ name: 'staging', admitted, history: [] }] } }));
  });
  const at = '2026-01-01T12:00:00.000Z';
  const admitted = {
    release: 'shop-2',
    revision: commitOf(2),
    sequence: 2,
    ordinal: 2,
    admittedAt: at,
    deadlineAt: at,
    verdict: 'pending' as const,
    reason: 'web-staging is Degraded',
  };

  it('says what each stage runs, what is wrong there, and what waits', async () => {
    const { body } = await get('/api/v1/pipelines/shop/shop');
    expect(body.stages).toMatchObject([
      {
        name: 'staging',
        after: [],
        applications: { total: 1, synced: 0, healthy: 0 },
        trouble: { application: 'web-staging', health: 'Degraded', message: 'pod web-1: ImagePullBackOff' },
        admitted: { release: { subject: 'Change 2', revision: commitOf(2) }, verdict: 'pending', reason: 'web-staging is Degraded' },
      },
      { name: 'production', after: ['staging'], waiting: [{ release: { name: 'shop-2' }, reason: 'waits for staging' }], waitingCount: 1 },
    ]);
    expect((await get('/api/v1/pipelines')).body.items).toHaveLength(1);
  });

  it('has its Releases newest first', async () => {
    const { body } = await get('/api/v1/releases?pipeline=shop');
    expect(body.items.map(({ sequence }: { sequence: number }) => sequence)).toEqual([2, 1]);
    expect((await get('/api/v1/releases?pipeline=other')).body.items).toEqual([]);
  });
});

describe('an application', () => {
  beforeEach(async () => {
    world.hub.put(repository());
    world.hub.put(cluster());
    world.hub.put(application());
    await world.push({ 'apps/web/a.yaml': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { a: '1' } }) });
  });

  it('tells its sync and health, and where it goes as whom', async () => {
    const { body } = await get('/api/v1/applications/shop/web');
    expect(body).toMatchObject({
      sync: { state: 'Synced' },
      health: { health: 'Healthy' },
      cluster: { namespace: 'shop', name: 'staging' },
      serviceAccountName: 'deployer',
    });
  });

  it('has objects and differences of one and the same look', async () => {
    world.destination.edit({ group: '', kind: 'ConfigMap', namespace: 'web', name: 'a' }, 'kubectl-edit', (object) => ({ ...object, data: { a: '2' } }));
    const objects = await get('/api/v1/applications/shop/web/objects');
    expect(objects.body).toMatchObject({ items: [{ kind: 'ConfigMap', name: 'a', state: 'update', health: 'Healthy' }], more: 0, problems: [] });
    const diff = await get('/api/v1/applications/shop/web/diff');
    expect(diff.body.items).toMatchObject([{ name: 'a', patch: expect.stringContaining('-  a: "2"') }]);
    expect(looks).toBe(1);
    await world.sync('web');
    expect((await get('/api/v1/applications/shop/web/diff')).body.items).toEqual([]);
    expect(looks).toBe(2);
  });

  it('leaves the rest out beyond a limit, and says how many', async () => {
    const object = (name: string) => ({ id: { group: '', kind: 'ConfigMap', name }, state: 'create' as const });
    instead = async () => ({ objects: ['a', 'b', 'c'].map(object), problems: [] });
    expect((await get('/api/v1/applications/shop/web/objects?limit=2')).body).toMatchObject({ items: [{ name: 'a' }, { name: 'b' }], more: 1 });
  });

  it('is not looked at while as many others are as may', async () => {
    const { promise, resolve } = Promise.withResolvers<Inspection>();
    instead = () => promise;
    for (const name of ['one', 'two']) world.hub.put(application({ name }));
    const waiting = ['one', 'two'].map((name) => get(`/api/v1/applications/shop/${name}/diff`));
    await expect.poll(() => looks).toBe(2);
    expect(await get('/api/v1/applications/shop/web/diff')).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    resolve({ objects: [], problems: [], why: 'elsewhere' });
    for (const answer of await Promise.all(waiting)) expect(answer).toMatchObject({ status: 200, body: { why: 'elsewhere' } });
  });
});

describe('places', () => {
  it('are named with what stands in their way, and nothing of their secrets', async () => {
    world.hub.put(
      repository({
        status: { conditions: [{ type: 'Ready', status: 'False', reason: 'Unreachable', message: 'no answer', lastTransitionTime: '2026-01-01T00:00:00Z' }] },
      }),
    );
    world.hub.put(cluster());
    expect((await get('/api/v1/repositories')).body.items).toMatchObject([{ name: 'config', standing: { ready: 'False', message: 'no answer' } }]);
    const { body } = await get('/api/v1/clusters');
    expect(body.items).toEqual([{ namespace: 'shop', name: 'staging', suspended: false, standing: expect.objectContaining({ ready: 'Unknown' }) }]);
    expect(JSON.stringify(body)).not.toContain('kubeconfig');
  });
});

describe('the description', () => {
  it('holds every route with its answer', async () => {
    const { body } = await get('/api/v1/openapi.json');
    expect(Object.keys(body.paths).toSorted()).toEqual(
      ['', '/{namespace}/{name}', '/{namespace}/{name}/diff', '/{namespace}/{name}/objects']
        .map((rest) => `/api/v1/applications${rest}`)
        .concat(['clusters', 'events', 'pipelines', 'pipelines/{namespace}/{name}', 'releases', 'repositories'].map((rest) => `/api/v1/${rest}`)),
    );
    const stage = body.paths['/api/v1/pipelines/{namespace}/{name}'].get.responses['200'].content['application/json'].schema.properties.stages.items;
    expect(stage.properties.name.type).toBe('string');
  });
});

describe('the stream of changes', () => {
  it('tells what changed, at most so many at once, and ends with the server', async () => {
    await app.listen({ host: '127.0.0.1', port: 0 });
    const address = app.server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/api/v1/events`;
    const streams = await Promise.all([fetch(url), fetch(url)]);
    expect((await fetch(url)).status).toBe(503);
    const [first] = streams;
    expect(first?.headers.get('content-type')).toBe('text/event-stream');

    world.hub.put(application());
    let heard = '';
    const reader = first?.body?.pipeThrough(new TextDecoderStream()).getReader();
    while (!heard.includes('event: change')) heard += (await reader?.read())?.value ?? '';
    const data = /event: change\ndata: (.*)\n\n/.exec(heard)?.[1] ?? '';
    expect(JSON.parse(data)).toEqual({ kind: 'Application', namespace: 'shop', name: 'web', type: 'ADDED', resourceVersion: expect.any(String) });

    await closeServer(app, 60_000);
    expect((await reader?.read())?.done).toBe(true);
    await streams[1]?.body?.cancel();
  });
});

describe('the page', () => {
  const ask = (url: string) => app.inject({ url, headers: here });

  it('says how it is built when it is not', async () => {
    expect(await ask('/')).toMatchObject({ statusCode: 503, body: expect.stringContaining('npm run build:page') });
  });

  it('is the same document at every address of a view, and its parts are kept by the browser', async () => {
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'index.html'), '<title>Sluice</title>');
    await writeFile(join(folder, 'assets/page.js'), 'run()');
    for (const view of ['/', '/pipelines/shop/shop', '/applications', '/applications/shop/web', '/places']) {
      const answer = await ask(view);
      expect([answer.statusCode, answer.body, answer.headers['cache-control']]).toEqual([200, '<title>Sluice</title>', 'no-cache']);
    }
    expect((await ask('/assets/page.js')).headers['cache-control']).toContain('immutable');
  });

  it.each(['/assets/../index.html', '/assets/%2e%2e/%2e%2e/package.json', '/else'])('has nothing at %s', async (path) => {
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'index.html'), '<title>Sluice</title>');
    expect((await ask(path)).statusCode).toBe(404);
  });
});
