import { describe, expect, it } from 'vitest';
import { checkRedisUrl, type Environment, parseConfig } from '../src/config.ts';
import { describeProblems } from '../src/model/parsed.ts';

const least: Environment = { SLUICE_HUB_KUBECONFIG: '/etc/hub.yaml', SLUICE_REDIS_URL: 'redis://127.0.0.1', HOME: '/home/me' };

function problemsOf(env: Environment): readonly string[] {
  const parsed = parseConfig(env);
  return parsed.ok ? [] : parsed.problems.map(({ at, message }) => `${at}: ${message}`);
}

describe('config', () => {
  it('needs the hub and Redis and has a default for the rest', () => {
    expect(parseConfig(least)).toEqual({
      ok: true,
      value: {
        config: {
          hub: { type: 'kubeconfig', path: '/etc/hub.yaml' },
          redis: { host: '127.0.0.1', port: 6379, tls: false, database: 0 },
          listen: { host: '127.0.0.1', port: 8080 },
          roles: ['api', 'controller', 'worker'],
          namespace: 'sluice-system',
          installation: 'default',
          cacheDir: '/home/me/.cache/sluice',
          kustomizeBin: 'kustomize',
          helmBin: 'helm',
          logLevel: 'info',
          concurrency: 8,
          maxPackBytes: 268_435_456,
          trustedClusters: [],
        },
        secrets: {},
      },
    });
  });

  it('takes every variable', () => {
    const parsed = parseConfig({
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      SLUICE_REDIS_URL: 'rediss://sluice:p%40ss@redis.example.org:6380/3',
      SLUICE_LISTEN_HOST: '0.0.0.0',
      SLUICE_LISTEN_PORT: '0',
      SLUICE_ROLES: 'worker, api',
      SLUICE_NAMESPACE: 'delivery',
      SLUICE_INSTALLATION: 'eu-1',
      SLUICE_CACHE_DIR: '/cache',
      SLUICE_KUSTOMIZE_BIN: '/opt/kustomize',
      SLUICE_HELM_BIN: '/opt/helm',
      SLUICE_LOG_LEVEL: 'debug',
      SLUICE_CONCURRENCY: '32',
      SLUICE_MAX_PACK_BYTES: '1048576',
      SLUICE_TRUSTED_CLUSTERS: 'shop/production, team-a/eu.west',
      SLUICE_PUBLIC_URL: 'https://sluice.example.org/below/',
    });
    expect(parsed).toEqual({
      ok: true,
      value: {
        config: {
          hub: { type: 'in-cluster' },
          redis: { host: 'redis.example.org', port: 6380, tls: true, database: 3, username: 'sluice' },
          listen: { host: '0.0.0.0', port: 0 },
          roles: ['api', 'worker'],
          namespace: 'delivery',
          installation: 'eu-1',
          cacheDir: '/cache',
          kustomizeBin: '/opt/kustomize',
          helmBin: '/opt/helm',
          logLevel: 'debug',
          concurrency: 32,
          maxPackBytes: 1_048_576,
          trustedClusters: [
            { namespace: 'shop', name: 'production' },
            { namespace: 'team-a', name: 'eu.west' },
          ],
          publicUrl: 'https://sluice.example.org/below',
        },
        secrets: { redisPassword: 'p@ss' },
      },
    });
    expect(JSON.stringify(parsed.ok && parsed.value.config)).not.toContain('ss@');
  });

  it('tells all problems at once, each at its variable', () => {
    const problems = problemsOf({
      SLUICE_REDIS_URL: 'redis://redis.example.org',
      SLUICE_LISTEN_PORT: '80808',
      SLUICE_ROLES: 'api,wroker',
      SLUICE_NAMESPACE: 'Upper',
      SLUICE_INSTALLATION: 'x'.repeat(41),
      SLUICE_LOG_LEVEL: 'loud',
      SLUICE_CONCURRENCY: '0',
      SLUICE_MAX_PACK_BYTES: '5 GB',
      SLUICE_TRUSTED_CLUSTERS: 'production,shop/eu,shop/*',
      SLUICE_PUBLIC_URL: 'ftp://sluice',
      SLUICE_LISTEN_PROT: '8080',
    });
    expect(problems.map((problem) => problem.split(':')[0]).sort()).toEqual([
      'SLUICE_CONCURRENCY',
      'SLUICE_HUB_KUBECONFIG',
      'SLUICE_INSTALLATION',
      'SLUICE_LISTEN_PORT',
      'SLUICE_LISTEN_PROT',
      'SLUICE_LOG_LEVEL',
      'SLUICE_MAX_PACK_BYTES',
      'SLUICE_NAMESPACE',
      'SLUICE_PUBLIC_URL',
      'SLUICE_REDIS_URL',
      'SLUICE_ROLES',
      'SLUICE_TRUSTED_CLUSTERS',
    ]);
    expect(problems).toContain('SLUICE_TRUSTED_CLUSTERS: has "production", "shop/*"; write each Cluster as namespace/name, as in shop/production,shop/staging');
  });

  it.each([
    { wrong: 'SLUICE_LISTEN_PROT', near: 'SLUICE_LISTEN_PORT' },
    { wrong: 'SLUICE_REDISURL', near: 'SLUICE_REDIS_URL' },
    { wrong: 'SLUICE_LOGLEVEL', near: 'SLUICE_LOG_LEVEL' },
  ])('asks whether $wrong was to be $near', ({ wrong, near }) => {
    expect(problemsOf({ ...least, [wrong]: 'x' })).toEqual([`${wrong}: is no setting of Sluice; did you mean ${near}?`]);
  });

  it('takes no offence at what Kubernetes sets for a Service named sluice-api', () => {
    const links = {
      SLUICE_API_SERVICE_HOST: '10.96.3.4',
      SLUICE_API_SERVICE_PORT: '80',
      SLUICE_API_SERVICE_PORT_HTTP: '80',
      SLUICE_API_PORT: 'tcp://10.96.3.4:80',
      SLUICE_API_PORT_80_TCP: 'tcp://10.96.3.4:80',
      SLUICE_API_PORT_80_TCP_ADDR: '10.96.3.4',
    };
    expect(problemsOf({ ...least, ...links })).toEqual([]);
  });
});

describe('the address of Redis', () => {
  it.each([
    'redis://127.0.0.1',
    'redis://localhost:7000/1',
    'redis://[::1]',
    'redis://:s3cret@redis.example.org',
    'rediss://user:s3cret@10.0.0.7:6380/0',
    'redis://127.8.9.10',
  ])('%s is taken', (url) => {
    expect(checkRedisUrl(url)).toEqual([]);
  });

  it.each([
    { url: 'redis://redis.example.org', says: 'no password' },
    { url: 'redis://user@10.0.0.7', says: 'no password' },
    { url: 'redis://127.0.0.1.example.org', says: 'no password' },
    { url: 'redis://0.0.0.0', says: 'no password' },
    { url: 'redis://[::ffff:10.0.0.7]', says: 'no password' },
    { url: 'http://127.0.0.1', says: 'begins with http:' },
    { url: '127.0.0.1:6379', says: 'is no URL' },
    { url: 'redis://:s3cret@', says: 'is no URL' },
    { url: 'redis://127.0.0.1/zero', says: 'no database number' },
    { url: 'redis://:s3cret%@127.0.0.1', says: '%25' },
    { url: 'redis://127.0.0.1?password=s3cret', says: 'query' },
  ])('$url is refused ($says) and no secret is repeated', ({ url, says }) => {
    const told = describeProblems(checkRedisUrl(url));
    expect(told).toContain(says);
    expect(told).not.toContain('s3cret');
  });
});
