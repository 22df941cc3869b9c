import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGitReceivePack } from '../../src/adapters/git-receive-pack.ts';
import { openGitSource } from '../../src/adapters/git-source.ts';
import { environmentRef, notesRef } from '../../src/promotion/environment-branch.ts';
import { noteVerdicts } from '../../src/promotion/note-verdicts.ts';
import type { Ports } from '../../src/promotion/ports.ts';
import { promoteOnce } from '../../src/promotion/promote.ts';
import { commitOf } from '../../src/promotion/record.ts';
import { allowedSignersLine } from '../../src/promotion/signing-key.ts';
import type { StageStatus } from '../../src/resources/pipeline.ts';
import { refreshOnce } from '../../src/sync/refresh.ts';
import { applicationOf, cluster, type Given, pipeline, repository } from '../builders.ts';
import { type FakeHub, fakeHub } from '../fakes/fake-hub.ts';
import { openWorld } from '../world.ts';
import { type GitHost, openGitHttpBackend } from './git-http-backend.ts';
import { openGitWork } from './git-work.ts';
import { openGiteaHost } from './gitea-host.ts';

const { signal } = new AbortController();
const at = '2026-09-01T10:00:00.000Z';

describe.each([
  { name: 'git http-backend', open: openGitHttpBackend },
  { name: 'Gitea', open: openGiteaHost },
])('notes on $name', ({ open }) => {
  let host: GitHost;
  let work: ReturnType<typeof openGitWork>;
  let cacheDir: string;
  const open_: AsyncDisposable[] = [];
  const commits: string[] = [];

  beforeAll(async () => {
    host = await open();
    cacheDir = mkdtempSync(join(tmpdir(), 'sluice-notes-'));
    work = openGitWork(host);
    for (const name of ['a', 'b'])
      commits.push(await work.commit({ 'apps/web/a.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n` }, `Release ${name}`));
    await work.push();
  });
  afterAll(async () => {
    for (const each of open_) await each[Symbol.asyncDispose]();
    work.close();
    await host[Symbol.asyncDispose]();
    rmSync(cacheDir, { recursive: true, force: true });
  });

  /** A hub and a process of its own beside the one Git host. */
  function openProcess(...given: readonly Given<'Pipeline'>[]): { readonly hub: FakeHub; readonly ports: Ports } {
    const hub = fakeHub(
      repository({ spec: { url: host.url } }),
      cluster({ name: 'staging' }),
      cluster({ name: 'production' }),
      ...given.map((each) => pipeline(each)),
    );
    for (const name of ['staging', 'production']) hub.put(applicationOf(name, { spec: { source: { path: 'apps/web' } } }));
    const source = openGitSource({ cacheDir, timeoutMs: 20_000 });
    const environmentBranch = openGitReceivePack({ timeoutMs: 20_000 });
    open_.push(source, environmentBranch);
    const access = { repository: { namespace: 'shop', name: 'config' }, url: host.url, credentials: { token: host.token } };
    const readRawCommit: Ports['readRawCommit'] = (from, id, stop) => source.rawCommit(from, id, stop);
    return { hub, ports: { ...openWorld().ports, hub: hub.hub, source, environmentBranch, readRawCommit, accessTo: async () => access } };
  }

  const admitted = (sequence: number, ordinal: number): NonNullable<StageStatus['admitted']> => ({
    release: `shop-${sequence}-${(commits[sequence - 1] ?? '').slice(0, 8)}`,
    revision: commits[sequence - 1] ?? '',
    sequence,
    ordinal,
    admittedAt: at,
    deadlineAt: at,
    verdict: 'verified',
    verdictAt: at,
    reason: 'healthy',
  });
  const verifiedIn = (name: string, sequence = 1): { readonly stages: StageStatus[] } => ({
    stages: [{ name, admitted: admitted(sequence, sequence), history: [] }],
  });
  const noteBySystemGit = async (commit: string): Promise<string> => {
    await work.git('fetch', '-q', host.url, `+${notesRef}:${notesRef}`);
    return work.git('notes', '--ref=sluice', 'show', commit);
  };

  it('are read by git itself, and stand on a commit that it verifies as signed', async () => {
    const { hub, ports } = openProcess({ status: verifiedIn('staging') });
    const noted = await noteVerdicts(hub.get('Pipeline', { namespace: 'shop', name: 'shop' }), ports, signal);
    expect(noted.hindrance).toBeUndefined();
    expect(noted.pipeline.status?.stages[0]?.admitted?.noted).toBe('verified');
    expect(await noteBySystemGit(commits[0] ?? '')).toMatch(/^shop\/shop staging verified 2026-09-01T10:00:00.000Z admission=1 .* healthy$/);
    expect(await work.git('fsck', '--strict', '--no-dangling')).not.toContain('error');
    const allowed = join(cacheDir, 'allowed_signers');
    writeFileSync(allowed, allowedSignersLine(ports.signer.email, ports.signer.key.publicKeyOpenSsh));
    await work.git('-c', `gpg.ssh.allowedSignersFile=${allowed}`, 'verify-commit', notesRef);
  });

  it('of two processes at once are both there in the end', async () => {
    const names = ['left', 'right', 'third'];
    const processes = names.map((name) => ({ name, ...openProcess({ name, status: verifiedIn('staging', 2) }) }));
    for (let tries = 0; tries < 5; tries += 1) {
      await Promise.all(processes.map(({ name, hub, ports }) => noteVerdicts(hub.get('Pipeline', { namespace: 'shop', name }), ports, signal)));
      if (processes.every(({ name, hub }) => hub.get('Pipeline', { namespace: 'shop', name }).status?.stages[0]?.admitted?.noted === 'verified')) break;
    }
    const lines = (await noteBySystemGit(commits[1] ?? '')).split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(names.map((name) => `shop/${name}`));
    expect(await noteBySystemGit(commits[0] ?? '')).toContain('shop/shop staging');
  });

  it('and a real environment branch rebuild a hub that has lost everything', async () => {
    const { hub, ports } = openProcess({
      status: {
        stages: [
          { name: 'staging', admitted: admitted(2, 2), history: [] },
          { name: 'production', admitted: admitted(1, 1), history: [] },
        ],
      },
    });
    const tree = await work.git('rev-parse', `${commits[0]}^{tree}`);
    const release = { name: admitted(1, 1).release, revision: commits[0] ?? '', tree, subject: 'Release a' };
    const record = {
      pipeline: { namespace: 'shop', name: 'shop' },
      stage: 'production',
      release,
      admission: 1,
      head: undefined,
      decidedAt: new Date(at),
      why: 'verified',
      gates: [],
      approvedBy: [],
      digests: [],
    };
    const first = commitOf(record, ports.signer);
    const second = commitOf({ ...record, admission: 2, head: first.id, decidedAt: new Date(Date.parse(at) + 1000) }, ports.signer);
    const repositoryNow = hub.get('Repository', { namespace: 'shop', name: 'config' });
    const access = await ports.accessTo(repositoryNow, signal);
    const ref = environmentRef('shop', 'production');
    for (const [commit, expectedHead] of [
      [first, undefined],
      [second, first.id],
    ] as const)
      expect(await ports.environmentBranch.push({ access, ref, commit, expectedHead }, signal)).toEqual({ outcome: 'pushed' });
    expect((await noteVerdicts(hub.get('Pipeline', { namespace: 'shop', name: 'shop' }), ports, signal)).hindrance).toBeUndefined();

    const anew = openProcess({});
    const refresh = () => refreshOnce(anew.hub.get('Repository', { namespace: 'shop', name: 'config' }), anew.ports, signal);
    expect((await refresh()).pipelines).toEqual([{ namespace: 'shop', name: 'shop' }]);
    expect(anew.hub.hub.list('Release')).toEqual([]);
    const outcome = await promoteOnce(anew.hub.get('Pipeline', { namespace: 'shop', name: 'shop' }), anew.ports, signal);
    expect(outcome.rebuilt).toBe(true);
    expect(outcome.pipeline.status?.stages).toMatchObject([
      { name: 'staging', admitted: { revision: commits[1], ordinal: 2, verdict: 'verified' }, history: [{ revision: commits[0], verdict: 'verified' }] },
      {
        name: 'production',
        head: second.id,
        admitted: { revision: commits[0], ordinal: 2, verdict: 'pending', record: { commit: second.id, expectedHead: first.id, pushed: true } },
        history: [{ ordinal: 1, verdict: 'verified', commit: first.id }],
      },
    ]);
    expect(anew.hub.hub.list('Release').map(({ metadata, spec }) => [metadata.name, spec.sequence])).toEqual(
      [1, 2].map((sequence) => [admitted(sequence, 1).release, sequence]),
    );

    // The tip is a Release already, and what staging had verified goes on to production, on top of what stands there.
    expect((await refresh()).pipelines).toEqual([]);
    await promoteOnce(anew.hub.get('Pipeline', { namespace: 'shop', name: 'shop' }), anew.ports, signal);
    await work.git('fetch', '-q', host.url, ref);
    expect((await work.git('rev-parse', 'FETCH_HEAD^1', 'FETCH_HEAD^2')).split('\n')).toEqual([second.id, commits[1]]);
    expect(await work.git('log', '-1', '--format=%B', 'FETCH_HEAD')).toContain('Sluice-Admission: 3');
  });

  it('are left alone when somebody else has written there', async () => {
    await noteBySystemGit(commits[0] ?? '');
    await work.git('notes', '--ref=sluice', 'append', '-m', 'looks good to me', commits[0] ?? '');
    await work.git('push', '-q', host.url, notesRef);
    const { hub, ports } = openProcess({ name: 'late', status: verifiedIn('staging') });
    const { hindrance } = await noteVerdicts(hub.get('Pipeline', { namespace: 'shop', name: 'late' }), ports, signal);
    expect(hindrance).toMatch(/carries no SSH signature.*git push/);
    expect(await noteBySystemGit(commits[0] ?? '')).toContain('looks good to me');
  });
});
