import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { syncRequestedAnnotation } from '../../src/sync/sync-request.ts';
import { application, commitOf, pipeline, release } from '../builders.ts';
import { jsonOf, openFolder, runCli } from '../cli/run-cli.ts';
import { realParts } from '../real-parts.ts';
import { applyCrds } from './crds.ts';

const { hub, staging } = realParts();
const namespace = `cli-${randomBytes(4).toString('hex')}`;
const atHub = ['--kubeconfig', hub.adminKubeconfigFile, '-n', namespace];
const declared = ({
  apiVersion,
  kind,
  metadata: { name, labels, annotations },
  spec,
}: ReturnType<typeof application> | ReturnType<typeof pipeline> | ReturnType<typeof release>) =>
  JSON.stringify({ apiVersion, kind, metadata: { name, namespace, labels, annotations }, spec });
const web = application({ name: 'web', namespace, spec: { sync: { automated: false }, destination: { namespace } } });
const setStatus = (kind: string, name: string, status: object) =>
  hub.kubectl(['patch', `${kind}.sluice.dev`, name, '-n', namespace, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })]);
const since = '2026-01-01T00:00:00Z';

beforeAll(async () => {
  await applyCrds(hub);
  for (const cluster of [hub, staging]) await cluster.kubectl(['create', 'namespace', namespace]);
  await hub.kubectl(['create', '-f', '-'], { input: [web, pipeline({ namespace }), release({ namespace })].map(declared).join('\n---\n') });
});

afterAll(() => Promise.all([hub, staging].map((cluster) => cluster.kubectl(['delete', 'namespace', namespace, '--wait=false']))));

describe('sluice get', () => {
  it('prints a table of Applications with sync, health and revision', async () => {
    await setStatus('applications', 'web', {
      conditions: [{ type: 'Ready', status: 'True', reason: 'Synced', message: 'synced and healthy', lastTransitionTime: since }],
      revision: commitOf(1),
      sync: { state: 'Synced', message: '' },
      health: { health: 'Healthy', message: '', since },
    });
    const run = await runCli(['get', 'applications', ...atHub]);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toMatch(new RegExp(`^${namespace} +web +Synced +Healthy +11111111 +\\w+ +synced and healthy$`, 'm'));
  });

  it('prints each stage of a Pipeline with its Release and verdict', async () => {
    const { name } = pipeline().metadata;
    await setStatus('pipelines', name, {
      stages: [
        {
          name: 'staging',
          admitted: {
            release: 'shop-1',
            revision: commitOf(1),
            sequence: 1,
            ordinal: 1,
            admittedAt: since,
            verdict: 'verified',
            reason: 'healthy',
            deadlineAt: since,
          },
        },
      ],
    });
    const { stdout } = await runCli(['get', 'pipeline', name, ...atHub]);
    expect(stdout).toMatch(new RegExp(`^${namespace} +${name} +staging +shop-1 +11111111 +verified +\\w+ +healthy$`, 'm'));
    expect(stdout).toMatch(/ production +nothing admitted yet$/m);
  });

  it('prints all kinds, and JSON', async () => {
    expect((await runCli(['get', ...atHub])).stdout).toMatch(/^Pipelines\n[\s\S]*^Applications\n[\s\S]*^Releases\n/m);
    expect(jsonOf(await runCli(['get', 'app', 'web', '-o', 'json', ...atHub]))).toMatchObject([{ kind: 'Application', metadata: { name: 'web', namespace } }]);
  });

  it('says that one does not exist, and that a cluster is no hub', async () => {
    expect(await runCli(['get', 'app', 'none', ...atHub])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`Application ${namespace}/none: does not exist`),
    });
    const elsewhere = await runCli(['get', 'apps', '--kubeconfig', staging.adminKubeconfigFile]);
    expect(elsewhere).toMatchObject({ code: 3, stderr: expect.stringContaining('this cluster has no applications.sluice.dev') });
  });
});

