import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ApiServer, openApiServer } from '../../src/adapters/api-server.ts';
import type { Json } from '../../src/model/json.ts';
import { freePort } from '../../tools/process.ts';
import { openRunFolder, type RunFolder } from '../../tools/run-folder.ts';
import { contentOf, makeImageFolder } from './image-folder.ts';
import {
  allowCredentialsOf,
  askedOf,
  deploy,
  grantedBy,
  type InstalledRole,
  kubeconfigOf,
  namespace,
  podEnvironment,
  separateInstallation,
} from './installation.ts';
import { commitMark, openShop, resources, type Shop, seen, untilVerified } from './shop.ts';
import { runSluice, type SluiceRun } from './sluice-runs.ts';

describe('Sluice as deploy/separate installs it: three processes, each with a token of its service account', () => {
  const processes: SluiceRun[] = [];
  let folder: RunFolder;
  let app: string;
  let content: string;
  let shop: Shop;
  const servers = new Map<InstalledRole, ApiServer & AsyncDisposable>();

  beforeAll(async () => {
    folder = await openRunFolder();
    app = await folder.folder('app');
    [shop] = await Promise.all([openShop({ installation: separateInstallation }), makeImageFolder(app)]);
    content = await contentOf(app);
    const { hub } = shop.world;
    for (const role of ['controller', 'worker'] as const) {
      const environment = await podEnvironment(hub, `sluice-${role}`);
      processes.push(await runSluice(shop.world, { name: role, port: await freePort(), environment, main: join(app, 'src/main.ts') }));
    }
    for (const role of ['api', 'controller', 'worker'] as const)
      servers.set(role, openApiServer(await kubeconfigOf(hub, `sluice-${role}`), { port: 'hub', name: role, trusted: true }));
  }, 300_000);
  afterAll(async () => {
    for (const server of servers.values()) await server[Symbol.asyncDispose]();
    for (const process of processes) await process[Symbol.asyncDispose]();
    await shop?.[Symbol.asyncDispose]();
    await folder?.remove();
  });

  const ask = (role: InstalledRole, method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: Json) => {
    const server = servers.get(role);
    if (server === undefined) throw new Error(`no ${role}`);
    return server.send({ method, path, signal: AbortSignal.timeout(10_000), ...(body === undefined ? {} : { body }) });
  };

  it('takes the first commit to production', () => seen(shop, 'first commit'));
  it('and a new image, told by webhook', () => seen(shop, 'new image'));
  it('undoes what somebody changes by hand', () => seen(shop, 'drift'));

  it('runs from the production packages alone, and writes nothing into its own folder', async () => {
    const [, worker] = processes;
    expect((await worker?.logged())?.filter(({ msg }) => msg === 'sync step done').length).toBeGreaterThan(0);
    expect(await contentOf(app)).toBe(content);
  });

  it('was refused nothing, and used every right that it has on the hub', async () => {
    const asked = await askedOf(shop.world.hub);
    expect(asked.filter(({ code }) => code === 403 || code === 401)).toEqual([]);
    // Old Releases are deleted from the fiftieth on; a Cluster is read when it was not seen yet.
    const notInThisStory = ['sluice-worker: delete releases.sluice.dev', 'sluice-worker: get clusters.sluice.dev'];
    const unused: string[] = [];
    for (const who of ['sluice-api', 'sluice-controller', 'sluice-worker']) {
      const used = new Set(asked.filter((each) => each.who === who).map(({ what }) => what));
      const granted = [...(await grantedBy('hub/cluster-roles.yaml', who)), ...(await grantedBy('hub/own-namespace.yaml', who)), 'get secrets'];
      unused.push(...granted.filter((what) => !used.has(what)).map((what) => `${who}: ${what}`));
    }
    expect(unused.filter((each) => !notInThisStory.includes(each))).toEqual([]);
  });

  it('was refused nothing on a destination, and used every right of deploy/destination there', async () => {
    const asked = await askedOf(shop.world.production);
    expect(asked.filter(({ code }) => code === 403 || code === 401)).toEqual([]);
    const used = new Set(asked.map(({ what }) => what));
    const verbsUsed = new Set([...used].map((what) => what.split(' ')[0] ?? ''));
    const granted = [
      ...(await grantedBy('destination/cluster-roles.yaml', 'sluice-destination-watch')),
      ...(await grantedBy('destination/cluster-roles.yaml', 'sluice-destination-sync')),
    ];
    const unused = granted.filter((what) => (what.endsWith(' *.*') ? !verbsUsed.has(what.split(' ')[0] ?? '') : !used.has(what)));
    // In this story no Application makes its namespace, comes to hold other kinds, or is emptied.
    expect(unused.toSorted()).toEqual(['create namespaces', 'delete configmaps', 'update configmaps']);
  });

  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } };
  const admin: Json = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'x' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  };
  const custom = `/apis/sluice.dev/v1alpha1/namespaces/shop`;
  const all: readonly InstalledRole[] = ['api', 'controller', 'worker'];

  type Forbidden = {
    readonly what: string;
    readonly roles: readonly InstalledRole[];
    readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
    readonly path: string;
    readonly body?: Json;
  };
  it.each<Forbidden>([
    { what: 'read Secrets of a namespace that was not opened to it', roles: all, method: 'GET', path: '/api/v1/namespaces/kube-system/secrets/any' },
    { what: 'list Secrets where it may read them', roles: all, method: 'GET', path: '/api/v1/namespaces/shop/secrets' },
    {
      what: 'write a Secret of the user',
      roles: all,
      method: 'PUT',
      path: '/api/v1/namespaces/shop/secrets/shop-git',
      body: { apiVersion: 'v1', kind: 'Secret' },
    },
    { what: 'read the password of Redis', roles: all, method: 'GET', path: `/api/v1/namespaces/${namespace}/secrets/sluice-redis` },
    { what: 'read the signing key', roles: ['api', 'controller'], method: 'GET', path: `/api/v1/namespaces/${namespace}/secrets/sluice-signing-key` },
    {
      what: 'replace the signing key',
      roles: all,
      method: 'PUT',
      path: `/api/v1/namespaces/${namespace}/secrets/sluice-signing-key`,
      body: { apiVersion: 'v1', kind: 'Secret' },
    },
    { what: 'delete the signing key', roles: all, method: 'DELETE', path: `/api/v1/namespaces/${namespace}/secrets/sluice-signing-key` },
    { what: 'run something', roles: all, method: 'POST', path: `/apis/apps/v1/namespaces/${namespace}/deployments`, body: deployment },
    { what: 'read pods', roles: all, method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` },
    { what: 'make itself an administrator', roles: all, method: 'POST', path: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', body: admin },
    {
      what: 'take a token of another service account',
      roles: all,
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/sluice-worker/token`,
      body: {},
    },
    {
      what: 'lift the policy on status',
      roles: all,
      method: 'DELETE',
      path: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/sluice-status',
    },
    {
      what: 'declare an Application',
      roles: all,
      method: 'POST',
      path: `${custom}/applications`,
      body: { apiVersion: 'sluice.dev/v1alpha1', kind: 'Application' },
    },
    {
      what: 'change what a Cluster allows',
      roles: all,
      method: 'PUT',
      path: `${custom}/clusters/production`,
      body: { apiVersion: 'sluice.dev/v1alpha1', kind: 'Cluster' },
    },
    {
      what: 'make a Release',
      roles: ['api', 'controller'],
      method: 'POST',
      path: `${custom}/releases`,
      body: { apiVersion: 'sluice.dev/v1alpha1', kind: 'Release' },
    },
    {
      what: 'write a verdict',
      roles: ['api', 'controller'],
      method: 'PUT',
      path: `${custom}/pipelines/shop/status`,
      body: { apiVersion: 'sluice.dev/v1alpha1', kind: 'Pipeline' },
    },
    {
      what: 'say that a Cluster is watched',
      roles: ['api', 'worker'],
      method: 'PUT',
      path: `${custom}/clusters/staging/status`,
      body: { apiVersion: 'sluice.dev/v1alpha1', kind: 'Cluster' },
    },
    { what: 'lead', roles: ['api', 'worker'], method: 'GET', path: `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/sluice-controller` },
  ])('may not $what', async ({ roles, method, path, body }) => {
    for (const role of roles) await expect(ask(role, method, path, body), role).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('may not act as a service account of the hub, where deploy/own-cluster is not applied', async () => {
    for (const server of servers.values()) {
      const asked = server.send({
        method: 'GET',
        path: '/version',
        as: { as: 'service-account', namespace: 'kube-system', name: 'default' },
        signal: AbortSignal.timeout(10_000),
      });
      await expect(asked).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
  });

  it('keeps everybody else from writing a status, a cluster administrator with kubectl too', async () => {
    const { hub } = shop.world;
    const [pipeline] = await resources(shop, 'pipelines');
    const forged = JSON.stringify({ status: { stages: [] } });
    const patch = (...options: readonly string[]) =>
      hub.kubectl(['patch', 'pipelines.sluice.dev', 'shop', '-n', 'shop', '--subresource=status', '--type=merge', '-p', forged, ...options]);
    await expect(patch()).rejects.toThrow(/only Sluice writes status, and admin is not Sluice .*change spec instead/);
    await expect(patch('--as=system:serviceaccount:elsewhere:sluice-worker', '--as-group=system:masters')).rejects.toThrow(/only Sluice writes status/);
    expect((await resources(shop, 'pipelines'))[0]?.status?.stages).toEqual(pipeline?.status?.stages);
    await hub.kubectl(['annotate', 'pipelines.sluice.dev', 'shop', '-n', 'shop', 'example.com/note=spec-and-metadata-stay-theirs']);
  });

  it('says with which command an administrator opens a namespace to it, and goes on once that was done', async () => {
    const { hub, repository } = shop.world;
    const there = ['-n', 'newcomer'];
    await hub.kubectl(['create', 'namespace', 'newcomer']);
    await hub.kubectl([...there, 'create', 'secret', 'generic', 'git', `--from-literal=token=${shop.world.gitea.token}`]);
    const spec = { url: repository.cloneUrl, secretRef: { name: 'git' }, pollSeconds: 5 };
    const newcomer = { apiVersion: 'sluice.dev/v1alpha1', kind: 'Repository', metadata: { name: 'config', namespace: 'newcomer' }, spec };
    await hub.kubectl(['create', '--validate=strict', '-f', '-'], { input: JSON.stringify(newcomer) });
    const ready = ['get', 'repositories.sluice.dev', 'config', ...there, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")]}'];
    const command = allowCredentialsOf('newcomer');
    await vi.waitFor(async () => expect(await hub.kubectl(ready)).toContain(`kubectl ${command.join(' ')}`), { timeout: 30_000, interval: 200 });
    await hub.kubectl(command);
    await vi.waitFor(async () => expect(await hub.kubectl(ready)).toContain('"status":"True"'), { timeout: 60_000, interval: 200 });
  });

  it('goes on as one process when deploy/all-in-one is applied in its place', async () => {
    const { hub, sluice } = shop.world;
    for (const process of processes) process.signal('SIGTERM');
    for (const process of processes) expect(await process.ended).toEqual({ code: 0, signal: null });
    await sluice.stop();
    await hub.kubectl(['apply', '--server-side', '--validate=strict', '-k', join(deploy, 'all-in-one')]);
    const environment = await podEnvironment(hub, 'sluice');
    processes.push(await runSluice(shop.world, { name: 'all-in-one', port: sluice.port, environment, main: join(app, 'src/main.ts') }));
    const commit = await commitMark(shop, 'all-in-one');
    await shop.scene.clone.push();
    await untilVerified(shop, commit);
    const asked = (await askedOf(hub)).filter(({ who }) => who === 'sluice');
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter(({ code }) => code === 403 || code === 401)).toEqual([]);
  });
});
