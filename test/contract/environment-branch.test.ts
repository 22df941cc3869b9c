import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGitReceivePack } from '../../src/adapters/git-receive-pack.ts';
import { isPortError } from '../../src/model/port-error.ts';
import {
  type EnvironmentBranch,
  type EnvironmentRef,
  environmentRef,
  type PushOutcome,
  type ReadRawCommit,
  readHeadOwner,
} from '../../src/promotion/environment-branch.ts';
import { type CommitObject, commitOf, type Signer } from '../../src/promotion/record.ts';
import { allowedSignersLine, generateSigningKey, parseSigningKey } from '../../src/promotion/signing-key.ts';
import type { AdmissionRecord } from '../../src/promotion/trailers.ts';
import type { RepositoryAccess } from '../../src/source/source.ts';
import { fakeEnvironmentBranch } from '../fakes/fake-environment-branch.ts';
import { type GitHost, openGitHttpBackend } from './git-http-backend.ts';
import { openGiteaHost } from './gitea-host.ts';

const key = parseSigningKey(generateSigningKey(Buffer.alloc(32, 7)).privateKeyPem);
if (!key.ok) throw new Error('the test key cannot be read');
const signer: Signer = { key: key.value, name: 'Sluice', email: 'sluice@example.org' };
const repository = { namespace: 'shop', name: 'config' };
const pipeline = { namespace: 'shop', name: 'web' };
const { signal } = new AbortController();

type Release = AdmissionRecord['release'];

/** A repository with two Releases on its source branch. */
type Opened = AsyncDisposable & {
  readonly branch: EnvironmentBranch;
  readonly access: RepositoryAccess;
  readonly releases: readonly [Release, Release];
  readonly readRawCommit: ReadRawCommit;
  headOf(ref: EnvironmentRef): Promise<string | undefined>;
  protect(ref: EnvironmentRef): Promise<void>;
  /** Accepted by `git verify-commit`? Undefined where there is no git. */
  verifiedByGit?(id: string): Promise<boolean>;
};

async function openFake(): Promise<Opened> {
  const fake = fakeEnvironmentBranch();
  const release = (name: string): Release => {
    const tree = name.repeat(40);
    fake.addTree(tree);
    const revision = fake.addCommit(Buffer.from(`tree ${tree}\nauthor a <a@example.org> 0 +0000\ncommitter a <a@example.org> 0 +0000\n\nRelease ${name}\n`));
    return { name: `web-${name}`, revision, tree, subject: `Release ${name}` };
  };
  return {
    branch: fake.branch,
    access: { repository, url: 'https://git.example.org/config.git' },
    releases: [release('a'), release('b')],
    readRawCommit: fake.readRawCommit,
    headOf: async (ref) => fake.heads.get(ref),
    protect: async (ref) => fake.protect(ref, `${ref} is protected`),
    async [Symbol.asyncDispose]() {},
  };
}

const run = promisify(execFile);

