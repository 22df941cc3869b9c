import { describe, expect, it } from 'vitest';
import { openApiServer } from '../../src/adapters/api-server.ts';
import { parseKubeconfig } from '../../src/adapters/kubeconfig.ts';

const config = (cluster: object = {}, user: object = {}): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'main',
    contexts: [
      { name: 'other', context: { cluster: 'c', user: 'nobody' } },
      { name: 'main', context: { cluster: 'c', user: 'u' } },
    ],
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443/', ...cluster } }],
    users: [
      { name: 'nobody', user: { exec: { command: 'aws' } } },
      { name: 'u', user: { token: 'secret-token', ...user } },
    ],
  });

const problemsOf = (text: string, trusted = false): readonly string[] => {
  const parsed = parseKubeconfig(text, { trusted });
  return parsed.ok ? [] : parsed.problems.map(({ at, message }) => `${at}: ${message}`);
};

describe('a kubeconfig', () => {
  it('is read as its current context says, other contexts left alone', () => {
    const parsed = parseKubeconfig(config(), { trusted: false });
    expect(parsed).toMatchObject({
      ok: true,
      value: { server: 'https://10.0.0.1:6443', token: { text: 'secret-token' }, skipTlsVerify: false, plugin: undefined },
    });
  });

  it.each<[string, object, object, string]>([
    ['a program', {}, { exec: { command: 'sh' } }, 'users[1].user.exec'],
    ['a provider', {}, { 'auth-provider': { name: 'oidc' } }, 'users[1].user.auth-provider'],
    ['a token file', {}, { token: undefined, tokenFile: '/etc/passwd' }, 'users[1].user.tokenFile'],
    ['a certificate file', {}, { 'client-certificate': '/a', 'client-key': '/b' }, 'users[1].user.client-certificate'],
    ['a key file', {}, { 'client-certificate': '/a', 'client-key': '/b' }, 'users[1].user.client-key'],
    ['a file of authorities', { 'certificate-authority': '/a' }, {}, 'clusters[0].cluster.certificate-authority'],
    ['no verification', { 'insecure-skip-tls-verify': true }, {}, 'clusters[0].cluster.insecure-skip-tls-verify'],
    ['a server without TLS', { server: 'http://10.0.0.1' }, {}, 'clusters[0].cluster.server'],
  ])('of a tenant is refused for %s, which a trusted one may have', (_what, cluster, user, place) => {
    expect(problemsOf(config(cluster, user)).join('\n')).toContain(`${place}: `);
    expect(problemsOf(config(cluster, user), true)).toEqual([]);
  });

  it.each<[string, object, object]>([
    ['a proxy', { 'proxy-url': 'http://proxy' }, {}],
    ['impersonation', {}, { as: 'system:admin' }],
    ['a token file as client-node spells it', {}, { 'token-file': '/etc/passwd' }],
    ['a password', {}, { username: 'a', password: 'hunter2' }],
    ['credentials in the address', { server: 'https://a:hunter2@10.0.0.1' }, {}],
    ['an address that is none', { server: 'somewhere' }, {}],
    ['a token that cannot be one', {}, { token: 'secret\ntoken' }],
    ['a relative path', {}, { token: undefined, tokenFile: 'token' }],
    ['a certificate that is none', {}, { 'client-certificate-data': 'eA==', 'client-key-data': 'eA==' }],
    [
      'authorities that are none',
      { 'certificate-authority-data': Buffer.from('-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----').toString('base64') },
      {},
    ],
    ['a certificate without its key', {}, { 'client-certificate-data': 'eA==' }],
  ])('is refused for %s, trusted or not', (_what, cluster, user) => {
    const problems = problemsOf(config(cluster, user), true);
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toMatch(/hunter2|secret/);
  });

  it('is refused with all its problems at once', () => {
    const text = config({ server: 'http://10.0.0.1', 'insecure-skip-tls-verify': true }, { exec: {}, tokenFile: '/token', as: 'x' });
    expect(problemsOf(text)).toHaveLength(5);
  });

  it.each([
    ['{'],
    ['a: b'],
    [''],
    ['- 1'],
    [config().replace('"main"', '"missing"')],
    ['current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]'],
  ])('that is none is refused with a place to look: %j', (text) => {
    expect(problemsOf(text)).toHaveLength(1);
  });

  it('that is refused opens no API server', () => {
    const text = config({}, { exec: { command: 'sh' } });
    expect(() => openApiServer(text, { port: 'destination', name: 'Cluster shop/staging' })).toThrow(
      /^Cluster shop\/staging: its kubeconfig is refused: users\[1\]\.user\.exec: is not allowed here/,
    );
  });
});
