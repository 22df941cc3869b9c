import { beforeEach, describe, expect, it } from 'vitest';
import { PortError } from '../../src/model/port-error.ts';
import type { CommitStatus, GitHost } from '../../src/status/git-host.ts';
import { type ReportPorts, reportOnce, wantedStatuses } from '../../src/status/report.ts';
import { pipeline, release, repository } from '../builders.ts';
import { type FakeHub, fakeHub } from '../fakes/fake-hub.ts';

type Stage = { readonly name: string; readonly state: 'waiting' | 'skipped' | 'pending' | 'verified' | 'failed'; readonly reason: string };
const since = '2026-01-01T00:00:00.000Z';
const releaseWith = (...stages: readonly Stage[]) => release({ status: { stages: stages.map((stage) => ({ ...stage, since, frozen: false })) } });

describe('wantedStatuses', () => {
  it.each([
    { state: 'waiting', reason: 'waiting to be verified in staging', wanted: 'pending', description: 'waiting to be verified in staging' },
    { state: 'pending', reason: 'soaking: healthy for 1 of 3 s', wanted: 'pending', description: 'soaking: healthy for 1 of 3 s' },
    { state: 'verified', reason: 'healthy for 3 s', wanted: 'success', description: 'verified: healthy for 3 s' },
    { state: 'failed', reason: 'catalog is Degraded', wanted: 'failure', description: 'failed: catalog is Degraded' },
    { state: 'skipped', reason: 'passed over: shop-3 took the stage', wanted: 'pending', description: 'skipped: passed over: shop-3 took the stage' },
  ] as const)('says $wanted of a stage that is $state', ({ state, reason, wanted, description }) => {
    expect(wantedStatuses(releaseWith({ name: 'staging', state, reason }))).toEqual([{ context: 'sluice/shop/staging', state: wanted, description }]);
  });

  it('keeps to one line of 140 characters, which every Git host takes', () => {
    const [status] = wantedStatuses(releaseWith({ name: 'staging', state: 'failed', reason: `a\nb ${'x'.repeat(300)}` }));
    expect(status?.description).toHaveLength(140);
    expect(status?.description).not.toContain('\n');
  });
});

describe('reportOnce', () => {
  let hub: FakeHub;
  let posted: CommitStatus[];
  let refuse: string | undefined;
  const signal = new AbortController().signal;

  const gitHost: GitHost = {
    async postStatus({ access: _access, ...status }) {
      if (status.context === refuse) throw new PortError('git-host', 'UNREACHABLE', 'the Git host is down', { cause: undefined });
      posted.push(status);
    },
  };
  const ports = (): ReportPorts => ({
    hub: hub.hub,
    accessTo: async () => ({ repository: { namespace: 'shop', name: 'config' }, url: 'https://git.example/config.git' }),
    gitHostOf: ({ spec }) => (spec.host === 'gitea' ? gitHost : undefined),
    targetUrlOf: () => undefined,
  });
  const stored = () => hub.get('Release', { namespace: 'shop', name: 'shop-1' });

  beforeEach(() => {
    posted = [];
    refuse = undefined;
    hub = fakeHub(repository({ spec: { host: 'gitea' } }), pipeline());
    hub.put(releaseWith({ name: 'staging', state: 'verified', reason: 'healthy' }, { name: 'production', state: 'waiting', reason: 'waiting' }));
  });

  it('posts what is due once and notes it', async () => {
    await reportOnce(stored(), ports(), signal);
    await reportOnce(stored(), ports(), signal);

    expect(posted.map(({ context, state }) => `${context} ${state}`)).toEqual(['sluice/shop/staging success', 'sluice/shop/production pending']);
    expect(stored().status?.reported).toHaveLength(2);
  });

  it('posts only what changed since', async () => {
    await reportOnce(stored(), ports(), signal);
    posted = [];
    const [staging, production] = stored().status?.stages ?? [];
    if (staging === undefined || production === undefined) throw new Error('both stages are there');
    await hub.hub.writeStatus(
      'Release',
      stored(),
      { reported: stored().status?.reported ?? [], stages: [staging, { ...production, state: 'failed' }] },
      signal,
    );
    await reportOnce(stored(), ports(), signal);

    expect(posted.map(({ context, state }) => `${context} ${state}`)).toEqual(['sluice/shop/production failure']);
  });

  it('notes what got through before the host failed, so that only the rest is posted again', async () => {
    refuse = 'sluice/shop/production';
    await expect(reportOnce(stored(), ports(), signal)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(stored().status?.reported.map(({ context }) => context)).toEqual(['sluice/shop/staging']);

    refuse = undefined;
    await reportOnce(stored(), ports(), signal);
    expect(posted).toHaveLength(2);
  });

  it('posts nothing for a host that takes no statuses', async () => {
    hub.put(repository({ spec: { host: 'git' } }));
    await reportOnce(stored(), ports(), signal);
    expect(posted).toEqual([]);
  });
});
