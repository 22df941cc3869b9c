import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openWorkingClone, pushFiles } from '../../tools/git.ts';
import { askRedis } from '../../tools/redis.ts';
import { type RealCluster, realParts } from '../real-parts.ts';

const { hub, staging, redis, gitea } = realParts();

const podTemplate = (name: string, image: string, restartPolicy = 'Always') => ({
  metadata: { labels: { app: name } },
  spec: { restartPolicy, containers: [{ name: 'main', image }] },
});

const deployment = (name: string, image: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: podTemplate(name, image) },
});

const job = (name: string, image: string) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name },
  spec: { backoffLimit: 0, template: podTemplate(name, image, 'Never') },
});

async function newNamespace(cluster: RealCluster): Promise<string> {
  const name = `parts-${randomBytes(4).toString('hex')}`;
  await cluster.kubectl(['create', 'namespace', name]);
  onTestFinished(async () => {
    await cluster.kubectl(['delete', 'namespace', name, '--wait=false']);
  });
  return name;
}

describe('the simulated node', () => {
  it.each([
    ['a Deployment becomes available', deployment('web', 'shop/web:1.0'), 'deployment/web', 'condition=Available'],
    ['a Job completes', job('migrate', 'shop/migrate:1.0'), 'job/migrate', 'condition=Complete'],
    ['a Job of a crashing image fails', job('migrate', 'shop/migrate:crash'), 'job/migrate', 'condition=Failed'],
  ])('%s', async (_, manifest, object, state) => {
    const namespace = await newNamespace(staging);
    await staging.kubectl(['-n', namespace, 'create', '-f', '-'], { input: JSON.stringify(manifest) });
    await staging.kubectl(['-n', namespace, 'wait', object, `--for=${state}`, '--timeout=30s']);
  });

  it.each([
    ['broken', { phase: 'Pending', reason: 'ImagePullBackOff', restarts: 0 }],
    ['crash', { phase: 'Running', reason: 'CrashLoopBackOff', restarts: 5 }],
  ])('a pod of an image tagged %s is reported as a kubelet would', async (tag, expected) => {
    const namespace = await newNamespace(staging);
    await staging.kubectl(['-n', namespace, 'create', '-f', '-'], { input: JSON.stringify(deployment('web', `shop/web:${tag}`)) });
    await staging.kubectl(['-n', namespace, 'wait', 'deployment/web', '--for=jsonpath={.status.unavailableReplicas}=1', '--timeout=30s']);
    const status = (path: string, value: string | number) =>
      staging.kubectl(['-n', namespace, 'wait', 'pod', '-l', 'app=web', `--for=jsonpath={.status.${path}}=${value}`, '--timeout=30s']);
    await status('containerStatuses[0].state.waiting.reason', expected.reason);
    await status('containerStatuses[0].restartCount', expected.restarts);
    await status('phase', expected.phase);
    const { items } = JSON.parse(await staging.kubectl(['-n', namespace, 'get', 'pods', '-o', 'json'])) as { items: readonly { status: unknown }[] };
    expect(items[0]?.status).toMatchObject({
      conditions: expect.arrayContaining([expect.objectContaining({ type: 'Ready', status: 'False', reason: 'ContainersNotReady' })]),
      containerStatuses: [{ ready: false, state: { waiting: { message: expect.stringMatching(/back-off/i) } } }],
    });
  });
});

