import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Application } from '../../src/resources/application.ts';
import type { Files } from '../../tools/git.ts';
import { application, configMap, type Ground, home, message, openGround, resource, soon, stalledBy } from './ground.ts';

const room = 'room-hostile';
const commitId = 'c'.repeat(40);

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
  await ground.openRoom('hostile');
  await ground.openRoom('neighbour');
});
afterAll(() => ground?.[Symbol.asyncDispose]());

type Hostile = {
  readonly what: string;
  readonly name: string;
  readonly files: Files;
  readonly links?: Readonly<Record<string, string>>;
  readonly submodules?: readonly string[];
  readonly source?: object;
  readonly texts: readonly string[];
};

const aliases = (levels: number) => Array.from({ length: levels }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}, *a${level}]`).join('\n');
const bomb = `a0: &a0 [x, x]\n${aliases(40)}\n`;
const chart = (name: string, template = configMap('x')) => ({
  [`${name}/Chart.yaml`]: 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
  [`${name}/templates/x.yaml`]: template,
});
const lfsPointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 7\n`;

const hostile: readonly Hostile[] = [
  {
    what: 'a base outside of the repository',
    name: 'base-outside',
    files: { 'base-outside/kustomization.yaml': 'resources:\n- ../../../etc\n' },
    texts: ['base-outside/kustomization.yaml:2', '"../../../etc" leads out of the repository', 'name a path inside it'],
  },
  {
    what: 'a patch by an absolute path',
    name: 'patch-outside',
    files: { 'patch-outside/kustomization.yaml': 'resources: []\npatches:\n- path: /etc/passwd\n' },
    texts: ['patch-outside/kustomization.yaml:3', '"/etc/passwd" leads out of the repository'],
  },
  {
    what: 'a file of a generator outside of the repository',
    name: 'generator-outside',
    files: { 'generator-outside/kustomization.yaml': 'secretGenerator:\n- name: x\n  files: [token=../../../../var/run/secrets/token]\n' },
    texts: ['generator-outside/kustomization.yaml:3', 'leads out of the repository'],
  },
  {
    what: 'a value file outside of the repository',
    name: 'values-outside',
    files: chart('values-outside'),
    source: { helm: { valueFiles: ['../../../../etc/passwd'] } },
    texts: ['spec.source.helm.valueFiles', '"../../../../etc/passwd" leads out of the repository', 'relative to the chart'],
  },
  {
    what: 'a manifest that is a symbolic link to a file of the machine',
    name: 'linked-file',
    files: {},
    links: { 'linked-file/settings.yaml': '/etc/passwd' },
    texts: ['linked-file/settings.yaml', 'is a symbolic link, which is not followed', 'put the file itself there'],
  },
  {
    what: 'a folder that is a symbolic link out of the repository',
    name: 'linked-folder',
    files: {},
    links: { 'linked-folder': '../../..' },
    texts: ['linked-folder', 'is a symlink'],
  },
  {
    what: 'a base behind a symbolic link',
    name: 'linked-base',
    files: { 'linked-base/kustomization.yaml': 'resources: [base/x.yaml]\n' },
    links: { 'linked-base/base': '/etc' },
    texts: ['linked-base/kustomization.yaml:1', 'goes through linked-base/base, which is a symbolic link'],
  },
  {
    what: 'a submodule',
    name: 'submodule',
    files: { 'submodule/settings.yaml': configMap('settings') },
    submodules: ['submodule/vendored'],
    texts: ['submodule/vendored', 'is a Git submodule, which is not fetched', 'vendor its files'],
  },
  {
    what: 'a Git LFS pointer',
    name: 'pointer',
    files: { 'pointer/settings.yaml': lfsPointer },
    texts: ['pointer/settings.yaml', 'is a Git LFS pointer', 'commit the file itself'],
  },
  {
    what: 'a Git LFS pointer among the files of a chart',
    name: 'chart-pointer',
    files: { ...chart('chart-pointer'), 'chart-pointer/values.yaml': lfsPointer },
    texts: ['chart-pointer/values.yaml', 'is a Git LFS pointer'],
  },
  {
    what: 'a remote base',
    name: 'remote',
    files: { 'remote/kustomization.yaml': 'resources:\n- https://127.0.0.1/base.yaml\n- git@127.0.0.1:base.git\n' },
    texts: ['remote/kustomization.yaml:2', 'remote/kustomization.yaml:3', 'nothing is fetched while rendering', 'vendor it'],
  },
  { what: 'a bomb of aliases', name: 'bomb', files: { 'bomb/x.yaml': bomb }, texts: ['bomb/x.yaml:1', 'its aliases, written out, make it too large'] },
  {
    what: 'a bomb of aliases for kustomize',
    name: 'kustomize-bomb',
    files: { 'kustomize-bomb/kustomization.yaml': 'resources: [x.yaml]\n', 'kustomize-bomb/x.yaml': bomb },
    texts: ['kustomize-bomb/x.yaml:1', 'its aliases, written out'],
  },
  {
    what: 'a bomb of aliases in the values of a chart',
    name: 'chart-bomb',
    files: { ...chart('chart-bomb'), 'chart-bomb/values.yaml': bomb },
    texts: ['chart-bomb/values.yaml', 'its aliases, written out'],
  },
  {
    what: 'a document of 10,000 levels',
    name: 'deep',
    files: { 'deep/x.yaml': `a: ${'['.repeat(10_000)}` },
    texts: ['deep/x.yaml:1', 'nested deeper than 100'],
  },
  {
    what: 'a document of 10,000 levels for kustomize',
    name: 'kustomize-deep',
    files: { 'kustomize-deep/kustomization.yaml': 'resources: [x.yaml]\n', 'kustomize-deep/x.yaml': `a: ${'{a: '.repeat(10_000)}1${'}'.repeat(10_000)}` },
    texts: ['kustomize-deep/x.yaml:1', 'nested deeper than 100'],
  },
  {
    what: 'a document of millions of values',
    name: 'many-values',
    files: { 'many-values/x.yaml': `a: [${'1,'.repeat(2_100_000)}]` },
    texts: ['many-values/x.yaml:1', 'is larger than can be applied', 'split it'],
  },
  {
    what: 'a file that is too large',
    name: 'large',
    files: { 'large/x.yaml': `# ${'x'.repeat(40 * 1024 * 1024)}` },
    texts: ['large/x.yaml', 'larger than 10 MiB'],
  },
  {
    what: 'a chart that prints without end',
    name: 'endless',
    files: chart('endless', '{{ range until 100000 }}{{ range until 100000 }}# 0123456789012345678901234567890123456789\n{{ end }}{{ end }}'),
    texts: ['endless', 'needs more memory'],
  },
  {
    what: 'a name that is a path',
    name: 'path-name',
    files: { 'path-name/x.yaml': configMap('../../namespaces/kube-system') },
    texts: ['path-name/x.yaml:1', 'metadata.name must not be'],
  },
];

