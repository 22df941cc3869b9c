import { randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { init } from '../../src/cli/init/init.ts';
import { runCli } from '../cli/run-cli.ts';
import { realParts } from '../real-parts.ts';
import { type SluiceBeside, startSluiceBeside } from './sluice-beside.ts';

const { hub, staging, production, gitea } = realParts();
const name = `init-${randomBytes(4).toString('hex')}`;
let folder: string;
let beside: SluiceBeside;
let cloneUrl: string;
let base: readonly string[];

beforeAll(async () => {
  beside = await startSluiceBeside(name);
  ({ folder, cloneUrl } = beside);
  await writeFile(join(folder, 'token'), `${gitea.token}\n`, { mode: 0o600 });
  base = [
    ...['init', '--repository-url', cloneUrl, '--token-file', join(folder, 'token'), '--kubeconfig', hub.adminKubeconfigFile],
    ...['--destination-kubeconfig', `staging=${staging.adminKubeconfigFile}`, '--destination-kubeconfig', `production=${production.adminKubeconfigFile}`],
  ];
});

afterAll(async () => {
  await beside?.[Symbol.asyncDispose]();
  await Promise.all([hub, staging, production].map((cluster) => cluster.kubectl(['delete', 'namespace', name, '--ignore-not-found', '--wait=false'])));
});

const versions = () =>
  hub.kubectl([
    'get',
    'repositories,clusters,pipelines,applications,secrets',
    '-n',
    name,
    '-o',
    'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation}\n{end}',
  ]);

describe('sluice init', () => {
  it('prints resources with placeholders, and no secret', async () => {
    const run = await runCli(base, { env: { GIT_TOKEN: 'not-used' } });
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout.match(/: REPLACE-ME$/gm)).toHaveLength(4);
    expect(run.stdout + run.stderr).not.toContain(gitea.token);
    const strict = await hub.kubectl(['apply', '--dry-run=client', '--validate=strict', '-o', 'name', '-f', '-'], { input: run.stdout });
    expect(strict).toContain(`pipeline.sluice.dev/${name}`);
  });

  it('asks at a terminal for what was not said, and prints when the person does not want it applied', async () => {
    const printed: string[] = [];
    const questions: string[] = [];
    const answers = ['ssh://git@git.example/shop.git', cloneUrl, 'shop', '', join(folder, 'token'), '', 'staging-context', '', 'no'];
    const ended = await init(
      {
        folder,
        home: folder,
        environment: {},
        print: (text) => void printed.push(text),
        note: () => {},
        readStandardInput: async () => new Uint8Array(),
        ask: async (question) => {
          questions.push(question);
          return answers.shift() ?? '';
        },
        showsOnScreen: true,
        now: () => new Date(),
        signal: new AbortController().signal,
      },
      {
        destinationCredentials: 'service-account',
        sluiceNamespace: 'sluice-system',
        serviceAccount: 'sluice-deployer',
        clusterRole: 'edit',
        soakSeconds: 60,
        wait: true,
        timeout: 900,
      },
    );
    expect(ended).toEqual({ ok: true, value: 0 });
    expect(questions.map((question) => question.split(' ', 2).join(' '))).toEqual([
      'Clone URL',
      'Clone URL',
      'Name for',
      'Namespace of',
      'File with',
      'Stages, in',
      'Context of',
      'Context of',
      'Apply this',
    ]);
    expect(printed.join('')).toContain('# destination staging (context staging-context)');
    expect(printed.join('')).toContain('name: web-production');
    expect(printed.join('')).not.toContain(gitea.token);
  });

  it('applies everything and waits until both stages run the first commit', { timeout: 180_000 }, async () => {
    const secretFile = join(folder, 'webhook-secret');
    const run = await runCli([...base, '--apply', '--soak-seconds', '1', '--timeout', '120', '--webhook-secret-file', secretFile]);
    expect(run, run.stderr).toMatchObject({ code: 0, stdout: 'All 6 resources are ready.\n' });
    expect(run.stderr).toContain(`Application ${name}/web-production: ready`);
    expect(run.stderr).toContain(`/webhooks/${name}/${name}`);
    for (const cluster of [staging, production])
      expect(await cluster.kubectl(['get', 'deployment', 'web', '-n', name, '-o', 'jsonpath={.status.readyReplicas}'])).toBe('1');

    expect((await stat(secretFile)).mode & 0o777).toBe(0o600);
    const webhookSecret = (await readFile(secretFile, 'utf8')).trim();
    const stored = await hub.kubectl(['get', 'secret', `${name}-git`, '-n', name, '-o', 'jsonpath={.data.webhookSecret}']);
    expect(Buffer.from(stored, 'base64').toString()).toBe(webhookSecret);
    for (const secret of [gitea.token, webhookSecret]) expect(run.stdout + run.stderr).not.toContain(secret);
  });

  it('gives Sluice an account of its own on a destination, with a token that acts for the deployer and may not write by itself', async () => {
    const encoded = await hub.kubectl(['get', 'secret', 'staging-kubeconfig', '-n', name, '-o', 'jsonpath={.data.kubeconfig}']);
    const file = join(folder, 'staging.kubeconfig');
    await writeFile(file, Buffer.from(encoded, 'base64'), { mode: 0o600 });
    const canI = (...args: readonly string[]) => staging.kubectl(['--kubeconfig', file, 'auth', 'can-i', ...args, '-n', name]).catch(() => 'no');
    expect((await canI('impersonate', 'serviceaccounts')).trim()).toBe('yes');
    expect((await canI('create', 'deployments')).trim()).toBe('no');
    expect((await canI('create', 'deployments', '--as', `system:serviceaccount:${name}:sluice-deployer`)).trim()).toBe('yes');
  });

  it('changes nothing when it is run again, without the files of the first time too', async () => {
    const before = await versions();
    const again = await runCli([...base.filter((_, index) => index !== 3 && index !== 4), '--apply', '--soak-seconds', '1', '--timeout', '60'], {
      env: { GIT_TOKEN: gitea.token },
    });
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(again.stderr).not.toContain('created');
    expect(await versions()).toBe(before);
  });

  it('says what to do where the kinds are missing, where a right is, and where nothing can be read', async () => {
    const elsewhere = base.map((arg) => (arg === hub.adminKubeconfigFile ? staging.adminKubeconfigFile : arg));
    expect(await runCli([...elsewhere, '--apply'])).toMatchObject({ code: 3, stderr: expect.stringContaining('install Sluice there first') });
    const stranger = base.map((arg) => (arg === hub.adminKubeconfigFile ? hub.sluiceKubeconfigFile : arg));
    const forbidden = await runCli([...stranger, '--apply', '-n', `${name}-other`]);
    expect(forbidden).toMatchObject({ code: 3, stderr: expect.stringMatching(/Namespace .*-other: .*forbidden.*ask an administrator/) });
    const withoutToken = base.filter((_, index) => index !== 3 && index !== 4);
    expect(await runCli(withoutToken)).toMatchObject({ code: 2, stderr: expect.stringMatching(/^--token-file: is missing, or the address is wrong/m) });
  });

  it('says what to do where there is no such branch, and where a file that it would write says something else', async () => {
    expect(await runCli([...base, '--branch', 'next'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^--branch: there is no branch next: name one of .*main[\s\S]*explain NothingToDeploy/),
    });
    const out = ['--out', join(folder, 'resources')];
    const written = await runCli([...base, ...out]);
    expect(written).toMatchObject({ code: 0, stdout: expect.stringMatching(/hub-resources\.yaml$/m) });
    expect(await runCli([...base, ...out])).toMatchObject({ code: 0 });
    expect(await runCli([...base, ...out, '--soak-seconds', '7'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/hub-resources\.yaml: is there with other contents[\s\S]*explain OutputExists/),
    });
  });

  it('stops waiting when something needs a person, and says what', { timeout: 120_000 }, async () => {
    const only = base.slice(0, base.indexOf('--destination-kubeconfig') + 2);
    const run = await runCli([...only, '--apply', '-n', `${name}-broken`, '--name', 'broken', '--cluster-role', 'view', '--stages', 'staging']);
    await hub.kubectl(['delete', 'namespace', `${name}-broken`, '--wait=false']);
    expect(run, run.stderr).toMatchObject({ code: 1 });
    expect(run.stderr).toMatch(/web-staging: .*(forbidden|cannot)/i);
    expect(run.stderr).toContain('explain NotReady');
  });
});
