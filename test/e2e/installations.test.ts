import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerOf } from '../../src/diff/ownership.ts';
import type { Application } from '../../src/resources/application.ts';
import { giveRights } from '../../tools/control-plane.ts';
import { listOf } from '../../tools/demo-resources.ts';
import { freePort } from '../../tools/process.ts';
import { application, configMap, type Ground, home, type LiveObject, openGround, resource, soon, stalledBy } from './ground.ts';
import { runSluice, type SluiceRun } from './sluice-runs.ts';

const crds = join(import.meta.dirname, '../../deploy/crds');

/** Two Sluices with a hub each and one destination, Redis and Git host between them. The first calls itself `default`, the second `green`. */
let ground: Ground;
let green: SluiceRun;
beforeAll(async () => {
  ground = await openGround();
  const { production, staging, gitea } = ground.world;
  await production.kubectl(['apply', '--server-side', '-f', crds]);
  await production.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', crds]);
  await giveRights(production.kubectl, 'hub');
  const secret = (name: string, stringData: object) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: home }, stringData });
  await toGreen(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: home } },
    secret('config-git', { token: gitea.token }),
    secret('staging-kubeconfig', { kubeconfig: staging.kubeconfig('sluice') }),
    resource('Repository', 'config', { url: ground.repositoryUrl, secretRef: { name: 'config-git' }, pollSeconds: 5 }),
    resource('Cluster', 'staging', {
      connection: { type: 'kubeconfig', kubeconfig: { secretRef: { name: 'staging-kubeconfig' } } },
      rules: [{ hubNamespaces: [home], namespaces: ['room-*'], serviceAccounts: ['deployer'] }],
    }),
  );
  green = await runSluice(ground.world, {
    name: 'green',
    port: await freePort(),
    environment: { SLUICE_HUB_KUBECONFIG: production.kubeconfigFile('sluice'), SLUICE_INSTALLATION: 'green' },
  });
});
afterAll(async () => {
  await green?.[Symbol.asyncDispose]();
  await ground?.[Symbol.asyncDispose]();
});

const toGreen = (...objects: readonly object[]) =>
  ground.world.production.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input: listOf(objects) });

const untilGreen = (name: string, expected: object) =>
  soon(async () => {
    const text = await ground.world.production.kubectl(['get', 'applications.sluice.dev', name, '-n', home, '-o', 'json']);
    expect((JSON.parse(text) as Application).status).toMatchObject(expected);
  });

