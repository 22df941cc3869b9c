import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { revisionOf, runsOnly, type Workload, watchFor } from './cluster-watch.ts';
import {
  application,
  binding,
  configMap,
  deployment,
  type Ground,
  home,
  type LiveObject,
  message,
  openGround,
  outsider,
  resource,
  soon,
  stalledBy,
  stranger,
} from './ground.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
  await ground.push({ 'one/settings.yaml': configMap('settings') });
});
afterAll(() => ground?.[Symbol.asyncDispose]());

/** Applied by nobody: the room holds no member, and no record that a sync was begun. */
const expectNothingIn = async (room: string) => expect(await ground.objects(room, 'configmaps')).toEqual([]);

describe('one invalid manifest among a hundred', () => {
  const number = (index: number) => String(index).padStart(3, '0');
  const hundred = (value: string) =>
    Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`many/${number(index)}.yaml`, configMap(`item-${number(index)}`, { value })]));
  const items = async (room: string) => (await ground.objects(room, 'configmaps')).filter(({ metadata }) => metadata.name.startsWith('item-'));
  const web = (spec: object) => JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec });
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'registry.example/web:1' }] } };
  const room = 'room-many';

  it('is not there at first: all of them are applied', async () => {
    await ground.openRoom('many');
    const commit = await ground.push(hundred('1'));
    await ground.toHub(application('many', room));
    await ground.untilStatus('many', { commit, sync: { state: 'Synced' }, objects: { rendered: 100, members: 100 } });
    expect(await items(room)).toHaveLength(100);
  });

  it.each([
    ['a value of the wrong type', web({ replicas: 'three', selector: { matchLabels: { app: 'web' } }, template }), 'replicas'],
    ['a field that does not exist', web({ replicas: 1, selector: { matchLabels: { app: 'web' } }, template, strategi: {} }), 'strategi'],
    ['a value that validation refuses', web({ selector: { matchLabels: { app: 'other' } }, template }), 'selector'],
    [
      'a kind that the cluster does not serve',
      JSON.stringify({ apiVersion: 'example.org/v1', kind: 'Widget', metadata: { name: 'web' } }),
      'does not serve example.org/v1 Widget',
    ],
  ])('changes nothing when it has %s, and the status names file, object and reason', async (_what, invalid, reason) => {
    const before = await ground.objects(room, 'configmaps,deployments');
    const commit = await ground.push({ ...hundred(reason), 'many/042.yaml': invalid });
    await ground.untilStatus('many', { commit, ...stalledBy('many/042.yaml:1', `${room}/web`, reason) });
    expect(await ground.objects(room, 'configmaps,deployments')).toEqual(before);
  });

  it('lets all of them through once it is mended', async () => {
    const commit = await ground.push(hundred('2'));
    await ground.untilStatus('many', { commit, sync: { state: 'Synced' }, objects: { rendered: 100, members: 100, outOfSync: 0 } });
    expect((await items(room)).map(({ data }) => data?.value)).toEqual(Array.from({ length: 100 }, () => '2'));
  });
});

describe('who may use what', () => {
  it.each([
    [
      'an Application whose namespace no rule of the Cluster names',
      {
        name: 'unruled',
        options: { namespace: stranger },
        texts: ['no rule of Cluster staging', `namespace ${stranger}`, 'service account deployer', 'spec.rules'],
      },
    ],
    [
      'an Application without serviceAccountName',
      { name: 'nameless', options: { serviceAccountName: undefined }, texts: ['spec.serviceAccountName', 'is missing'] },
    ],
    [
      'a service account that no rule names',
      { name: 'other-account', options: { serviceAccountName: 'somebody' }, texts: ['no rule of Cluster staging', 'service account somebody'] },
    ],
    [
      'a Repository and a Cluster of another namespace that do not allow this one',
      {
        name: 'disallowed',
        options: { namespace: outsider },
        texts: [
          `Repository ${home}/config does not allow namespace ${outsider}`,
          `Cluster ${home}/staging does not allow namespace ${outsider}`,
          'allowedNamespaces',
        ],
      },
    ],
  ])('refuses %s', async (_what, { name, options, texts }) => {
    const room = await ground.openRoom(name);
    await ground.toHub(application(name, room, { path: 'one', ...options }));
    await ground.untilStatus(name, stalledBy(...texts), 'namespace' in options ? { namespace: options.namespace } : {});
    await expectNothingIn(room);
  });

  it('leaves it to the API server what a service account may do: one that nobody bound is forbidden everything', async () => {
    const room = await ground.openRoom('unbound');
    await ground.toHub(application('unbound', room, { path: 'one', serviceAccountName: 'nobody' }));
    await ground.untilStatus('unbound', {
      sync: { state: 'Failed', message: message('one/settings.yaml', `ConfigMap ${room}/settings`, 'forbidden', `system:serviceaccount:${room}:nobody`) },
    });
    await expectNothingIn(room);
  });

  it('refuses a namespace that no rule names, whatever the service account there', async () => {
    await ground.toHub(application('elsewhere', 'kube-system', { path: 'one' }));
    await ground.untilStatus('elsewhere', stalledBy('no rule of Cluster staging', 'to namespace kube-system'));
    expect((await ground.objects('kube-system', 'configmaps')).map(({ metadata }) => metadata.name)).not.toContain('settings');
  });
});

