import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ApiServer, openApiServer } from '../../src/adapters/api-server.ts';
import { openClusters } from '../../src/adapters/clusters.ts';
import { destinationWatches } from '../../src/adapters/destination-watches.ts';
import { openHub } from '../../src/adapters/hub.ts';
import { parseConfig } from '../../src/config.ts';
import { sameReference } from '../../src/model/reference.ts';
import { openController } from '../../src/workers/controller.ts';
import { startControlPlane } from '../../tools/control-plane.ts';
import { realParts } from '../real-parts.ts';
import { applyCrds } from './crds.ts';

const { hub: real, staging, parts } = realParts();
const namespace = `credentials-${randomBytes(4).toString('hex')}`;
const folder = mkdtempSync(join(tmpdir(), 'sluice-credentials-'));
const { signal } = new AbortController();
const serviceAccount = `system:serviceaccount:${namespace}:deployer`;

/** The kubeconfig of staging with another user. */
const withUser = (user: object, url = staging.url): string => {
  const [, ca] = /certificate-authority-data: (\S+)/.exec(staging.adminKubeconfig) ?? [];
  return kubeconfigOf({ server: url, 'certificate-authority-data': ca }, user);
};
const kubeconfigOf = (cluster: object, user: object): string =>
  JSON.stringify({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
  });

const open = (kubeconfig: string, trusted = true) => openApiServer(kubeconfig, { port: 'destination', name: 'Cluster shop/staging', trusted });
const whoAmI = async (server: ApiServer): Promise<unknown> => {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const answer = await server.send({ method: 'POST', path: '/apis/authentication.k8s.io/v1/selfsubjectreviews', body, signal });
  return (answer.body as { status: { userInfo: { username: string } } }).status.userInfo.username;
};
const failed = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.unreachable('it did not fail'),
    (error: unknown) => error,
  );

/**
 * An exec plugin that runs `body`, JavaScript that answers the status of an ExecCredential or prints by itself. It knows `run`, counted from 1, and
 * `grant()`: a TokenRequest token of ten minutes, the shortest that there is.
 */
function plugin(name: string, body: string): { readonly exec: object; readonly runs: () => number } {
  const script = join(folder, `${name}.mjs`);
  const log = join(folder, `${name}.runs`);
  writeFileSync(log, '');
  const ask = ['--kubeconfig', staging.adminKubeconfigFile, '-n', namespace, 'create', 'token', 'deployer', '--duration=10m', '-o', 'json'];
  writeFileSync(
    script,
    `import { execFileSync } from 'node:child_process';
     import { appendFileSync, readFileSync } from 'node:fs';
     appendFileSync(${JSON.stringify(log)}, 'run\\n');
     const run = readFileSync(${JSON.stringify(log)}, 'utf8').split('\\n').length - 1;
     const grant = () => JSON.parse(execFileSync(${JSON.stringify(parts.kubectl)}, ${JSON.stringify(ask)}, { encoding: 'utf8' })).status;
     const give = () => { ${body} };
     const status = give();
     if (status) console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status }));`,
  );
  return {
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: [script], interactiveMode: 'Never' },
    runs: () => readFileSync(log, 'utf8').split('\n').length - 1,
  };
}

beforeAll(async () => {
  await staging.kubectl(['create', 'namespace', namespace]);
  await staging.kubectl(['-n', namespace, 'create', 'serviceaccount', 'deployer']);
  await staging.kubectl(['create', 'clusterrolebinding', namespace, '--clusterrole=cluster-admin', `--serviceaccount=${namespace}:deployer`]);
});
afterEach(() => void vi.useRealTimers());
afterAll(async () => {
  await staging.kubectl(['delete', 'clusterrolebinding', namespace]);
  await staging.kubectl(['delete', 'namespace', namespace, '--wait=false']);
  rmSync(folder, { recursive: true, force: true });
});

describe('a kubeconfig', () => {
  it('with the token of a service account may come from a tenant', async () => {
    const token = (await staging.kubectl(['-n', namespace, 'create', 'token', 'deployer'])).trim();
    await using server = open(withUser({ token }), false);
    expect(await whoAmI(server)).toBe(serviceAccount);
  });

  it('with a client certificate may come from a tenant, and one of another authority is not let in', async () => {
    const ours = await openAuthority('ours');
    const others = await openAuthority('others');
    await using controlPlane = await startControlPlane({ parts, dir: join(folder, 'certificates'), name: 'certificates', roles: [], clientCaFile: ours.file });
    const [, ca] = /certificate-authority-data: (\S+)/.exec(controlPlane.kubeconfig('admin')) ?? [];
    const kubeconfigFor = async (authority: Authority) =>
      kubeconfigOf({ server: controlPlane.url, 'certificate-authority-data': ca }, await authority.certificateOf('deploy-robot'));

    await using server = open(await kubeconfigFor(ours), false);
    expect(await whoAmI(server)).toBe('deploy-robot');
    await using stranger = open(await kubeconfigFor(others), false);
    expect(await failed(whoAmI(stranger))).toMatchObject({ code: 'UNAUTHORIZED', message: expect.stringContaining('it refuses the credentials') as string });
  });
});