type Labelled = LiveObject & { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } };
const parentOf = (installation: string, name: string, room: string) => ownerOf(installation, { namespace: home, name }, room).parentName;
const versions = (objects: readonly LiveObject[]) => objects.map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`);

describe('two installations with Applications of equal names on one cluster', () => {
  const room = 'room-shared';
  const whose = async (prefix: string) =>
    (await ground.objects<Labelled>(room, 'configmaps'))
      .filter(({ metadata }) => metadata.name.startsWith(prefix))
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));

  beforeAll(async () => {
    await ground.openRoom('shared');
    await ground.push({
      'blue/one.yaml': configMap('blue-one', { value: '1' }),
      'blue/two.yaml': configMap('blue-two', { value: '1' }),
      'green/one.yaml': configMap('green-one', { value: '1' }),
      'green/two.yaml': configMap('green-two', { value: '1' }),
    });
    await ground.toHub(application('web', room, { path: 'blue' }));
    await toGreen(application('web', room, { path: 'green' }));
  });

  it('have a parent and members of their own', async () => {
    await ground.untilStatus('web', { sync: { state: 'Synced' }, objects: { rendered: 2, members: 2 } });
    await untilGreen('web', { sync: { state: 'Synced' }, objects: { rendered: 2, members: 2 } });
    const [own, other] = [parentOf('default', 'web', room), parentOf('green', 'web', room)];
    expect((await whose('sluice-')).map(({ metadata }) => metadata.name)).toEqual([own, other].toSorted());
  });

  it('prune, heal and change only what is their own', async () => {
    const before = versions(await whose('blue'));
    const commit = await ground.push({ 'green/two.yaml': undefined, 'green/one.yaml': configMap('green-one', { value: '2' }) });
    await untilGreen('web', { commit, sync: { state: 'Synced' }, objects: { rendered: 1, members: 1, outOfSync: 0 } });
    await ground.world.staging.kubectl(['delete', 'configmap', 'green-one', '-n', room]);
    await soon(async () => expect(await whose('green')).toMatchObject([{ metadata: { name: 'green-one' }, data: { value: '2' } }]));
    expect(versions(await whose('blue'))).toEqual(before);

    const others = versions(await whose('green'));
    const next = await ground.push({ 'blue/two.yaml': undefined });
    await ground.untilStatus('web', { commit: next, sync: { state: 'Synced' }, objects: { rendered: 1, members: 1, outOfSync: 0 } });
    expect((await whose('blue')).map(({ metadata }) => metadata.name)).toEqual(['blue-one']);
    expect(versions(await whose('green'))).toEqual(others);
  });

  it('refuse an object that the other one has, and say that it is the other installation’s', async () => {
    const before = versions(await whose('blue'));
    await ground.push({ 'green/theirs.yaml': configMap('blue-one', { value: 'stolen' }), 'green/one.yaml': configMap('green-one', { value: '3' }) });
    await untilGreen(
      'web',
      stalledBy('green/theirs.yaml:1', `ConfigMap ${room}/blue-one`, `Application ${home}/web of another installation`, 'take it out of one of them'),
    );
    expect(versions(await whose('blue'))).toEqual(before);
    expect(await whose('green')).toMatchObject([{ data: { value: '2' } }]);

    const commit = await ground.push({ 'green/theirs.yaml': undefined });
    await untilGreen('web', { commit, sync: { state: 'Synced' } });
    expect(await whose('green')).toMatchObject([{ data: { value: '3' } }]);
    expect(versions(await whose('blue'))).toEqual(before);
  });

  it('leave the other’s objects where they are when their own Application is removed and made again', async () => {
    const before = versions([
      ...(await whose('blue')),
      ...(await whose('sluice-')).filter(({ metadata }) => metadata.name === parentOf('default', 'web', room)),
    ]);
    await ground.world.production.kubectl(['delete', 'applications.sluice.dev', 'web', '-n', home]);
    await toGreen(application('web', room, { path: 'green' }));
    await untilGreen('web', { sync: { state: 'Synced' }, objects: { members: 1 } });
    expect(
      versions([...(await whose('blue')), ...(await whose('sluice-')).filter(({ metadata }) => metadata.name === parentOf('default', 'web', room))]),
    ).toEqual(before);
  });
});

describe('an applyset parent that another installation has written', () => {
  it('is refused by name, and neither it nor any member is touched until somebody decides', async () => {
    const room = await ground.openRoom('claimed');
    await ground.push({ 'claimed/one.yaml': configMap('one', { value: '1' }) });
    await ground.toHub(application('claimed', room));
    await ground.untilStatus('claimed', { sync: { state: 'Synced' } });
    const parent = parentOf('default', 'claimed', room);
    await ground.world.staging.kubectl(['label', 'configmap', parent, '-n', room, '--overwrite', 'sluice.dev/installation=green']);
    const before = versions(await ground.objects(room, 'configmaps'));

    await ground.push({ 'claimed/one.yaml': undefined, 'claimed/two.yaml': configMap('two') });
    await ground.untilStatus(
      'claimed',
      stalledBy(`ConfigMap ${room}/${parent}`, `belongs to Application ${home}/claimed of installation green`, 'SLUICE_INSTALLATION', 'remove the ConfigMap'),
    );
    expect(versions(await ground.objects(room, 'configmaps'))).toEqual(before);

    await ground.world.staging.kubectl(['label', 'configmap', parent, '-n', room, '--overwrite', 'sluice.dev/installation=default']);
    await ground.untilStatus('claimed', { sync: { state: 'Synced' }, objects: { rendered: 1, members: 1 } });
    expect((await ground.objects(room, 'configmaps')).map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining(['two', parent]));
  });
});
