import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { type ApiServer, openApiServer } from '../../src/adapters/api-server.ts';
import { parseKubeconfig } from '../../src/adapters/kubeconfig.ts';
import { realParts } from '../real-parts.ts';
import { openTcpProxy } from './tcp-proxy.ts';

const signal = new AbortController().signal;
const open = (kubeconfig: string, connections?: number) =>
  openApiServer(kubeconfig, { port: 'destination', name: 'Cluster shop/staging', ...(connections === undefined ? {} : { connections }) });
const version = (server: ApiServer) => server.send({ method: 'GET', path: '/version', signal });
const failed = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.unreachable('it did not fail'),
    (error: unknown) => error,
  );

it('speaks to a cluster through a kubeconfig that a tenant may give', async () => {
  const { sluiceKubeconfig, url } = realParts().staging;
  expect(parseKubeconfig(sluiceKubeconfig, { trusted: false })).toMatchObject({ ok: true, value: { server: url } });
  await using server = open(sluiceKubeconfig);
  expect((await version(server)).body).toMatchObject({ major: '1' });
});

it('says that a token is refused, and never which', async () => {
  await using server = open(realParts().staging.sluiceKubeconfig.replace(/token: .*/, 'token: hunter2 }'));
  const error = await failed(server.send({ method: 'GET', path: '/api/v1/namespaces', signal }));
  expect(error).toMatchObject({ code: 'UNAUTHORIZED', retryable: false });
  expect(String(error)).not.toContain('hunter2');
});

it('does not trust a server whose certificate its kubeconfig does not vouch for', async () => {
  const { staging, production } = realParts();
  const anothers = /certificate-authority-data: (\S+)/.exec(production.sluiceKubeconfig)?.[1] ?? expect.unreachable('no certificate');
  expect(() => new X509Certificate(Buffer.from(anothers, 'base64'))).not.toThrow();
  await using server = open(staging.sluiceKubeconfig.replace(/certificate-authority-data: \S+/, `certificate-authority-data: ${anothers}`));
  expect(await failed(version(server))).toMatchObject({ code: 'UNREACHABLE', message: expect.stringContaining('check certificate-authority-data') as string });
});

it('names the server that cannot be reached', async () => {
  await using proxy = await openTcpProxy(realParts().staging.url);
  await using server = open(proxy.kubeconfig(realParts().staging.sluiceKubeconfig));
  await version(server);
  await proxy.cut();
  expect(await failed(version(server))).toMatchObject({
    code: 'UNREACHABLE',
    retryable: true,
    message: `Cluster shop/staging: ${server.url} cannot be reached (ECONNREFUSED); see that it runs, and check the address in its kubeconfig`,
  });
  await proxy.mend();
  await version(server);
});

it('makes as many connections as it may for any number of requests, and keeps them', async () => {
  await using proxy = await openTcpProxy(realParts().staging.url);
  await using server = open(proxy.kubeconfig(realParts().staging.sluiceKubeconfig), 8);
  await Promise.all(Array.from({ length: 300 }, () => version(server)));
  expect(proxy.connections()).toBe(8);
  const path = '/api/v1/namespaces/default/configmaps/none';
  const remove = () => failed(server.send({ method: 'DELETE', path, body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'x' } }, signal }));
  expect(await Promise.all(Array.from({ length: 100 }, remove))).toEqual(
    Array.from({ length: 100 }, () => expect.objectContaining({ code: 'NOT_FOUND' }) as unknown),
  );
  expect(proxy.connections()).toBe(8);
});

it('acts as a service account with its own groups, and needs no right to impersonate groups', async () => {
  await using server = open(realParts().staging.sluiceKubeconfig);
  const { body } = await server.send({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    as: { as: 'service-account', namespace: 'default', name: 'deployer' },
    signal,
  });
  expect(body).toMatchObject({
    status: {
      userInfo: {
        username: 'system:serviceaccount:default:deployer',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
      },
    },
  });
});