describe('an exec plugin', () => {
  it('runs once for fifty requests at once', async () => {
    const { exec, runs } = plugin('once', 'return grant();');
    await using server = open(withUser({ exec }));
    expect(new Set(await Promise.all(Array.from({ length: 50 }, () => whoAmI(server))))).toEqual(new Set([serviceAccount]));
    expect(runs()).toBe(1);
  });

  it('runs again before its token of ten minutes expires, once for all that ask then', async () => {
    const { exec, runs } = plugin('renewed', 'return grant();');
    await using server = open(withUser({ exec }));
    vi.useFakeTimers({ toFake: ['Date'] });
    const beganMs = Date.now();
    await whoAmI(server);

    vi.setSystemTime(beganMs + 8 * 60_000);
    await whoAmI(server);
    expect(runs()).toBe(1);
    vi.setSystemTime(beganMs + 9 * 60_000 + 30_000);
    await Promise.all(Array.from({ length: 50 }, () => whoAmI(server)));
    expect(runs()).toBe(2);
  });

  it('runs again and again while it hands out tokens of a few seconds, and no request is refused', async () => {
    const { exec, runs } = plugin('seconds', 'return { ...grant(), expirationTimestamp: new Date(Date.now() + 2000).toISOString() };');
    await using server = open(withUser({ exec }));
    await vi.waitFor(
      async () => {
        expect(await whoAmI(server)).toBe(serviceAccount);
        expect(runs()).toBeGreaterThan(2);
      },
      { timeout: 60_000, interval: 100 },
    );
  });

  it('that fails when it is to renew leaves the token that still counts in use', async () => {
    const { exec, runs } = plugin(
      'fails-later',
      'if (run > 1) process.exit(1); return { ...grant(), expirationTimestamp: new Date(Date.now() + 600_000).toISOString() };',
    );
    await using server = open(withUser({ exec }));
    vi.useFakeTimers({ toFake: ['Date'] });
    const beganMs = Date.now();
    await whoAmI(server);
    vi.setSystemTime(beganMs + 9 * 60_000 + 30_000);
    expect(await whoAmI(server)).toBe(serviceAccount);
    expect(runs()).toBe(2);
    vi.setSystemTime(beganMs + 20 * 60_000);
    expect(await failed(whoAmI(server))).toMatchObject({ code: 'UNAUTHORIZED', message: expect.stringContaining('exit code 1') as string });
  });

  it('that handed out a wrong token is asked once more after the refusal', async () => {
    const { exec, runs } = plugin('wrong-first', "return run === 1 ? { token: 'hunter2' } : grant();");
    await using server = open(withUser({ exec }));
    expect(new Set(await Promise.all(Array.from({ length: 20 }, () => whoAmI(server))))).toEqual(new Set([serviceAccount]));
    expect(runs()).toBe(2);
  });

  it.each([
    { what: 'hands out wrong tokens for ever', body: "return { token: 'hunter2-' + run };", runsNeeded: 2, says: 'it refuses the credentials' },
    { what: 'fails', body: "console.error('hunter2'); process.exit(3);", runsNeeded: 1, says: 'failed with exit code 3; run it by hand' },
    { what: 'prints garbage', body: "console.log('hunter2 {');", runsNeeded: 1, says: 'printed no ExecCredential: JSON with status.token' },
    {
      what: 'prints something else',
      body: "console.log(JSON.stringify({ token: 'hunter2' }));",
      runsNeeded: 1,
      says: 'printed no ExecCredential: JSON with status.token',
    },
    { what: 'gives a token of two lines', body: "return { token: 'hunter2\\nX-Evil: 1' };", runsNeeded: 1, says: 'characters that no token has' },
  ])('that $what is named in an error without its output', async ({ what, body, runsNeeded, says }) => {
    const { exec, runs } = plugin(what.replaceAll(' ', '-'), body);
    await using server = open(withUser({ exec }));
    const error = await failed(whoAmI(server));
    expect(error).toMatchObject({ port: 'destination', code: 'UNAUTHORIZED', retryable: false, message: expect.stringContaining(says) as string });
    expect(String(error)).toMatch(/Cluster shop\/staging: /);
    expect(JSON.stringify([String(error), String((error as Error).cause)])).not.toContain('hunter2');
    expect(runs()).toBe(runsNeeded);
  });

  it('that is not installed is named, with what to do', async () => {
    await using server = open(withUser({ exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'aws-of-nowhere' } }));
    expect(await failed(whoAmI(server))).toMatchObject({
      code: 'UNAUTHORIZED',
      message:
        'Cluster shop/staging: its credentials cannot be obtained: its program aws-of-nowhere cannot be run (ENOENT); install it where Sluice runs, or correct user.exec.command',
    });
  });

  it("sees nothing of Sluice's own settings", async () => {
    vi.stubEnv('SLUICE_REDIS_URL', 'redis://:hunter2@127.0.0.1');
    const { exec } = plugin('environment', 'if (process.env.SLUICE_REDIS_URL || !process.env.PATH) process.exit(7); return grant();');
    await using server = open(withUser({ exec }));
    expect(await whoAmI(server)).toBe(serviceAccount);
    vi.unstubAllEnvs();
  });
});