async function openReal(openHost: () => Promise<GitHost>): Promise<Opened> {
  const host = await openHost();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-clone-'));
  writeFileSync(join(folder, 'allowed_signers'), allowedSignersLine(signer.email, signer.key.publicKeyOpenSsh));
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', `gpg.ssh.allowedSignersFile=${folder}/allowed_signers`];
  const header = `http.extraHeader=Authorization: Basic ${Buffer.from(`x-access-token:${host.token}`).toString('base64')}`;
  const git = async (...args: readonly string[]): Promise<string> =>
    (await run('git', ['-C', folder, ...identity, '-c', header, ...args], { env: { ...process.env, GIT_TERMINAL_PROMPT: '0' } })).stdout.trimEnd();

  await git('init', '-q', '-b', 'main');
  const release = async (name: string): Promise<Release> => {
    writeFileSync(join(folder, 'web.yaml'), `# ${name}\n`);
    await git('add', 'web.yaml');
    await git('commit', '-q', '-m', `Release ${name}`);
    const [revision = '', tree = ''] = (await git('rev-parse', 'HEAD', 'HEAD^{tree}')).split('\n');
    return { name: `web-${name}`, revision, tree, subject: `Release ${name}` };
  };
  const releases = [await release('a'), await release('b')] as const;
  await git('push', '-q', host.url, 'main');
  const branch = openGitReceivePack({ timeoutMs: 20_000 });
  const refs = ['fetch', '-q', host.url, '+refs/heads/*:refs/remotes/origin/*'];

  return {
    branch,
    access: { repository, url: host.url, credentials: { token: host.token } },
    releases,
    async readRawCommit(_access, id) {
      await git(...refs);
      return execFileSync('git', ['-C', folder, 'cat-file', 'commit', id]);
    },
    async headOf(ref) {
      const line = await git('ls-remote', host.url, ref);
      return line === '' ? undefined : line.slice(0, 40);
    },
    protect: (ref) => host.protect(ref.replace('refs/heads/', '')),
    async verifiedByGit(id) {
      await git(...refs);
      return git('verify-commit', id).then(
        () => true,
        () => false,
      );
    },
    async [Symbol.asyncDispose]() {
      await branch[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

describe.each([
  { name: 'fake', open: openFake },
  { name: 'git http-backend', open: () => openReal(openGitHttpBackend) },
  { name: 'Gitea', open: () => openReal(openGiteaHost) },
])('EnvironmentBranch contract: $name', ({ open }) => {
  let host: Opened;
  beforeAll(async () => {
    host = await open();
  }, 60_000);
  afterAll(() => host[Symbol.asyncDispose]());

  const recordFor = (stage: string, release: Release, head: string | undefined): AdmissionRecord => ({
    pipeline,
    stage,
    release,
    admission: head === undefined ? 1 : 2,
    head,
    decidedAt: new Date('2026-09-01T10:00:00Z'),
    why: 'staging verified it',
    gates: [{ gate: 'health', result: 'staging verified' }],
    approvedBy: [],
    digests: [],
  });
  const push = (stage: string, commit: CommitObject, expectedHead: string | undefined): Promise<PushOutcome> =>
    host.branch.push({ access: host.access, ref: environmentRef(pipeline.name, stage), commit, expectedHead }, signal);

  it('makes a branch, and moves it on', async () => {
    const first = commitOf(recordFor('moves', host.releases[0], undefined), signer);
    const second = commitOf(recordFor('moves', host.releases[1], first.id), signer);
    expect(await push('moves', first, undefined)).toEqual({ outcome: 'pushed' });
    expect(await host.headOf(environmentRef('web', 'moves'))).toBe(first.id);
    expect(await push('moves', second, first.id)).toEqual({ outcome: 'pushed' });
    expect(await host.headOf(environmentRef('web', 'moves'))).toBe(second.id);

    const head = { readRawCommit: host.readRawCommit, access: host.access, publicKeys: [signer.key.publicKey], pipeline, stage: 'moves' };
    expect(await readHeadOwner({ ...head, id: first.id, previousHead: undefined }, signal)).toMatchObject({ owner: 'ours', record: { release: 'web-a' } });
    expect(await readHeadOwner({ ...head, id: second.id, previousHead: first.id }, signal)).toMatchObject({ owner: 'ours', record: { release: 'web-b' } });
    expect(await readHeadOwner({ ...head, id: host.releases[1].revision, previousHead: second.id }, signal)).toMatchObject({ owner: 'foreign' });
    if (host.verifiedByGit !== undefined) expect([await host.verifiedByGit(first.id), await host.verifiedByGit(second.id)]).toEqual([true, true]);
  });

  it('says of a doubled push that the branch has moved, to that very commit', async () => {
    const commit = commitOf(recordFor('doubled', host.releases[0], undefined), signer);
    expect(await push('doubled', commit, undefined)).toEqual({ outcome: 'pushed' });
    expect(await push('doubled', commit, undefined)).toEqual({ outcome: 'moved', head: commit.id });
  });

  it('leaves a branch alone that is not where it was expected', async () => {
    const first = commitOf(recordFor('stale', host.releases[0], undefined), signer);
    const second = commitOf(recordFor('stale', host.releases[1], first.id), signer);
    const late = commitOf({ ...recordFor('stale', host.releases[0], first.id), admission: 3 }, signer);
    await push('stale', first, undefined);
    await push('stale', second, first.id);
    expect(await push('stale', late, first.id)).toEqual({ outcome: 'moved', head: second.id });
    expect(await host.headOf(environmentRef('web', 'stale'))).toBe(second.id);
  });

  it('says that a branch is gone', async () => {
    const commit = commitOf(recordFor('gone', host.releases[1], host.releases[0].revision), signer);
    expect(await push('gone', commit, host.releases[0].revision)).toEqual({ outcome: 'moved', head: undefined });
  });

  it('lets exactly one of two workers win', async () => {
    const commits = [3, 4].map((admission) => commitOf({ ...recordFor('race', host.releases[0], undefined), admission }, signer));
    const outcomes = await Promise.all(
      commits.map((commit) => push('race', commit, undefined).catch((error: unknown) => ({ outcome: isPortError(error, 'CONFLICT') ? 'busy' : error }))),
    );
    const winner = outcomes.findIndex(({ outcome }) => outcome === 'pushed');
    expect(await host.headOf(environmentRef('web', 'race'))).toBe(commits[winner]?.id);
    expect(['moved', 'busy']).toContain(outcomes[1 - winner]?.outcome);
  });

  it("reports the host's rules as a refusal with its reason", async () => {
    const ref = environmentRef('web', 'ruled');
    await host.protect(ref);
    const commit = commitOf(recordFor('ruled', host.releases[0], undefined), signer);
    expect(await push('ruled', commit, undefined)).toEqual({ outcome: 'refused', reason: expect.stringContaining('protected') });
    expect(await host.headOf(ref)).toBeUndefined();
  });

  it.each(['tree', 'revision'] as const)('refuses a Release whose %s the host does not have', async (field) => {
    const stage = `missing-${field}`;
    const commit = commitOf(recordFor(stage, { ...host.releases[0], [field]: 'd'.repeat(40) }, undefined), signer);
    expect(await push(stage, commit, undefined)).toEqual({ outcome: 'refused', reason: expect.any(String) });
    expect(await host.headOf(environmentRef('web', stage))).toBeUndefined();
  });

  it('stops when it is told to', async () => {
    const commit = commitOf(recordFor('aborted', host.releases[0], undefined), signer);
    const stopped = AbortSignal.abort(new Error('the worker stops'));
    const pushing = host.branch.push({ access: host.access, ref: environmentRef('web', 'aborted'), commit, expectedHead: undefined }, stopped);
    await expect(pushing).rejects.toThrow('the worker stops');
  });
});

describe('a Git host that misbehaves', () => {
  const ref = environmentRef('web', 'production');
  const release: Release = { name: 'web-a', revision: 'a'.repeat(40), tree: 'b'.repeat(40), subject: 'Release a' };
  const commit = commitOf(
    { pipeline, stage: 'production', release, admission: 1, head: undefined, decidedAt: new Date(0), why: '', gates: [], approvedBy: [], digests: [] },
    signer,
  );
  const ng = (reason: string): string => `${line('unpack ok\n')}${line(`ng ${ref} ${reason}\n`)}0000`;
  const line = (text: string): string => (Buffer.byteLength(text) + 4).toString(16).padStart(4, '0') + text;
  const advertised = `${line('# service=git-receive-pack\n')}0000${line(`${'0'.repeat(40)} capabilities^{}\0report-status\n`)}0000`;

  async function pushTo(answer: RequestListener, access: Partial<RepositoryAccess> = {}): Promise<unknown> {
    const server = createServer(answer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    await using branch = openGitReceivePack({ timeoutMs: 300 });
    try {
      const url = `http://sluice:hunter2@127.0.0.1:${(server.address() as AddressInfo).port}/config.git`;
      return await branch.push({ access: { repository, url, ...access }, ref, commit, expectedHead: undefined }, signal).catch((error: unknown) => error);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
  const reporting =
    (report: string): RequestListener =>
    ({ method }, answer) => {
      const asked = method === 'GET' ? 'advertisement' : 'result';
      answer.writeHead(200, { 'content-type': `application/x-git-receive-pack-${asked}` }).end(method === 'GET' ? advertised : report);
    };
  const answering =
    (status: number, headers: Readonly<Record<string, string>> = {}, body = ''): RequestListener =>
    (_, answer) =>
      answer.writeHead(status, headers).end(body);

  it.each([
    ['a report without side-band-64k', `${line('unpack ok\n')}${line(`ok ${ref}\n`)}0000`, { outcome: 'pushed' }],
    ['a report in the side band', `${line(`\u0001${line('unpack ok\n')}${line(`ok ${ref}\n`)}0000`)}0000`, { outcome: 'pushed' }],
    ['a report in two pieces', `${line(`\u0001${line('unpack ok\n')}00`)}${line(`\u0001${line(`ok ${ref}\n`).slice(2)}0000`)}0000`, { outcome: 'pushed' }],
    [
      'rules against merge commits',
      `${line('\u0002error: GH013: This branch must not contain merge commits.\n')}${line(`\u0001${ng('protected branch hook declined')}`)}0000`,
      { outcome: 'refused', reason: expect.stringMatching(/hook declined: error: GH013.*Turn off "require linear history" for refs\/heads\/env/) },
    ],
    [
      'objects that are not there',
      `${line('unpack index-pack abnormal exit\n')}${line(`ng ${ref} unpacker error\n`)}0000`,
      { outcome: 'refused', reason: expect.stringContaining("lacks the Release's commit") },
    ],
    ['an error in the side band', `${line('\u0003fatal: no space left\n')}0000`, { outcome: 'refused', reason: expect.stringContaining('no space left') }],
    ['an ERR packet', line('ERR access denied\n'), { outcome: 'refused', reason: expect.stringContaining('access denied') }],
    ['a lock that was held', ng('failed to update ref'), expect.objectContaining({ code: 'CONFLICT' })],
    ["another branch's report", `${line('unpack ok\n')}${line('ok refs/heads/main\n')}0000`, expect.objectContaining({ code: 'INVALID' })],
    ['half a report', line('unpack ok\n').slice(0, 8), expect.objectContaining({ code: 'INVALID' })],
    ['nothing', '', expect.objectContaining({ code: 'INVALID' })],
    ['noise', '\u0000\u00ff<html>', expect.objectContaining({ code: 'INVALID' })],
  ])('is understood when it answers %s', async (_, report, outcome) => {
    expect(await pushTo(reporting(report))).toEqual(outcome);
  });

  it.each([
    ['refuses the credentials', answering(401), 'UNAUTHORIZED'],
    ['forbids the push', answering(403, { 'content-type': 'text/plain' }, 'You are not allowed to push code'), 'FORBIDDEN'],
    ['does not know the repository', answering(404), 'NOT_FOUND'],
    ['is overloaded', answering(429, { 'retry-after': '7' }), 'UNREACHABLE'],
    ['fails', answering(502), 'UNREACHABLE'],
    ['has moved', answering(301, { location: 'https://elsewhere.example.org' }), 'INVALID'],
    ['shows a page', answering(200, { 'content-type': 'text/html' }, '<html>Sign in</html>'), 'INVALID'],
    ['never answers', () => {}, 'TIMEOUT'],
    ['stops in the middle of its answer', (_asked, answer) => answer.writeHead(200).write('0'), 'TIMEOUT'],
    ['hangs up', ({ socket }) => socket.destroy(), 'UNREACHABLE'],
  ] satisfies readonly (readonly [string, RequestListener, string])[])('that %s is a PortError without secrets', async (_, answer, code) => {
    const error = await pushTo(answer);
    expect(isPortError(error) && { port: error.port, code: error.code }).toEqual({ port: 'environment-branch', code });
    expect(String(error)).toContain('Repository shop/config');
    expect(String(error)).not.toMatch(/hunter2|c2x1aWNl/);
    if (isPortError(error) && error.message.includes('429')) expect(error.retryAfterMs).toBe(7_000);
  });

  it.each([
    ['the address of the Repository', {}, 'sluice:hunter2'],
    ['its token', { credentials: { token: 't0ken' } }, 'x-access-token:t0ken'],
    ['its user and password', { credentials: { username: 'ada', password: 'p:w' } }, 'ada:p:w'],
  ])('is given the credentials of %s', async (_, access, expected) => {
    let seen = '';
    await pushTo(({ headers }, answer) => {
      seen = Buffer.from(headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
      answer.writeHead(404).end();
    }, access);
    expect(seen).toBe(expected);
  });

  it.each(['ssh://git@example.org/config.git', 'git@example.org:config.git', 'file:///tmp/config'])('cannot be %s', async (url) => {
    await using branch = openGitReceivePack({ timeoutMs: 300 });
    const error = await branch.push({ access: { repository, url }, ref, commit, expectedHead: undefined }, signal).catch((thrown: unknown) => thrown);
    expect(isPortError(error, 'INVALID')).toBe(true);
  });
});