describe('the identity that Sluice runs as', () => {
  it('writes on a destination only as a bound service account', async () => {
    const namespace = await newNamespace(staging);
    await staging.kubectl(['-n', namespace, 'create', 'serviceaccount', 'deployer']);
    await staging.kubectl(['-n', namespace, 'create', 'rolebinding', 'deployer', '--clusterrole=edit', `--serviceaccount=${namespace}:deployer`]);
    const input = JSON.stringify(deployment('web', 'shop/web:1.0'));
    const apply = (...as: readonly string[]) =>
      staging.kubectl(['-n', namespace, 'apply', '--server-side', '--validate=false', '-f', '-', ...as], { input, as: 'sluice' });
    await expect(apply()).rejects.toThrow(/User "sluice" cannot patch resource "deployments"/);
    await expect(apply(`--as=system:serviceaccount:${namespace}:nobody`)).rejects.toThrow(/forbidden/);
    await expect(apply('--as=admin')).rejects.toThrow(/cannot impersonate resource "users"/);
    await expect(apply(`--as=system:serviceaccount:${namespace}:deployer`, '--as-group=system:masters')).rejects.toThrow(
      /cannot impersonate resource "groups"/,
    );
    await expect(apply(`--as=system:serviceaccount:${namespace}:deployer`)).resolves.toContain('serverside-applied');
  });

  it.each([
    ['staging', true, { verb: 'list', resource: 'pods' }],
    ['staging', false, { verb: 'get', resource: 'secrets', namespace: 'default' }],
    ['staging', true, { verb: 'create', resource: 'configmaps', namespace: 'default' }],
    ['staging', true, { verb: 'create', resource: 'namespaces' }],
    ['staging', false, { verb: 'delete', resource: 'namespaces', name: 'default' }],
    ['staging', false, { verb: 'create', resource: 'secrets', namespace: 'default' }],
    ['staging', false, { verb: 'create', group: 'rbac.authorization.k8s.io', resource: 'clusterroles' }],
    ['hub', true, { verb: 'update', group: 'sluice.dev', resource: 'applications', subresource: 'status', namespace: 'default' }],
    ['hub', false, { verb: 'update', group: 'sluice.dev', resource: 'applications', namespace: 'default' }],
    ['hub', true, { verb: 'get', resource: 'secrets', namespace: 'default', name: 'credentials' }],
    ['hub', false, { verb: 'list', resource: 'secrets', namespace: 'default' }],
    ['hub', true, { verb: 'create', resource: 'secrets', namespace: 'sluice-system' }],
    ['hub', false, { verb: 'create', resource: 'secrets', namespace: 'default' }],
    ['hub', true, { verb: 'update', group: 'coordination.k8s.io', resource: 'leases', namespace: 'sluice-system', name: 'sluice-controller' }],
    ['hub', false, { verb: 'create', resource: 'configmaps', namespace: 'default' }],
  ] as const)('on %s is allowed: %s: %o', async (where, allowed, resourceAttributes) => {
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } };
    const cluster = where === 'hub' ? hub : staging;
    const answer = await cluster.kubectl(['create', '--validate=false', '-f', '-', '-o', 'json'], { input: JSON.stringify(review), as: 'sluice' });
    expect(JSON.parse(answer)).toMatchObject({ status: { allowed } });
  });
});

type Delivery = { readonly headers: IncomingHttpHeaders; readonly body: string };

/** A server that hands out the first request it gets. */
async function openListener(): Promise<{ readonly url: string; readonly delivery: Promise<Delivery> }> {
  const { promise: delivery, resolve } = Promise.withResolvers<Delivery>();
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      response.end();
      resolve({ headers: request.headers, body });
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the listener has no port');
  return { url: `http://127.0.0.1:${address.port}/webhook`, delivery };
}

describe('the Git host', () => {
  it('tells a push to the webhook, signed with its secret', async () => {
    const repository = `hook-${randomBytes(4).toString('hex')}`;
    const listener = await openListener();
    await gitea.createRepository(repository);
    await gitea.addWebhook({ repository, url: listener.url, secret: 'shared' });
    const commit = await pushFiles({ gitea, repository, files: { 'app/deployment.yaml': 'kind: Deployment\n' }, message: 'First' });
    const { headers, body } = await listener.delivery;
    expect(headers['x-gitea-event']).toBe('push');
    expect(headers['x-gitea-signature']).toBe(createHmac('sha256', 'shared').update(body).digest('hex'));
    expect(JSON.parse(body)).toMatchObject({ ref: 'refs/heads/main', after: commit });
  });

  it('takes several commits in one push, deletes files and keeps the newest status of a commit', async () => {
    const repository = `many-${randomBytes(4).toString('hex')}`;
    await gitea.createRepository(repository);
    await using clone = await openWorkingClone({ gitea, repository });
    await clone.write('a.yaml', 'a: 1\n');
    const first = await clone.commit('First');
    await clone.write('b/c.yaml', 'c: 1\n');
    await clone.push();
    await pushFiles({ gitea, repository, branch: 'other', files: { 'x.yaml': 'x: 1\n' }, message: 'On a branch of its own' });
    const last = await pushFiles({ gitea, repository, files: { 'a.yaml': undefined, 'd.yaml': 'd: 1\n' }, message: 'Second' });
    const commits = (await gitea.api('GET', `/repos/${gitea.user}/${repository}/commits?sha=main`)) as readonly { sha: string }[];
    expect(commits.map(({ sha }) => sha)).toEqual([last, first]);
    const files = (await gitea.api('GET', `/repos/${gitea.user}/${repository}/contents`)) as readonly { name: string }[];
    expect(files.map(({ name }) => name)).toEqual(['d.yaml']);
    for (const state of ['pending', 'success']) {
      await gitea.api('POST', `/repos/${gitea.user}/${repository}/statuses/${last}`, { context: 'sluice/shop/staging', state, description: state });
    }
    expect(await gitea.commitStatuses(repository, last)).toEqual([{ context: 'sluice/shop/staging', state: 'success', description: 'success', targetUrl: '' }]);
  });
});

describe('Redis', () => {
  it('answers who knows the password and nobody else', async () => {
    expect(await redis.cli('PING')).toBe('PONG');
    await expect(askRedis({ port: redis.port, password: 'guess' }, ['PING'])).rejects.toThrow(/WRONGPASS/);
  });
});
