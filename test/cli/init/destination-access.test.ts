import { describe, expect, it } from 'vitest';
import type { Request } from '../../../src/adapters/api-server.ts';
import { isOnLoopback, kubeconfigOfContext, kubeconfigWithToken, readAccountToken } from '../../../src/cli/init/destination-access.ts';
import type { ChosenContext } from '../../../src/cli/kubeconfig.ts';
import { openFolder } from '../run-cli.ts';

const chosen = (user: object, cluster: object = {}): ChosenContext => ({
  context: 'mine',
  namespace: 'default',
  text: JSON.stringify({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://api.example:6443', ...cluster } }],
    users: [{ name: 'u', user }],
  }),
});

describe('the kubeconfig that Sluice gets', () => {
  it('has the token of its own account in place of what the person has', async () => {
    const made = await kubeconfigWithToken(chosen({ exec: { command: 'aws' }, token: 'mine' }), 'its own');
    expect(made.ok && made.value.warnings).toEqual([]);
    expect(made.ok && JSON.parse(made.value.text)).toMatchObject({
      clusters: [{ cluster: { server: 'https://api.example:6443' } }],
      users: [{ user: { token: 'its own' } }],
    });
    expect(made.ok && made.value.text).not.toMatch(/aws|mine/);
  });

  it('holds what files of this machine hold, and names none of them', async () => {
    await using folder = await openFolder({ token: 'from a file\n' });
    const made = await kubeconfigOfContext(chosen({ tokenFile: `${folder.path}/token` }));
    expect(made.ok && made.value.text).toContain('from a file');
    expect(made.ok && made.value.text).not.toContain(folder.path);
    expect(await kubeconfigOfContext(chosen({ tokenFile: `${folder.path}/none` }))).toMatchObject({
      ok: false,
      problems: [{ at: 'context mine', error: 'FileUnreadable' }],
    });
  });

  it.each([
    {
      what: 'a program',
      user: { exec: { command: 'aws' } },
      cluster: {},
      says: /gets its credentials from a program \(exec\), which Sluice refuses unless SLUICE_TRUSTED_CLUSTERS/,
    },
    { what: 'an unchecked server', user: { token: 't' }, cluster: { 'insecure-skip-tls-verify': true }, says: /does not check the server's certificate/ },
  ])('comes with a warning of $what', async ({ user, cluster, says }) => {
    const made = await kubeconfigOfContext(chosen(user, cluster));
    expect(made.ok && made.value.warnings).toEqual([expect.stringMatching(says)]);
  });

  it.each([
    { server: 'https://127.0.0.1:6443', is: true },
    { server: 'https://localhost:6443', is: true },
    { server: 'https://10.0.0.1:6443', is: false },
  ])('at $server is of this machine alone: $is', ({ server, is }) => {
    expect(isOnLoopback(chosen({ token: 't' }, { server }))).toBe(is);
  });
});

it('a token that Kubernetes does not make is waited for only so long', async () => {
  const asked: string[] = [];
  const server = {
    name: 'context mine',
    send: async ({ path }: Request) => {
      asked.push(path);
      return { status: 200, body: { data: asked.length > 2 ? { token: Buffer.from('t').toString('base64') } : {} }, warnings: [] };
    },
  };
  const { signal } = new AbortController();
  expect(await readAccountToken(server, signal, 0)).toMatchObject({ ok: false, problems: [{ error: 'NoAccountToken' }] });
  expect(await readAccountToken(server, signal, 5000)).toEqual({ ok: true, value: 't' });
});
