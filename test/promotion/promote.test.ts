import { beforeEach, describe, expect, it } from 'vitest';
import { PortError } from '../../src/model/port-error.ts';
import type { Release } from '../../src/resources/release.ts';
import { applicationOf, cluster, pipeline, repository } from '../builders.ts';
import { openWorld, type World } from '../world.ts';
import { deployment } from './shop-world.ts';

const settled = { observedGeneration: 99, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1 };

describe('the promotion story', () => {
  let world: World;
  const in_ = (namespace: string) => ({ group: 'apps', kind: 'Deployment', namespace, name: 'web' });
  const imageIn = (namespace: string) => JSON.stringify(world.destination.get(in_(namespace))?.spec ?? '').match(/"image":"([^"]+)"/)?.[1];
  const stage = (name: string) => world.pipeline('shop').status?.stages.find((each) => each.name === name);
  const releases = (): readonly Release[] => world.hub.hub.list('Release').toSorted((a, b) => a.spec.sequence - b.spec.sequence);
  const becomesHealthy = async (namespace: string) => {
    const live = world.destination.get(in_(namespace));
    world.destination.setStatus(in_(namespace), { ...settled, observedGeneration: live?.metadata.generation ?? 1 });
    await world.sync(`web-${namespace}`);
  };

  beforeEach(() => {
    world = openWorld({ namespaces: ['staging', 'production'] });
    world.hub.put(repository());
    world.hub.put(cluster({ name: 'staging' }));
    world.hub.put(cluster({ name: 'production' }));
    for (const name of ['staging', 'production'])
      world.hub.put(applicationOf(name, { spec: { source: { path: 'apps/web' }, destination: { namespace: name } } }));
    world.hub.put(pipeline());
  });

  it('takes a commit to staging, and to production when staging is verified', async () => {
    const commit = await world.push({ 'apps/web/a.yaml': deployment('web:1') });
    expect(imageIn('staging')).toBe('web:1');
    expect(imageIn('production')).toBeUndefined();
    expect(stage('staging')?.admitted).toMatchObject({ revision: commit, verdict: 'pending' });

    await becomesHealthy('staging');
    expect(stage('staging')?.admitted).toMatchObject({ verdict: 'verified' });
    expect(imageIn('production')).toBe('web:1');
    expect(world.heads.get('refs/heads/env/shop/production')).toBe(stage('production')?.head);

    await becomesHealthy('production');
    expect(stage('production')?.admitted).toMatchObject({ verdict: 'verified', ordinal: 1 });
    expect(releases()[0]?.status?.stages.map(({ name, state }) => [name, state])).toEqual([
      ['staging', 'verified'],
      ['production', 'verified'],
    ]);
    expect(world.application('web-production').status).toMatchObject({ revision: commit, commit: stage('production')?.head });
  });

  it('leaves an Application that cannot be reached to its own retries, and goes on when it can', async () => {
    world.destination.fail(new PortError('destination', 'UNREACHABLE', 'the cluster is away', { cause: undefined }));
    const commit = await world.push({ 'apps/web/a.yaml': deployment('web:1') });
    const failures = () => world.application('web-staging').status?.sync?.failures ?? 0;
    expect(failures()).toBeLessThanOrEqual(2);
    await world.pass(60_000);
    expect(failures()).toBeLessThanOrEqual(10);

    world.destination.fail(undefined);
    await world.pass(60_000);
    expect(imageIn('staging')).toBe('web:1');
    expect(stage('staging')?.admitted).toMatchObject({ revision: commit, verdict: 'pending' });
  });

  it('lets a fix supersede a failed Release at once, which never reaches production', async () => {
    await world.push({ 'apps/web/a.yaml': deployment('web:1') });
    await becomesHealthy('staging');
    await becomesHealthy('production');

    await world.push({ 'apps/web/a.yaml': deployment('web:broken') });
    world.destination.setStatus(in_('staging'), {
      observedGeneration: 2,
      conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'gave up' }],
    });
    await world.sync('web-staging');
    expect(stage('staging')?.admitted).toMatchObject({ verdict: 'failed', reason: expect.stringContaining('gave up') });
    expect(imageIn('production')).toBe('web:1');

    await world.push({ 'apps/web/a.yaml': deployment('web:2') });
    expect(imageIn('staging')).toBe('web:2');
    await becomesHealthy('staging');
    expect(imageIn('production')).toBe('web:2');
    expect(releases().map((release) => release.status?.stages.map(({ state }) => state))).toEqual([
      ['verified', 'verified'],
      ['failed', 'skipped'],
      ['verified', 'pending'],
    ]);
  });

  it('passes over what came in between, says so, and records the commits between as included', async () => {
    await world.push({ 'apps/web/a.yaml': deployment('web:1') });
    await world.push({ 'apps/web/a.yaml': deployment('web:2') });
    const between = world.repository.commit({ 'apps/web/a.yaml': deployment('web:3') });
    await world.push({ 'apps/web/a.yaml': deployment('web:4') });
    expect(imageIn('staging')).toBe('web:1');

    await becomesHealthy('staging');
    expect(imageIn('staging')).toBe('web:4');
    expect(releases().map((release) => release.status?.stages[0]?.state)).toEqual(['verified', 'skipped', 'pending']);
    expect(releases()[2]?.spec.included).toEqual([between]);
  });

  it('makes no Release of a commit that touches nothing of the Pipeline', async () => {
    await world.push({ 'apps/web/a.yaml': deployment('web:1') });
    await world.push({ 'README.md': 'words' });
    expect(releases()).toHaveLength(1);
  });

  it('writes one promotion commit per admission however often it is looked at', async () => {
    await world.push({ 'apps/web/a.yaml': deployment('web:1') });
    await becomesHealthy('staging');
    for (let look = 0; look < 5; look += 1) await world.look('promote', { namespace: 'shop', name: 'shop' });
    expect(world.pushes.filter(({ ref }) => ref === 'refs/heads/env/shop/production')).toHaveLength(1);
  });

  it('keeps what production runs when the branch was moved by somebody else, and says what to do', async () => {
    await world.push({ 'apps/web/a.yaml': deployment('web:1') });
    world.heads.set('refs/heads/env/shop/production', 'f'.repeat(40));
    await becomesHealthy('staging');

    expect(imageIn('production')).toBeUndefined();
    expect(stage('production')?.foreign?.why).toMatch(/env\/shop\/production.*git push/);
    expect(world.pipeline('shop').status?.conditions.find(({ type }) => type === 'Stalled')).toMatchObject({ status: 'True', reason: 'ForeignCommit' });
  });
});