describe('sluice sync', () => {
  const asked = async () =>
    (
      await hub.kubectl([
        'get',
        'applications.sluice.dev',
        'web',
        '-n',
        namespace,
        '-o',
        `jsonpath={.metadata.annotations.${syncRequestedAnnotation.replaceAll('.', '\\.')}}`,
      ])
    ).trim();

  it.each([
    { health: 'Healthy', code: 0 },
    { health: 'Degraded', code: 1 },
  ])('asks, and follows until the Application is $health', async ({ health, code }) => {
    const before = await asked();
    const running = runCli(['sync', 'web', '--wait', '--timeout', '60', ...atHub]);
    const text = await vi.waitFor(
      async () => {
        const now = await asked();
        expect(now).not.toBe(before);
        return now;
      },
      { timeout: 30_000, interval: 200 },
    );
    expect(text).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    await setStatus('applications', 'web', {
      syncRequested: text,
      phase: 'done',
      sync: { state: 'Synced', message: '' },
      health: { health, message: 'why', since },
    });
    expect(await running).toMatchObject({ code, stdout: `Application ${namespace}/web: sync requested at ${text}\n`, stderr: expect.stringContaining(health) });
  });
});

describe('sluice diff', () => {
  const secret = (value: string) => `apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { password: ${value} }\n`;
  const configMap = (value: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata: { a: ${value} }\n`;
  const args = ['diff', '-f', 'application.json', '--path', 'app', '--kubeconfig', staging.adminKubeconfigFile];

  it('is as kubectl diff: 1 and a unified diff, 0 and nothing, more on an error; values of Secrets are masked; nothing is stored', async () => {
    await using folder = await openFolder({ 'application.json': declared(web), 'app/c.yaml': configMap('"1"'), 'app/s.yaml': secret('first-secret') });
    const first = await runCli(args, { cwd: folder.path });
    expect(first).toMatchObject({ code: 1, stderr: '' });
    expect(first.stdout).toContain(`--- /dev/null\n+++ wanted/ConfigMap ${namespace}/c\n`);
    expect(first.stdout).toContain('password: ++++++++');
    expect(await staging.kubectl(['get', 'configmap', 'c', '-n', namespace, '--ignore-not-found'])).toBe('');

    await staging.kubectl(['apply', '-n', namespace, '-f', '-'], { input: `${configMap('"1"')}---\n${secret('first-secret')}` });
    expect(await runCli(args, { cwd: folder.path })).toMatchObject({ code: 0, stdout: '', stderr: '' });

    await using changed = await openFolder({ 'application.json': declared(web), 'app/c.yaml': configMap('"2"'), 'app/s.yaml': secret('other-secret') });
    const second = await runCli(args, { cwd: changed.path });
    expect(second.code).toBe(1);
    expect(second.stdout).toContain('-  a: "1"\n+  a: "2"\n');
    expect(second.stdout).toContain('-  password: ++++++++\n+  password: ++++++++ (changed)\n');
    for (const value of ['first-secret', 'other-secret'].flatMap((text) => [text, Buffer.from(text).toString('base64')]))
      expect(second.stdout).not.toContain(value);

    await using broken = await openFolder({ 'application.json': declared(web), 'app/c.yaml': configMap('[not, text]') });
    const third = await runCli(args, { cwd: broken.path });
    expect(third.code).toBeGreaterThan(1);
    expect(third.stderr).toMatch(/app\/c\.yaml:\d+ \(ConfigMap .*\/c\): /);
  });

  it('does not take the hub for a destination that it is not', async () => {
    await hub.kubectl(['create', '-f', '-'], {
      input: JSON.stringify({
        apiVersion: 'sluice.dev/v1alpha1',
        kind: 'Cluster',
        metadata: { name: 'staging', namespace },
        spec: { connection: { type: 'kubeconfig', kubeconfig: { secretRef: { name: 'staging' } } } },
      }),
    });
    await using folder = await openFolder({ 'app/c.yaml': configMap('"1"') });
    const run = await runCli(['diff', 'web', '--path', 'app', ...atHub], { cwd: folder.path });
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining('name your own context for it with --destination-context') });
    const named = await runCli(['diff', 'web', '--path', 'app', ...atHub, '--destination-kubeconfig', staging.adminKubeconfigFile], { cwd: folder.path });
    expect(named.code).toBeLessThan(2);
  });
});
