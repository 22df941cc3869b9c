import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type ControlPlane, startControlPlane } from '../../tools/control-plane.ts';
import { type Child, startChild, waitUntilReady, withFreePorts } from '../../tools/process.ts';
import { askRedis } from '../../tools/redis.ts';
import { openRunFolder, type RunFolder } from '../../tools/run-folder.ts';
import { run } from '../../tools/run-program.ts';
import { realParts } from '../real-parts.ts';

const { parts } = realParts();
const deploy = join(import.meta.dirname, '../../deploy');
const namespace = 'sluice-system';

type Named = { readonly kind: string; readonly metadata: { readonly name: string; readonly namespace?: string } };
type Binding = Named & {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[];
};

let folder: RunFolder;
let cluster: ControlPlane;

beforeAll(async () => {
  folder = await openRunFolder();
  cluster = await startControlPlane({ parts, dir: join(folder.path, 'cluster'), name: 'strangers', roles: [] });
});
afterAll(async () => {
  await cluster?.stop();
  await folder?.remove();
});

const built = async (variant: string): Promise<readonly Named[]> =>
  parseAllDocuments(await run(parts.kustomize, ['build', join(deploy, variant)])).map((document) => document.toJS() as Named);

/** Unknown fields are refused, and whatever the API server warns of is a failure, what breaks the restricted Pod Security standard among it. */
const apply = (variant: string) =>
  cluster.kubectl(['apply', '--server-side', '--validate=strict', '--warnings-as-errors', '-k', join(deploy, variant)]).then(() => {});

const read = async <T>(...what: readonly string[]): Promise<T> => JSON.parse(await cluster.kubectl(['get', '-o', 'json', ...what])) as T;

describe.each([
  { variant: 'all-in-one', deployments: ['sluice'], budgets: ['sluice'] },
  { variant: 'separate', deployments: ['sluice-api', 'sluice-controller', 'sluice-worker'], budgets: ['sluice-api', 'sluice-controller', 'sluice-worker'] },
])('deploy/$variant on a real API server', ({ variant, deployments, budgets }) => {
  beforeAll(() => apply(variant));
  it('is taken without a warning, and a second time', () => apply(variant));

  it('makes pods that the restricted Pod Security standard lets in, and that become ready', { timeout: 60_000 }, async () => {
    for (const name of deployments) await cluster.kubectl(['rollout', 'status', `deployment/${name}`, '-n', namespace, '--timeout=50s']);
    await cluster.kubectl(['wait', '--for=create', 'pod/sluice-redis-0', '-n', namespace, '--timeout=30s']);
    await expect(cluster.kubectl(['run', 'anything', '-n', namespace, '--image=any'])).rejects.toThrow(/violates PodSecurity "restricted:latest"/);
  });

  it('has Services and disruption budgets that find the pods', async () => {
    await vi.waitFor(
      async () => {
        for (const service of ['sluice', 'sluice-metrics']) {
          const { items } = await read<{ items: { endpoints: unknown[] | null; ports: { port: number }[] | null }[] }>(
            'endpointslices',
            '-n',
            namespace,
            '-l',
            `kubernetes.io/service-name=${service}`,
          );
          expect(
            items.flatMap(({ ports }) => (ports ?? []).map(({ port }) => port)),
            service,
          ).toEqual([8080]);
          expect(items.flatMap(({ endpoints }) => endpoints ?? []).length, service).toBeGreaterThan(0);
        }
        for (const budget of budgets) {
          const { status } = await read<{ status: { expectedPods: number } }>('poddisruptionbudget', budget, '-n', namespace);
          expect(status.expectedPods, budget).toBeGreaterThan(0);
        }
      },
      { timeout: 30_000, interval: 200 },
    );
  });

  it('names only roles, service accounts and Secrets that are there, or that the reader is told to make', async () => {
    const objects = await built(variant);
    const has = (kind: string, name: string, inside?: string) =>
      objects.some((object) => object.kind === kind && object.metadata.name === name && object.metadata.namespace === inside);
    const bindings = objects.filter((object): object is Binding => object.kind.endsWith('Binding') && 'roleRef' in object);
    expect(bindings.length).toBeGreaterThan(0);
    for (const { metadata, roleRef, subjects } of bindings) {
      expect(has(roleRef.kind, roleRef.name, roleRef.kind === 'Role' ? metadata.namespace : undefined), `role of ${metadata.name}`).toBe(true);
      for (const { name, namespace: inside } of subjects) expect(has('ServiceAccount', name, inside), `subject of ${metadata.name}`).toBe(true);
    }
    const secrets = [...JSON.stringify(objects).matchAll(/"secretKeyRef":\{([^}]*)\}/g)].map(([, reference]) => JSON.parse(`{${reference}}`));
    expect(new Set(secrets.map(({ name, key }) => `${name} ${key}`))).toEqual(new Set(['sluice-redis password', 'sluice-redis url']));
    // With a default the service would run with a password that everybody knows.
    expect(objects.some(({ kind, metadata }) => kind === 'Secret' && metadata.name === 'sluice-redis')).toBe(false);
    expect(JSON.stringify(objects)).not.toContain('"optional"');
  });

  it('writes its policy in expressions that the API server finds no fault with', async () => {
    await vi.waitFor(
      async () => {
        const { status, metadata } = await read<{ status?: { observedGeneration?: number; typeChecking?: object }; metadata: { generation: number } }>(
          'validatingadmissionpolicy',
          'sluice-status',
        );
        expect(status?.observedGeneration).toBe(metadata.generation);
        expect(status?.typeChecking ?? {}).toEqual({});
      },
      { timeout: 30_000, interval: 200 },
    );
  });
});