describe("a Cluster's status", () => {
  const settings = parseConfig({
    SLUICE_HUB_KUBECONFIG: '/x',
    SLUICE_REDIS_URL: 'redis://127.0.0.1',
    SLUICE_TRUSTED_CLUSTERS: `${namespace}/trusted, ${namespace}/unchecked-trusted`,
  });
  const trusted = settings.ok ? settings.value.config.trustedClusters : [];
  const log = pino({ level: 'silent' });
  const own = plugin('of-a-cluster', 'return grant();');
  const tenants = plugin('of-a-tenant', 'return grant();');

  it('refuses programs, files and an unchecked server in a kubeconfig, each with its place, unless the installation names the Cluster', async () => {
    await applyCrds(real);
    await real.kubectl(['create', 'namespace', namespace]);
    const token = (await staging.kubectl(['-n', namespace, 'create', 'token', 'deployer'])).trim();
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, token);
    const unchecked = kubeconfigOf({ server: staging.url, 'insecure-skip-tls-verify': true }, { token });
    const kubeconfigs: Readonly<Record<string, string>> = {
      trusted: withUser({ exec: own.exec }),
      'unchecked-trusted': unchecked,
      program: withUser({ exec: tenants.exec }),
      file: withUser({ tokenFile }),
      unchecked,
    };
    await real.kubectl(['apply', '--server-side', '-f', '-'], {
      input: Object.entries(kubeconfigs)
        .flatMap(([name, text]) => objectsOf(name, text))
        .join('\n---\n'),
    });

    await using server = openApiServer(real.sluiceKubeconfig, { port: 'hub', name: 'the hub', trusted: true });
    await using hub = openHub({ server, log });
    await using clusters = openClusters({
      hub,
      hubServer: server,
      open: openApiServer,
      isTrusted: (cluster) => trusted.some((each) => sameReference(each, cluster)),
      log,
    });
    const controller = openController({
      hub,
      watches: destinationWatches({ serverOf: clusters.serverOf, missingMs: 500 }),
      nudges: { nudge: async () => {} },
      installation: namespace,
      ownerHash: () => '',
      log,
    });
    hub.start(controller.take);
    await hub.whenSynced(AbortSignal.timeout(20_000));
    controller.begin();
    try {
      const condition = (name: string, type: string) => hub.seen('Cluster', { namespace, name })?.status?.conditions.find((each) => each.type === type);
      const refusedAt = async (name: string, place: string) =>
        vi.waitFor(
          () =>
            expect(condition(name, 'Stalled')).toMatchObject({
              status: 'True',
              reason: 'Invalid',
              message: expect.stringContaining(`Cluster ${namespace}/${name}: its kubeconfig is refused: ${place}: is not allowed here`) as string,
            }),
          { timeout: 30_000 },
        );
      await refusedAt('program', 'users[0].user.exec');
      await refusedAt('file', 'users[0].user.tokenFile');
      await refusedAt('unchecked', 'clusters[0].cluster.insecure-skip-tls-verify');
      for (const name of ['trusted', 'unchecked-trusted']) {
        await vi.waitFor(() => expect(condition(name, 'Ready')).toMatchObject({ status: 'True', reason: 'Connected' }), { timeout: 30_000 });
      }
      expect([own.runs(), tenants.runs()]).toEqual([1, 0]);
    } finally {
      await controller.stop();
      await real.kubectl(['delete', 'namespace', namespace, '--wait=false']);
    }
  });
});

const objectsOf = (name: string, kubeconfig: string): readonly string[] =>
  [
    { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData: { kubeconfig } },
    {
      apiVersion: 'sluice.dev/v1alpha1',
      kind: 'Cluster',
      metadata: { name, namespace },
      spec: { connection: { type: 'kubeconfig', kubeconfig: { secretRef: { name } } } },
    },
  ].map((object) => JSON.stringify(object));

type Authority = { readonly file: string; certificateOf(user: string): Promise<object> };

/** A certificate authority made by openssl. */
async function openAuthority(name: string): Promise<Authority> {
  const path = (file: string) => join(folder, `${name}-${file}`);
  const openssl = (...args: readonly string[]) => promisify(execFile)('openssl', [...args]);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl('req', '-x509', ...newKey, '-keyout', path('ca.key'), '-out', path('ca.crt'), '-days', '2', '-subj', `/CN=${name}`);
  return {
    file: path('ca.crt'),
    async certificateOf(user) {
      await openssl('req', ...newKey, '-keyout', path('user.key'), '-out', path('user.csr'), '-subj', `/CN=${user}/O=deployers`);
      await openssl(
        'x509',
        '-req',
        '-in',
        path('user.csr'),
        '-CA',
        path('ca.crt'),
        '-CAkey',
        path('ca.key'),
        '-CAcreateserial',
        '-out',
        path('user.crt'),
        '-days',
        '1',
      );
      const data = (file: string) => readFileSync(path(file)).toString('base64');
      return { 'client-certificate-data': data('user.crt'), 'client-key-data': data('user.key') };
    },
  };
}