describe('what cannot be read', () => {
  it('names a branch that does not exist, and goes on when somebody pushes it', async () => {
    const room = await ground.openRoom('branch');
    await ground.toHub(application('branch', room, { path: 'one', targetRevision: 'no-such-branch' }));
    await ground.untilStatus('branch', stalledBy("'no-such-branch' names nothing in the repository", 'refs/heads/no-such-branch'));
    await expectNothingIn(room);

    await ground.world.gitea.api('POST', `/repos/${ground.world.gitea.user}/config/branches`, { new_branch_name: 'no-such-branch', old_branch_name: 'main' });
    await ground.untilStatus('branch', { sync: { state: 'Synced' } });
  });

  it.each([
    {
      what: 'needs credentials and has none',
      name: 'closed',
      spec: {},
      reason: 'Unauthorized',
      texts: ['the Git host asks for credentials (401)', 'spec.secretRef'],
    },
    {
      what: 'names a Secret that is not there',
      name: 'lost',
      spec: { secretRef: { name: 'nowhere' } },
      reason: 'Invalid',
      texts: ['Secret nowhere does not exist', `namespace ${home}`],
    },
  ])('says of a repository that $what why it cannot be read, on the Repository and on who uses it', async ({ name, spec, reason, texts }) => {
    const room = await ground.openRoom(name);
    await ground.toHub(
      resource('Repository', name, { url: ground.repositoryUrl, pollSeconds: 5, ...spec }),
      application(name, room, { path: 'one', repository: name }),
    );
    const repository = async () => JSON.parse(await ground.world.hub.kubectl(['get', 'repositories.sluice.dev', name, '-n', home, '-o', 'json']));
    await soon(async () =>
      expect((await repository()).status).toMatchObject({
        conditions: expect.arrayContaining([expect.objectContaining({ type: 'Ready', status: 'False', reason, message: message(...texts) })]),
      }),
    );
    const stalled = {
      type: 'Stalled',
      status: 'True',
      reason: 'RepositoryUnreadable',
      message: message(`Repository ${home}/${name} cannot be read`, ...texts),
    };
    await ground.untilStatus(name, { conditions: expect.arrayContaining([expect.objectContaining(stalled)]) });
    await expectNothingIn(room);
  });
});

describe('what cannot be a member', () => {
  it.each(['sluice.dev/hook', 'argocd.argoproj.io/hook', 'helm.sh/hook'])(
    'refuses an object with the annotation %s by name, and applies nothing beside it',
    async (annotation) => {
      const name = `hook-${annotation.split('.')[0]}`;
      const room = await ground.openRoom(name);
      await ground.push({ [`${name}/hook.yaml`]: configMap('migrate', {}, { [annotation]: 'PreSync' }), [`${name}/beside.yaml`]: configMap('beside') });
      await ground.toHub(application(name, room));
      await ground.untilStatus(name, stalledBy(`ConfigMap ${room}/migrate`, annotation));
      await expectNothingIn(room);
    },
  );

  it('refuses an object that another Application has, names both, and leaves it as it is', async () => {
    const room = await ground.openRoom('twins');
    await ground.push({
      'twins/one/shared.yaml': configMap('shared', { from: 'one' }),
      'twins/two/shared.yaml': configMap('shared', { from: 'two' }),
      'twins/two/own.yaml': configMap('own'),
    });
    await ground.toHub(application('twin-one', room, { path: 'twins/one' }));
    await ground.untilStatus('twin-one', { sync: { state: 'Synced' } });
    const shared = async () => (await ground.objects(room, 'configmaps')).filter(({ metadata }) => metadata.name === 'shared');
    const before = await shared();

    await ground.toHub(application('twin-two', room, { path: 'twins/two' }));
    await ground.untilStatus(
      'twin-two',
      stalledBy('twins/two/shared.yaml', `ConfigMap ${room}/shared`, `Application ${home}/twin-one`, `Application ${home}/twin-two`),
    );
    expect(await shared()).toEqual(before);
    expect(before).toMatchObject([{ data: { from: 'one' } }]);
    expect((await ground.objects(room, 'configmaps')).map(({ metadata }) => metadata.name)).not.toContain('own');
  });
});

