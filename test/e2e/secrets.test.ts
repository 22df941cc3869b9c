import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Redis as Client } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pipeline } from '../../src/resources/pipeline.ts';
import type { Files } from '../../tools/git.ts';
import { application, type Ground, home, openGround, resource, soon, stalledBy } from './ground.ts';

/** In every value of a Secret here, and nowhere else. */
const canary = `canary${randomBytes(12).toString('hex')}`;
const stages = ['staging', 'production'] as const;
const rooms = { staging: 'room-vault-staging', production: 'room-vault-production', refused: 'room-refused' } as const;

let ground: Ground;
let redis: Client;
/** Every command that Redis has been given. */
const commands: string[] = [];

beforeAll(async () => {
  ground = await openGround({ environment: { SLUICE_LOG_LEVEL: 'debug' } });
  for (const room of Object.values(rooms)) await ground.openRoom(room.replace('room-', ''));
  redis = new Client(ground.world.redis.url, { maxRetriesPerRequest: null });
  const monitor = await redis.duplicate().monitor();
  monitor.on('monitor', (_time: string, args: readonly string[]) => void commands.push(args.join(' ')));
});
afterAll(async () => {
  redis?.disconnect();
  await ground?.[Symbol.asyncDispose]();
});

const secret = (name: string, more: object) => JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, ...more });
const base64 = (text: string) => Buffer.from(text).toString('base64');
const vault = (value: string): Files => ({
  'vault/staging/plain.yaml': secret('plain', { stringData: { password: value } }),
  'vault/staging/encoded.yaml': secret('encoded', { data: { password: base64(value) } }),
  'vault/production/kustomization.yaml': [
    'generatorOptions: {disableNameSuffixHash: true}',
    'secretGenerator:',
    `- {name: plain, literals: [password=${value}]}`,
    '- {name: encoded, files: [password=password.txt]}',
    '',
  ].join('\n'),
  'vault/production/password.txt': value,
});

type Refused = { readonly what: string; readonly name: string; readonly files: Files; readonly texts: readonly string[] };
const inFile = (name: string, content: string): Files => ({ [`${name}/secret.yaml`]: content });
const kustomized = (name: string, lines: readonly string[], others: Files = {}): Files => ({
  [`${name}/kustomization.yaml`]: `${lines.join('\n')}\n`,
  ...Object.fromEntries(Object.entries(others).map(([file, content]) => [`${name}/${file}`, content])),
});
const charted = (name: string, template: string): Files => ({
  [`${name}/Chart.yaml`]: 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
  [`${name}/values.yaml`]: `auth:\n  password: ${canary}\n`,
  [`${name}/templates/secret.yaml`]: template,
});

