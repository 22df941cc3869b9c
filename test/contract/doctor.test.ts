import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { startRedis } from '../../tools/redis.ts';
import { jsonOf, runCli } from '../cli/run-cli.ts';
import { realParts } from '../real-parts.ts';
import { type SluiceBeside, startSluiceBeside } from './sluice-beside.ts';

// Each examination is a process of its own that asks everything there is.
vi.setConfig({ testTimeout: 240_000 });

const { hub, staging, production, redis, gitea, parts } = realParts();
const name = `doctor-${randomBytes(4).toString('hex')}`;
let beside: SluiceBeside;
let webhookSecretFile: string;
const secrets: string[] = [gitea.token, gitea.password, redis.password];

type Examined = { readonly code: number | null; readonly findings: readonly Finding[] };

async function examine(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Examined> {
  const environment = {
    SLUICE_REDIS_URL: redis.url,
    SLUICE_PUBLIC_URL: beside.sluice.url,
    SLUICE_KUSTOMIZE_BIN: parts.kustomize,
    SLUICE_HELM_BIN: parts.helm,
    ...env,
  };
  const run = await runCli(['doctor', '--json', '--kubeconfig', hub.adminKubeconfigFile, '-n', name, '--sluice-user', 'sluice', ...args], { env: environment });
  for (const secret of secrets) expect(run.stdout + run.stderr).not.toContain(secret);
  return { code: run.code, findings: jsonOf(run) as readonly Finding[] };
}

const found = ({ findings }: Examined, check: string, about = ''): Finding | undefined =>
  findings.find((finding) => finding.check === check && finding.about.includes(about));
const gitSecret = (values: object) => hub.kubectl(['patch', 'secret', `${name}-git`, '-n', name, '--type=merge', '-p', JSON.stringify({ stringData: values })]);

beforeAll(async () => {
  beside = await startSluiceBeside(name);
  webhookSecretFile = join(beside.folder, 'webhook-secret');
  const webhookSecret = randomBytes(20).toString('hex');
  secrets.push(webhookSecret);
  await writeFile(webhookSecretFile, webhookSecret);
  const init = await runCli(
    [
      ...[
        'init',
        '--repository-url',
        beside.cloneUrl,
        '--kubeconfig',
        hub.adminKubeconfigFile,
        '--webhook-secret-file',
        webhookSecretFile,
        '--apply',
        '--soak-seconds',
        '1',
      ],
      ...['--destination-kubeconfig', `staging=${staging.adminKubeconfigFile}`, '--destination-kubeconfig', `production=${production.adminKubeconfigFile}`],
    ],
    { env: { GIT_TOKEN: gitea.token } },
  );
  expect(init, init.stderr).toMatchObject({ code: 0 });
  await gitea.addWebhook({ repository: name, url: `${beside.sluice.url}/webhooks/${name}/${name}`, secret: webhookSecret });
});

afterAll(async () => {
  await beside?.[Symbol.asyncDispose]();
  await Promise.all([hub, staging, production].map((cluster) => cluster.kubectl(['delete', 'namespace', name, '--ignore-not-found', '--wait=false'])));
});

describe('sluice doctor', () => {
  it('finds nothing to mend in a whole installation', async () => {
    const { code, findings } = await examine(['--webhook-secret-file', webhookSecretFile]);
    expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    expect(code).toBe(0);
    expect(new Set(findings.map(({ check }) => check))).toEqual(
      new Set([
        ...['hub', 'clock', 'CRD', 'rights', 'leader', 'cluster', 'account', 'repository', 'push', 'webhook', 'webhook secret', 'webhook at host'],
        ...['conditions', 'Redis', 'Redis version', 'Redis password', 'Redis memory', 'service', 'tool'],
      ]),
    );
  });

  it('prints a table for people, and what was not said is skipped with the reason', async () => {
    const run = await runCli(['doctor', '--kubeconfig', hub.adminKubeconfigFile, '-n', name, '--sluice-user', 'sluice']);
    expect(run.code).toBe(0);
    expect(run.stdout).toMatch(/^VERDICT +CHECK +ABOUT +WHAT WAS SEEN\nok +hub /);
    expect(run.stdout).toMatch(/^skipped +Redis +Redis +its address was not said: SLUICE_REDIS_URL/m);
    expect(run.stdout).toMatch(/^skipped +service +Sluice +its address was not said: --url/m);
    expect(run.stdout).toMatch(/\d+ ok, 0 to look at, 0 to mend, \d+ skipped\n$/);
  });

  it('finds a CRD of another release, and one that is not there', async () => {
    const path = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/formerly';
    const patch = (operation: object) => hub.kubectl(['patch', 'crd', 'releases.sluice.dev', '--type=json', '-p', JSON.stringify([operation])]);
    await patch({ op: 'add', path, value: { type: 'string' } });
    try {
      const examined = await examine();
      expect(found(examined, 'CRD', 'releases')).toMatchObject({
        verdict: 'fail',
        says: expect.stringContaining('another release'),
        mend: expect.stringContaining('deploy/crds'),
      });
      expect(examined.code).toBe(1);
    } finally {
      await patch({ op: 'remove', path });
    }
    const elsewhere = await examine(['--kubeconfig', staging.adminKubeconfigFile]);
    expect(found(elsewhere, 'CRD', 'pipelines')).toMatchObject({ verdict: 'fail', says: 'is not there' });
    expect(found(elsewhere, 'leader')).toMatchObject({ verdict: 'fail', says: expect.stringContaining('no controller has ever led') });
  });

  it('finds a missing right of Sluice at the hub, on a destination, and of the account that Applications act as', async () => {
    expect(found(await examine(['--sluice-user', 'nobody']), 'rights', 'hub')).toMatchObject({
      verdict: 'fail',
      says: expect.stringMatching(/nobody may not .*create secrets in namespace sluice-system/),
    });

    const bound = await staging.kubectl(['get', 'clusterrolebinding', 'sluice-destination-sync', '-o', 'json']);
    const role = await production.kubectl(['get', 'rolebinding', 'sluice-deployer', '-n', name, '-o', 'json']);
    await staging.kubectl(['delete', 'clusterrolebinding', 'sluice-destination-sync']);
    await production.kubectl(['delete', 'rolebinding', 'sluice-deployer', '-n', name]);
    try {
      const examined = await examine();
      expect(found(examined, 'rights', 'staging')).toMatchObject({ verdict: 'fail', says: expect.stringMatching(/may not .*impersonate serviceaccounts/) });
      expect(found(examined, 'account', 'production')).toMatchObject({
        verdict: 'fail',
        says: expect.stringContaining('may not get, create, patch, delete deployments.apps'),
      });
    } finally {
      const again = (text: string): { input: string } => {
        const { metadata, ...rest } = JSON.parse(text);
        return { input: JSON.stringify({ ...rest, metadata: { name: metadata.name, namespace: metadata.namespace } }) };
      };
      await staging.kubectl(['create', '-f', '-'], again(bound));
      await production.kubectl(['create', '-f', '-'], again(role));
    }
  });

  it('finds what is wrong with a Redis: its policy, no password, a wrong one, and none where one is asked', async () => {
    await using own = await startRedis({ parts, dir: join(beside.folder, 'redis') });
    secrets.push(own.password);
    await own.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const examined = await examine([], { SLUICE_REDIS_URL: own.url });
    expect(found(examined, 'Redis memory')).toMatchObject({ verdict: 'fail', says: expect.stringContaining('allkeys-lru') });
    expect(found(examined, 'Redis password')).toMatchObject({ verdict: 'ok', says: 'lets nobody in without a password' });

    const at = `127.0.0.1:${own.port}`;
    expect(found(await examine([], { SLUICE_REDIS_URL: `redis://:wrong-one@${at}` }), 'Redis')).toMatchObject({
      verdict: 'fail',
      says: 'refuses the password',
    });
    expect(found(await examine(['--redis', `redis://${at}`]), 'Redis')).toMatchObject({
      verdict: 'fail',
      says: expect.stringContaining('asks for a password'),
    });
    await own.cli('CONFIG', 'SET', 'requirepass', '');
    expect(found(await examine(['--redis', `redis://${at}`]), 'Redis password')).toMatchObject({
      verdict: 'ok',
      says: expect.stringContaining('only from this machine'),
    });
    await own.stop();
    expect(found(await examine([], { SLUICE_REDIS_URL: own.url }), 'Redis')).toMatchObject({ verdict: 'fail', says: 'cannot be reached (ECONNREFUSED)' });
    expect(await runCli(['doctor', '--redis', own.url])).toMatchObject({ code: 2, stderr: expect.stringContaining('SLUICE_REDIS_URL') });
  });

  it('finds credentials that are refused, and a token that may read and not push', async () => {
    const authorization = `Basic ${Buffer.from(`${gitea.user}:${gitea.password}`).toString('base64')}`;
    const made = await fetch(`${gitea.url}/api/v1/users/${gitea.user}/tokens`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ name, scopes: ['read:repository'] }),
    });
    const { sha1 } = (await made.json()) as { readonly sha1: string };
    secrets.push(sha1, 'no-such-token');
    try {
      await gitSecret({ token: sha1 });
      const readOnly = await examine();
      expect(found(readOnly, 'repository')).toMatchObject({ verdict: 'ok' });
      expect(found(readOnly, 'push')).toMatchObject({ verdict: 'fail', mend: expect.stringContaining('write access') });
      await gitSecret({ token: 'no-such-token' });
      expect(found(await examine(), 'repository')).toMatchObject({ verdict: 'fail', says: expect.stringContaining('refuses the credentials (401)') });
    } finally {
      await gitSecret({ token: gitea.token });
    }

    const kubeconfig = (await hub.kubectl(['get', 'secret', 'staging-kubeconfig', '-n', name, '-o', 'jsonpath={.data.kubeconfig}'])).trim();
    const put = (data: string) =>
      hub.kubectl(['patch', 'secret', 'staging-kubeconfig', '-n', name, '--type=merge', '-p', JSON.stringify({ data: { kubeconfig: data } })]);
    const changed = (user: object) => {
      const config = JSON.parse(Buffer.from(kubeconfig, 'base64').toString());
      return Buffer.from(JSON.stringify({ ...config, users: [{ name: 'sluice', user }] })).toString('base64');
    };
    try {
      const expired = `x.${Buffer.from(JSON.stringify({ exp: 1_700_000_000 })).toString('base64url')}.y`;
      secrets.push(expired);
      await put(changed({ token: expired }));
      const examined = await examine();
      expect(found(examined, 'cluster', 'staging')).toMatchObject({ verdict: 'fail', says: expect.stringContaining('refuses the credentials') });
      expect(found(examined, 'credentials', 'staging')).toMatchObject({ verdict: 'fail', says: 'its token expired at 2023-11-14T22:13:20.000Z' });
      await put(changed({ exec: { command: 'aws' } }));
      expect(found(await examine(), 'cluster', 'staging')).toMatchObject({
        verdict: 'fail',
        says: expect.stringMatching(/kubeconfig is refused: .*exec.*is not allowed here/),
      });
    } finally {
      await put(kubeconfig);
    }
  });

  it('finds a webhook secret that the Git host has otherwise, a service that is not there, and a resource that is stalled', async () => {
    const wrong = join(beside.folder, 'wrong-secret');
    await writeFile(wrong, 'another-secret-than-that');
    secrets.push('another-secret-than-that');
    expect(found(await examine(['--webhook-secret-file', wrong]), 'webhook secret')).toMatchObject({
      verdict: 'fail',
      says: expect.stringContaining('refused (401)'),
    });

    const nowhere = await examine(['--url', 'http://127.0.0.1:1']);
    expect(found(nowhere, 'service')).toMatchObject({ verdict: 'fail', says: '/readyz does not answer (ECONNREFUSED)' });
    expect(found(nowhere, 'webhook')).toMatchObject({ verdict: 'fail', says: 'a call does not arrive (ECONNREFUSED)' });

    await hub.kubectl(['patch', 'pipeline.sluice.dev', name, '-n', name, '--type=merge', '-p', JSON.stringify({ spec: { branch: 'gone' } })]);
    await hub.kubectl(['wait', '--for=condition=Stalled', '--timeout=60s', 'pipeline.sluice.dev', name, '-n', name]);
    const examined = await examine();
    expect(found(examined, 'conditions', `Pipeline ${name}/${name}`)).toMatchObject({ verdict: 'fail', says: expect.stringContaining('gone') });
    expect(found(examined, 'repository')).toMatchObject({ verdict: 'fail', says: 'can be read, and has no gone' });
  });
});