describe('an object that moves from one Application to another', () => {
  it('keeps what it holds: a claim is handed over, not removed and made anew, and goes on when its Application is renamed', async () => {
    const room = await ground.openRoom('moves');
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    const claim = JSON.stringify({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' }, spec });
    const claims = () => ground.objects<LiveObject>(room, 'persistentvolumeclaims');
    const owner = { metadata: { annotations: { 'sluice.dev/owner': `${home}/moves-to` } } };
    await ground.push({ 'moves-from/claim.yaml': claim, 'moves-from/own.yaml': configMap('from'), 'moves-to/own.yaml': configMap('to') });
    await ground.toHub(application('moves-from', room), application('moves-to', room));
    const [before] = await soon(async () => {
      expect(await claims()).toHaveLength(1);
      return claims();
    });

    const commit = await ground.push({ 'moves-from/claim.yaml': undefined, 'moves-to/claim.yaml': claim });
    await ground.untilStatus('moves-to', { commit, objects: { rendered: 2, members: 2, outOfSync: 0 } });
    await ground.untilStatus('moves-from', { commit, sync: { state: 'Synced' }, objects: { rendered: 1, members: 1, withheld: [] } });
    expect(await claims()).toMatchObject([{ ...owner, metadata: { ...owner.metadata, uid: before?.metadata.uid } }]);

    await ground.world.hub.kubectl(['delete', 'applications.sluice.dev', 'moves-to', '-n', home]);
    await ground.toHub(application('moves-on', room, { path: 'moves-to' }));
    await ground.untilStatus('moves-on', { objects: { rendered: 2, members: 2, outOfSync: 0 } });
    expect(await claims()).toMatchObject([{ metadata: { uid: before?.metadata.uid } }]);
  });
});

describe('steps of a sync', () => {
  it('applies a namespace, a definition with its objects, and a role with its binding in one first sync, by a service account that is no admin of the cluster', async () => {
    const room = await ground.openRoom('first');
    const rights = [
      { apiGroups: [''], resources: ['namespaces', 'configmaps'], verbs: ['get', 'create', 'patch', 'delete'] },
      { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['get', 'create', 'patch', 'delete'] },
      { apiGroups: ['first.example.org'], resources: ['widgets'], verbs: ['get', 'create', 'patch', 'delete'] },
    ];
    await ground.toDestination(
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'first' }, rules: rights },
      binding('ClusterRoleBinding', { name: 'first' }, 'first', room),
    );
    const names = { kind: 'Widget', plural: 'widgets', singular: 'widget' };
    const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } } } };
    const rbac = 'rbac.authorization.k8s.io';
    const objects = [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'first-other' } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'inside', namespace: 'first-other' }, data: { a: 'b' } },
      {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'widgets.first.example.org' },
        spec: { group: 'first.example.org', scope: 'Namespaced', names, versions: [{ name: 'v1', served: true, storage: true, schema }] },
      },
      { apiVersion: 'first.example.org/v1', kind: 'Widget', metadata: { name: 'small' }, spec: { size: 1 } },
      { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name: 'reader' }, rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }] },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata: { name: 'readers' },
        roleRef: { apiGroup: rbac, kind: 'Role', name: 'reader' },
        subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: room }],
      },
    ];
    await ground.push({ 'first/all.yaml': objects.map((object) => JSON.stringify(object)).join('\n---\n') });
    await using statuses = await ground.followStatus('first');
    await ground.toHub(application('first', room));

    await ground.untilStatus('first', {
      sync: { state: 'Synced' },
      health: { health: 'Healthy' },
      objects: { rendered: 6, members: 6, outOfSync: 0, deferred: [] },
    });
    expect((await ground.objects('first-other', 'configmaps')).map(({ metadata }) => metadata.name)).toEqual(['inside']);
    expect(await ground.objects(room, 'widgets.first.example.org,roles,rolebindings')).toEqual(
      expect.arrayContaining(['small', 'reader', 'readers'].map((name) => expect.objectContaining({ metadata: expect.objectContaining({ name }) }))),
    );
    const deferred = statuses.seen().flatMap((status) => status.objects?.deferred ?? []);
    expect(deferred).toEqual(
      expect.arrayContaining([
        expect.stringContaining('namespace first-other is part of this sync'),
        expect.stringContaining('CustomResourceDefinition is part of this sync'),
        expect.stringContaining('role reader is part of this sync'),
      ]),
    );
    expect(statuses.seen().filter(({ sync }) => sync?.state === 'Failed')).toEqual([]);
  });

  it('prunes what is no longer rendered only once the new revision is healthy, and never what a controller made for a Service', async () => {
    const room = await ground.openRoom('prune');
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } };
    await ground.push({ 'prune/web.yaml': deployment('web', '1'), 'prune/service.yaml': JSON.stringify(service), 'prune/old.yaml': configMap('old') });
    await ground.toHub(application('prune', room));
    await ground.untilStatus('prune', { sync: { state: 'Synced' }, health: { health: 'Healthy' } });
    const names = async () => (await ground.objects(room, 'configmaps')).map(({ metadata }) => metadata.name);
    const generated = async () =>
      (await ground.objects(room, 'endpointslices,endpoints')).map(({ kind, metadata }) => ({ kind, name: metadata.name, uid: metadata.uid })).toSorted();
    const copies = await soon(async () => {
      const found = await ground.objects(room, 'endpointslices');
      expect(found).toMatchObject([
        { metadata: { labels: { 'sluice.dev/application': expect.any(String), 'applyset.kubernetes.io/part-of': expect.any(String) } } },
      ]);
      return generated();
    });

    const broken = await ground.push({ 'prune/web.yaml': deployment('web', 'broken'), 'prune/old.yaml': undefined });
    await ground.untilStatus('prune', { commit: broken, health: { health: 'Degraded', message: message('web', 'registry.example/web:broken') } });
    expect(await names()).toContain('old');

    const { staging, parts } = ground.world;
    const isOld = ({ metadata }: LiveObject, type: string) => type === 'DELETED' && metadata.name === 'old';
    await using rolledOut = await watchFor<Workload>(staging, parts.kubectl, ['deployments', '-n', room], (object) => runsOnly(object, '2'));
    await using removed = await watchFor<LiveObject>(staging, parts.kubectl, ['configmaps', '-n', room], isOld);
    const mended = await ground.push({ 'prune/web.yaml': deployment('web', '2') });
    expect(revisionOf(await rolledOut.first)).toBeLessThan(revisionOf(await removed.first));
    await ground.untilStatus('prune', { commit: mended, sync: { state: 'Synced' }, objects: { rendered: 2, members: 2, outOfSync: 0 } });
    expect(await generated()).toEqual(copies);
  });

  it('begins a wave when the one before is healthy, and not when it has failed', async () => {
    const room = await ground.openRoom('waves');
    const wave = (number: number) => ({ 'sluice.dev/sync-wave': String(number) });
    await ground.push({
      'waves/before.yaml': configMap('before', {}, wave(-1)),
      'waves/web.yaml': deployment('web', 'broken'),
      'waves/after.yaml': configMap('after', {}, wave(1)),
    });
    await ground.toHub(application('waves', room));
    await ground.untilStatus('waves', { sync: { state: 'Failed', wave: 0, message: message('wave 0', `Deployment ${room}/web`) } });
    const version = async (kind: string, name: string) =>
      Number((await ground.objects(room, kind)).find(({ metadata }) => metadata.name.startsWith(name))?.metadata.resourceVersion);
    expect(await version('configmaps', 'before')).toBeLessThan(await version('deployments', 'web'));
    expect(await version('configmaps', 'after')).toBeNaN();

    const { staging, parts } = ground.world;
    await using rolledOut = await watchFor<Workload>(staging, parts.kubectl, ['deployments', '-n', room], (object) => runsOnly(object, '1'));
    const mended = await ground.push({ 'waves/web.yaml': deployment('web', '1') });
    await ground.untilStatus('waves', { commit: mended, sync: { state: 'Synced' }, health: { health: 'Healthy' } });
    expect(revisionOf(await rolledOut.first)).toBeLessThan(await version('configmaps', 'after'));
  });
});