/** Without the applyset parents. */
const settingsOf = async (where: string) => (await ground.objects(where, 'configmaps')).filter(({ metadata }) => !metadata.name.startsWith('sluice-'));

describe('hostile contents of a repository', () => {
  beforeAll(async () => {
    const { clone } = ground;
    const write = async (files: Files) => {
      for (const [path, content] of Object.entries(files)) await (content === undefined ? clone.remove(path) : clone.write(path, content));
    };
    await write({ 'neighbour/settings.yaml': configMap('settings', { version: '1' }) });
    for (const { files, links = {}, submodules = [] } of hostile) {
      await write(files);
      for (const [path, target] of Object.entries(links)) {
        await mkdir(join(clone.path, path, '..'), { recursive: true });
        await symlink(target, join(clone.path, path));
      }
      for (const path of submodules) {
        await mkdir(join(clone.path, path), { recursive: true });
        await clone.git('update-index', '--add', '--cacheinfo', `160000,${commitId},${path}`);
      }
    }
    await clone.commit('hostile contents');
    await clone.push();
    await ground.toHub(
      ...hostile.map(({ name, source = {} }) => {
        const declared = application(name, room);
        return { ...declared, spec: { ...declared.spec, source: { ...declared.spec.source, ...source } } };
      }),
      application('neighbour', 'room-neighbour'),
    );
  });

  it.each(hostile)('$what is refused with its place, the reason and what to do', async ({ name, texts }) => {
    await ground.untilStatus(name, stalledBy(...texts));
  });

  it('applies nothing of all that, says nothing of files of the machine, and holds up nobody else', async () => {
    await ground.untilStatus('neighbour', { sync: { state: 'Synced' } });
    expect(await ground.objects(room, 'configmaps')).toEqual([]);
    const said = await ground.world.hub.kubectl(['get', 'applications.sluice.dev', '-n', home, '-o', 'json']);
    expect(said).not.toMatch(/root:x:|ENOENT|node_modules|\/tmp\//);
    expect(ground.world.sluice.isRunning()).toBe(true);

    const commit = await ground.push({ 'neighbour/settings.yaml': configMap('settings', { version: '2' }) });
    await ground.untilStatus('neighbour', { commit, sync: { state: 'Synced' } });
    expect(await settingsOf('room-neighbour')).toMatchObject([{ data: { version: '2' } }]);
  });

  it('is forgotten by the commit that mends it', async () => {
    const names = hostile.map(({ name }) => name);
    await ground.clone.git('rm', '-r', '--quiet', '--cached', ...names);
    await ground.clone.git('clean', '-d', '--force', '--quiet', '--', ...names);
    for (const { name } of hostile) await ground.clone.write(`${name}/x.yaml`, configMap(`mended-${name}`));
    for (const name of names.filter((each) => each === 'values-outside')) await ground.toHub(application(name, room));
    const commit = await ground.clone.commit('mended');
    await ground.clone.push();
    for (const name of names) await ground.untilStatus(name, { commit, sync: { state: 'Synced' } });
    expect((await settingsOf(room)).map(({ metadata }) => metadata.name).toSorted()).toEqual(names.map((name) => `mended-${name}`).toSorted());
  });
});

describe('wrong declarations', () => {
  it.each([
    ['a path that leaves the repository', { path: '../other' }, 'spec.source.path', 'must be a path inside the repository'],
    ['an absolute path', { path: '/etc' }, 'spec.source.path', 'must be a path inside the repository'],
  ])('%s is refused by the API server', async (_what, options, ...texts) => {
    const refused = ground.toHub(application('refused', room, options));
    for (const text of texts) await expect(refused).rejects.toThrow(text);
  });

  it('says which Cluster cannot be reached, and at which address', async () => {
    const kubeconfig = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'u', user: { token: 'hunter2-of-the-cluster' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    });
    const rules = [{ hubNamespaces: [home], namespaces: ['room-*'], serviceAccounts: ['deployer'] }];
    const declared = application('away', room, { path: 'neighbour' });
    await ground.toHub(
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'away-kubeconfig', namespace: home }, stringData: { kubeconfig } },
      resource('Cluster', 'away', { connection: { type: 'kubeconfig', kubeconfig: { secretRef: { name: 'away-kubeconfig' } } }, rules }),
      { ...declared, spec: { ...declared.spec, destination: { cluster: { name: 'away', namespace: home }, namespace: room } } },
    );
    const ready = { type: 'Ready', status: 'False', reason: 'Unreachable', message: message('Cluster ground/away', 'https://127.0.0.1:1', 'ECONNREFUSED') };
    const now = await ground.untilStatus('away', { conditions: expect.arrayContaining([expect.objectContaining(ready)]) });
    expect(JSON.stringify(now)).not.toContain('hunter2');
  });

  it('says of a repository that its credentials are refused, and never which', async () => {
    const { url } = ground.world.gitea;
    const secret = (name: string, stringData: object) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: home }, stringData });
    const inside = resource('Repository', 'wrong-address', { url: ground.repositoryUrl.replace('://', '://somebody:hunter2@') });
    await expect(ground.toHub(inside)).rejects.toThrow('spec.url');
    await ground.toHub(
      secret('wrong-token', { token: 'hunter2-token' }),
      secret('wrong-password', { username: 'somebody', password: 'hunter2-password' }),
      resource('Repository', 'wrong-token', { url: ground.repositoryUrl, secretRef: { name: 'wrong-token' } }),
      resource('Repository', 'wrong-password', { url: ground.repositoryUrl, secretRef: { name: 'wrong-password' } }),
      ...['wrong-token', 'wrong-password'].map((name) => application(name, room, { path: 'neighbour', repository: name })),
    );
    for (const name of ['wrong-token', 'wrong-password']) {
      const texts = [`Repository ${home}/${name}`, `(${url}/`, 'the Git host refuses the credentials (401)', 'secretRef'];
      await ground.untilStatus(name, {
        conditions: expect.arrayContaining([
          expect.objectContaining({ type: 'Stalled', status: 'True', reason: 'RepositoryUnreadable', message: message(...texts) }),
        ]),
      });
    }
    await soon(async () => {
      const items = JSON.parse(await ground.world.hub.kubectl(['get', 'repositories,applications', '-n', home, '-o', 'json'])).items as Application[];
      expect(JSON.stringify(items.map(({ status }) => status))).not.toContain('hunter2');
    });
    expect((await ground.world.sluice.warnings(10_000)).join('\n')).not.toContain('hunter2');
  });
});