describe('docs/install.md', () => {
  const blocks = async (): Promise<readonly string[]> => {
    const page = await readFile(join(deploy, '../docs/install.md'), 'utf8');
    return [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
  };
  const isOverlay = (text: string): boolean => text.includes('kind: Kustomization');
  const isPatch = (text: string): boolean => text.startsWith('patches:');

  it('has an overlay that gives the image and the settings of its own', async () => {
    const all = await blocks();
    await symlink(join(deploy, '..'), join(folder.path, 'sluice'));
    const mine = await folder.folder('my-sluice');
    await writeFile(join(mine, 'kustomization.yaml'), all.filter((text) => isOverlay(text) || isPatch(text)).join(''));
    const text = await run(parts.kustomize, ['build', mine]);
    expect(text).toContain('image: registry.example.com/sluice:0.1.0');
    expect(text).not.toContain('image: sluice:');
    expect(text).toContain('SLUICE_PUBLIC_URL: https://sluice.example.com');
    expect(text).toContain('SLUICE_LISTEN_HOST: 0.0.0.0');
    expect(text).toContain('name: sluice-own-cluster-sync');
    expect(text).not.toContain('kind: StatefulSet');
    await cluster.kubectl(['apply', '--server-side', '--force-conflicts', '--validate=strict', '--warnings-as-errors', '-f', '-'], { input: text });
  });

  it('has examples that the API server takes as they stand', async () => {
    const examples = (await blocks()).filter((text) => !isOverlay(text) && !isPatch(text));
    expect(examples.length).toBeGreaterThanOrEqual(3);
    await cluster.kubectl(['create', 'namespace', 'shop']);
    await cluster.kubectl(['apply', '--server-side', '--validate=strict', '--warnings-as-errors', '-f', '-'], { input: examples.join('---\n') });
  });
});

describe('the rights of people', () => {
  const can = async (role: string, verb: string, what: string): Promise<boolean> => {
    const [resource = '', subresource = ''] = what.split('/');
    const question = ['auth', 'can-i', verb, resource, `--subresource=${subresource}`, '-n', 'shop', '--as', `${role}-person`];
    const answer = await cluster.kubectl(question).catch((error: Error) => error.message);
    return answer.trim() === 'yes';
  };

  it('follow from the roles view and edit of Kubernetes, and never reach Clusters, Releases or a status', async () => {
    for (const role of ['view', 'edit'])
      await cluster.kubectl(['create', 'clusterrolebinding', `${role}-person`, `--clusterrole=${role}`, `--user=${role}-person`]);
    // Another controller copies the rights into view and edit.
    await vi.waitFor(async () => expect(await can('edit', 'create', 'applications.sluice.dev')).toBe(true), { timeout: 30_000, interval: 200 });
    const table: readonly (readonly [role: string, verb: string, resource: string, allowed: boolean])[] = [
      ['view', 'get', 'releases.sluice.dev', true],
      ['view', 'watch', 'clusters.sluice.dev', true],
      ['view', 'create', 'applications.sluice.dev', false],
      ['view', 'get', 'secrets', false],
      ['edit', 'patch', 'pipelines.sluice.dev', true],
      ['edit', 'delete', 'repositories.sluice.dev', true],
      ['edit', 'create', 'clusters.sluice.dev', false],
      ['edit', 'patch', 'clusters.sluice.dev', false],
      ['edit', 'create', 'releases.sluice.dev', false],
      ['edit', 'patch', 'applications.sluice.dev', true],
      ['edit', 'patch', 'applications.sluice.dev/status', false],
    ];
    for (const [role, verb, resource, allowed] of table) expect(await can(role, verb, resource), `${role}: ${verb} ${resource}`).toBe(allowed);
  });
});

it('is gone again after the command that docs/install.md has for it', async () => {
  for (const variant of ['separate', 'own-cluster']) await cluster.kubectl(['delete', '-k', join(deploy, variant), '--timeout=80s']);
  const kinds = 'namespaces,customresourcedefinitions,validatingadmissionpolicies,validatingadmissionpolicybindings,clusterroles,clusterrolebindings';
  expect((await cluster.kubectl(['get', kinds, '-o', 'name'])).split('\n').filter((name) => name.includes('sluice'))).toEqual([]);
});

it('deploy/destination and deploy/own-cluster are taken without a warning, and Kubernetes makes the token', async () => {
  await apply('destination');
  await apply('own-cluster');
  await vi.waitFor(
    async () => {
      const secret = await read<{ data?: Readonly<Record<string, string>> }>('secret', 'sluice-token', '-n', 'sluice-destination');
      expect(Object.keys(secret.data ?? {})).toEqual(expect.arrayContaining(['token']));
    },
    { timeout: 30_000, interval: 200 },
  );
});

describe('the Redis of the install', () => {
  type Container = { readonly command: readonly [string, ...string[]] };

  /** The container's own command, with the paths and the port of this run. */
  async function start(dir: string, port: number, environment: Readonly<Record<string, string>>): Promise<Child> {
    const objects = (await built('all-in-one')) as readonly (Named & { spec: { template: { spec: { containers: readonly [Container] } } } })[];
    const set = objects.find(({ kind }) => kind === 'StatefulSet');
    const [shell, ...args] = set?.spec.template.spec.containers[0].command ?? ['false'];
    const settings = join(dir, 'redis.conf');
    const text = await readFile(join(deploy, 'base/redis.conf'), 'utf8');
    await writeFile(settings, `${text.replace('dir /data', `dir ${dir}`)}\nbind 127.0.0.1\nport ${port}\n`);
    return startChild({
      name: 'Redis',
      command: shell,
      args: args.map((arg) => arg.replace('/etc/redis/redis.conf', settings).replace('redis-server', parts.redisServer.command)),
      logFile: join(dir, 'log'),
      env: { ...parts.redisServer.env, ...environment },
    });
  }

  it('asks for the password of the Secret, shows it to no process list, and keeps what it holds when it is started again', async () => {
    const dir = await folder.folder('redis');
    const password = 'a1b2c3';
    const up = (port: number) => async () => (await askRedis({ port, password }, ['PING'])) === 'PONG';
    const { child, port } = await withFreePorts(1, async ([free = 0]) => {
      const started = await start(dir, free, { REDIS_PASSWORD: password });
      await waitUntilReady(started, up(free));
      return { child: started, port: free };
    });
    await expect(askRedis({ port, password: 'guessed' }, ['PING'])).rejects.toThrow(/WRONGPASS/);
    await askRedis({ port, password }, ['SET', 'kept', 'yes']);
    expect(await readFile(`/proc/${child.pid}/cmdline`, 'utf8')).not.toContain(password);
    // The shell has become Redis: it hears the signal itself.
    await child.stop(10_000);
    expect(await child.ended).toEqual({ code: 0, signal: null });

    const again = await start(dir, port, { REDIS_PASSWORD: password });
    await waitUntilReady(again, up(port));
    expect(await askRedis({ port, password }, ['GET', 'kept'])).toBe('yes');
    await again.stop(10_000);
  });

  it('does not start with an empty password', async () => {
    const dir = await folder.folder('redis-open');
    const child = await start(dir, 1, { REDIS_PASSWORD: '' });
    expect((await child.ended).code).not.toBe(0);
    expect(await readFile(join(dir, 'log'), 'utf8')).toContain('REDIS_PASSWORD: is empty');
  });
});