const refused: readonly Refused[] = [
  {
    what: 'data that is not base64',
    name: 'no-base64',
    files: inFile('no-base64', secret('x', { data: { password: `${canary}!` } })),
    texts: ['no-base64/secret.yaml:1', 'Secret room-refused/x', 'is not base64'],
  },
  {
    what: 'a value of the wrong type',
    name: 'wrong-type',
    files: inFile('wrong-type', secret('x', { stringData: { password: { [canary]: canary } } })),
    texts: ['wrong-type/secret.yaml:1', 'Secret room-refused/x', '.stringData.password'],
  },
  {
    what: 'a field that does not exist',
    name: 'wrong-field',
    files: inFile('wrong-field', secret('x', { stringdata: { password: canary } })),
    texts: ['wrong-field/secret.yaml:1', 'Secret room-refused/x', 'stringdata'],
  },
  {
    what: 'contents that its type refuses',
    name: 'wrong-contents',
    files: inFile('wrong-contents', secret('x', { type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': `{"auths": ${canary}` } })),
    texts: ['wrong-contents/secret.yaml:1', 'Secret room-refused/x', 'data[.dockerconfigjson]'],
  },
  {
    what: 'an object that is too large',
    name: 'too-large',
    files: inFile('too-large', secret('x', { stringData: { password: canary.repeat(40_000) } })),
    texts: ['too-large/secret.yaml:1', 'Secret room-refused/x'],
  },
  {
    what: 'a line that is no YAML',
    name: 'no-yaml',
    files: inFile('no-yaml', `apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData:\n  password: "${canary}\n  other: *${canary}\n`),
    texts: ['no-yaml/secret.yaml:', 'is not valid YAML'],
  },
  {
    what: 'a patch that does not fit',
    name: 'wrong-patch',
    files: kustomized(
      'wrong-patch',
      [
        'resources: [secret.yaml]',
        'patches:',
        `- patch: '[{"op": "test", "path": "/stringData/password", "value": "${canary}2"}]'`,
        '  target: {kind: Secret}',
      ],
      { 'secret.yaml': secret('x', { stringData: { password: canary } }) },
    ),
    texts: ['wrong-patch: kustomize build'],
  },
  {
    what: 'a literal of a generator that is none',
    name: 'wrong-literal',
    files: kustomized('wrong-literal', ['secretGenerator:', `- {name: x, literals: ["${canary}"]}`]),
    texts: ['wrong-literal: kustomize build'],
  },
  {
    what: 'a chart that fails with its values',
    name: 'failing-chart',
    files: charted('failing-chart', '{{ fail (printf "no good: %s and %s" .Values.auth.password (b64enc .Values.auth.password)) }}'),
    texts: ['failing-chart: helm template', 'no good'],
  },
  {
    what: 'a chart that writes its values where no YAML is',
    name: 'garbled-chart',
    files: charted('garbled-chart', 'kind: Secret\n{{ .Values.auth.password }}: [{{ .Values.auth.password }}\n'),
    texts: ['garbled-chart'],
  },
];

const stage = (name: (typeof stages)[number]) => {
  const declared = application(`vault-${name}`, rooms[name], { path: `vault/${name}` });
  const { targetRevision: _supplied, ...source } = declared.spec.source;
  return { ...declared, metadata: { ...declared.metadata, labels: { vault: name } }, spec: { ...declared.spec, source } };
};
const pipeline = () =>
  resource('Pipeline', 'vault', {
    repository: { name: 'config' },
    branch: 'main',
    stages: [
      { name: 'staging', selector: { matchLabels: { vault: 'staging' } }, verify: { soakSeconds: 1 } },
      { name: 'production', after: ['staging'], selector: { matchLabels: { vault: 'production' } } },
    ],
  });

const untilVerified = (commit: string) =>
  soon(async () => {
    const { status } = JSON.parse(await ground.world.hub.kubectl(['get', 'pipelines.sluice.dev', 'vault', '-n', home, '-o', 'json'])) as Pipeline;
    expect(status?.stages).toMatchObject(stages.map((name) => ({ name, admitted: { revision: commit, verdict: 'verified' } })));
  });

const passwords = async (room: string) =>
  (await ground.objects(room, 'secrets')).map(({ metadata, data }) => `${metadata.name}: ${Buffer.from(data?.password ?? '', 'base64')}`).toSorted();

describe('a Secret with a canary in it', () => {
  it('goes to production with its value', async () => {
    const commit = await ground.push(vault(canary));
    await ground.toHub(pipeline(), ...stages.map(stage));
    await untilVerified(commit);
    for (const name of stages) expect(await passwords(rooms[name])).toEqual([`encoded: ${canary}`, `plain: ${canary}`]);
  });

  it('goes there again with another value, and is put back when somebody changes it', async () => {
    await untilVerified(await ground.push(vault(`${canary}-2`)));
    const patch = JSON.stringify({ stringData: { password: `${canary}-by-hand`, added: canary } });
    await ground.world.staging.kubectl(['patch', 'secret', 'plain', '-n', rooms.production, '--type=merge', '-p', patch]);
    await soon(async () => expect(await passwords(rooms.production)).toEqual([`encoded: ${canary}-2`, `plain: ${canary}-2`]));
    await ground.world.staging.kubectl(['delete', 'secret', 'encoded', '-n', rooms.production]);
    await soon(async () => expect(await passwords(rooms.production)).toEqual([`encoded: ${canary}-2`, `plain: ${canary}-2`]));
  });

  it('is quoted by the API server when it is refused, so that the rest of this file proves something', async () => {
    const invalid = secret('x', { stringData: { password: { nested: canary } } });
    const args = ['apply', '--server-side', '--validate=false', '-n', rooms.refused, '-f', '-'];
    await expect(ground.world.staging.kubectl(args, { input: invalid })).rejects.toThrow(canary);
  });

  it.each(refused)('is refused for $what, with its place and the reason', async ({ name, files, texts }) => {
    await ground.push(files);
    await ground.toHub(application(name, rooms.refused));
    await ground.untilStatus(name, stalledBy(...texts));
    expect(await ground.objects(rooms.refused, 'secrets')).toEqual([]);
  });

  it('fails a Release that renders it wrongly', async () => {
    const commit = await ground.push({ 'vault/staging/plain.yaml': secret('plain', { data: { password: `${canary}!` } }) });
    await soon(async () => {
      const failed = { context: 'sluice/vault/staging', state: 'failure', description: expect.stringContaining('vault-staging') };
      expect(await statusesOn(commit)).toEqual(expect.arrayContaining([expect.objectContaining(failed)]));
    });
  });
});

const statusesOn = (commit: string) => ground.world.gitea.commitStatuses('config', commit);

describe('the canary is nowhere', () => {
  const forms = [canary, base64(canary).replace(/=+$/, '')];
  const expectNone = (where: string, text: string) => {
    expect(text.length, where).toBeGreaterThan(0);
    for (const form of forms) {
      const index = text.indexOf(form);
      expect(index === -1 ? '' : text.slice(Math.max(0, index - 300), index + 40), where).toBe('');
    }
  };

  it('in the log', async () => {
    const log = await readFile(ground.world.sluice.logFile, 'utf8');
    expectNone('log', log);
    expect(log).toContain('no-base64');
  });

  it.each(['applications', 'pipelines', 'releases', 'repositories', 'clusters'])('in any of the %s, managed fields and all', async (kind) => {
    expectNone(kind, await ground.world.hub.kubectl(['get', `${kind}.sluice.dev`, '-A', '-o', 'json', '--show-managed-fields']));
  });

  it('in other objects of the hub or of the destination that are no Secrets', async () => {
    for (const cluster of [ground.world.hub, ground.world.staging]) {
      for (const kind of ['configmaps', 'events', 'leases'])
        expectNone(`${cluster.name} ${kind}`, await cluster.kubectl(['get', kind, '-A', '-o', 'json', '--show-managed-fields']));
    }
  });

  it('in annotations and labels of the Secrets themselves', async () => {
    const metadata = (await ground.objects<{ readonly metadata: object }>(rooms.production, 'secrets')).map((object) => object.metadata);
    expectNone('metadata', JSON.stringify(metadata));
  });

  it('in Redis: in no key, and in no command that it was ever given', async () => {
    await redis.config('SET', 'rdbcompression', 'no');
    const keys = await redis.keys('*');
    expect(keys.length).toBeGreaterThan(0);
    const dumps = await Promise.all(keys.map(async (key) => `${key} ${(await redis.dumpBuffer(key))?.toString('latin1') ?? ''}`));
    expectNone('keys', dumps.join('\n'));
    expect(commands.join('\n')).toContain(`${home}/vault`);
    expectNone('commands', commands.join('\n'));
  });

  it('in what Sluice wrote to Git: promotion commits and notes', async () => {
    const { clone } = ground;
    await clone.git('fetch', '--quiet', 'origin', '+refs/heads/env/*:refs/remotes/origin/env/*', '+refs/notes/*:refs/notes/*');
    const promoted = await clone.git('log', '--format=raw', '--notes=sluice', 'origin/env/vault/production');
    expect(promoted).toContain('Sluice-Release');
    expectNone('promotion commits', promoted);
    expectNone('notes', await clone.git('log', '--patch', '--format=raw', 'refs/notes/sluice'));
  });

  it('in the statuses of any commit', async () => {
    const commits = (await ground.clone.git('rev-list', '--all')).trim().split('\n');
    const statuses = await Promise.all(commits.map(statusesOn));
    expectNone('statuses', JSON.stringify(statuses));
    expect(statuses.flat().map(({ state }) => state)).toEqual(expect.arrayContaining(['success', 'failure']));
  });

  it.each(['/metrics', '/healthz', '/readyz'])('in %s', async (path) => {
    expectNone(path, await (await fetch(`${ground.world.sluice.url}${path}`)).text());
  });

  it('in what a broken webhook is answered', async () => {
    const body = `{"ref": "${canary}`;
    const answer = await fetch(`${ground.world.sluice.url}/webhooks/${home}/config`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    expect(answer.status).toBe(401);
    expectNone('answer', await answer.text());
  });
});
