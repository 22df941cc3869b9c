import { beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import type { Health, HealthWord } from '../../src/health/health.ts';
import { PortError, type PortErrorCode } from '../../src/model/port-error.ts';
import type { Phase } from '../../src/resources/application.ts';
import type { Standing } from '../../src/resources/reasons/reason.ts';
import { type KindWithReasons, reasons, releaseStates } from '../../src/resources/reasons.ts';
import { applicationStatus } from '../../src/status/application-status.ts';
import { type Condition, type ConditionNow, ready } from '../../src/status/conditions.ts';
import { pipelineFailure } from '../../src/status/pipeline-status.ts';
import { repositoryRead, repositorySuspended, repositoryUnread } from '../../src/status/repository-status.ts';
import type { SyncResult } from '../../src/sync/outcome.ts';
import { type ClusterView, clusterStatus } from '../../src/workers/cluster-status.ts';
import { application, cluster, commitOf, pipeline, repository } from '../builders.ts';
import { deployment, openShop } from '../promotion/shop-world.ts';

const codes = ['UNREACHABLE', 'TIMEOUT', 'CONFLICT', 'UNAUTHORIZED', 'FORBIDDEN', 'NOT_FOUND', 'INVALID'] as const satisfies readonly PortErrorCode[];
const phases = ['source', 'render', 'diff', 'apply', 'prune'] as const satisfies readonly Phase[];
const healths = ['Healthy', 'Suspended', 'Progressing', 'Missing', 'Degraded', 'Unknown'] as const satisfies readonly HealthWord[];
const errorOf = (code: PortErrorCode): PortError => new PortError('source', code, 'why', { cause: undefined });
const start = new Date('2026-01-01T00:00:00Z');

/** What conditions were given, and how the resource stands by them. */
type Given = { readonly reason: string; readonly standing: Standing };

function givenBy(conditions: readonly (ConditionNow | Condition)[]): Given {
  const of = (type: string) => conditions.find((each) => each.type === type);
  expect(new Set(conditions.map(({ reason }) => reason)).size, 'all three conditions give one reason').toBe(1);
  const text = ['Ready', 'Reconciling', 'Stalled'].map((type) => of(type)?.status).join(' ');
  const standing = {
    'True False False': 'ready',
    'Unknown True False': 'reconciling',
    'False True False': 'failing',
    'False False False': 'held',
    'False False True': 'stalled',
  }[text];
  if (standing === undefined) throw new Error(`no standing of its own: ${text}`);
  return { reason: of('Ready')?.reason ?? '', standing: standing as Standing };
}

function givenByApplications(): readonly Given[] {
  const say = (result: SyncResult, more: { readonly phase?: Phase; readonly health?: Health; readonly at?: Date } = {}) => {
    const at = more.at ?? start;
    const started = { state: 'Syncing' as const, failures: 0, message: '', startedAt: start.toISOString() };
    const outcome = {
      runId: 'run',
      phase: more.phase ?? 'done',
      result,
      wanted: { revision: commitOf(1), commit: commitOf(1), ref: undefined },
      ...(more.health === undefined ? {} : { health: more.health }),
      unsettled: [],
      everythingDryRun: false,
      application: application({ status: { commit: commitOf(1), revision: commitOf(1), sync: started } }),
    };
    return givenBy(applicationStatus(outcome, at).status.conditions);
  };
  const late = new Date(start.getTime() + 86_400_000 * 2);
  return [
    ...phases.map((phase) => say({ is: 'refused', problems: [{ at: 'a', message: 'why' }] }, { phase })),
    ...codes.map((code) => say({ is: 'failed', error: errorOf(code) })),
    say({ is: 'waiting', message: 'why' }),
    say({ is: 'blocked', message: 'why' }),
    say({ is: 'out-of-sync', message: 'why' }),
    say({ is: 'applied', message: '1 object', remaining: 1 }),
    say({ is: 'awaiting-health', message: 'why', wave: 0 }, { at: late }),
    say({ is: 'wave-failed', message: 'why', wave: 0 }),
    ...healths.map((health) => say({ is: 'done' }, { health: { health, message: 'why' } })),
  ];
}

function givenByClusters(): readonly Given[] {
  const views: readonly ClusterView['watch'][] = [
    { is: 'suspended' },
    { is: 'opening' },
    { is: 'synced', sinceMs: start.getTime() },
    ...codes.map((code) => ({ is: 'lost', error: errorOf(code) }) as const),
  ];
  return views.map((watch) => givenBy(clusterStatus(cluster(), { watch, version: undefined }, start).conditions));
}

/** The real stories over fakes, each brought to where a Pipeline says it. */
async function givenByPipelines(): Promise<readonly Given[]> {
  const given: Given[] = [];
  const saysIn = async (happens: (shop: ReturnType<typeof openShop>) => Promise<void> | void) => {
    const shop = openShop();
    await happens(shop);
    await refresh(shop);
    given.push(givenBy(shop.pipeline('shop').status?.conditions ?? []));
  };
  const refresh = async (shop: ReturnType<typeof openShop>) => {
    await shop.nudges.nudge('refresh', { namespace: 'shop', name: 'config' });
    await shop.nudges.nudge('promote', { namespace: 'shop', name: 'shop' });
    await shop.settle();
  };
  const push = (shop: ReturnType<typeof openShop>) => shop.push({ 'apps/web/a.yaml': deployment('web:1') });
  const { stages } = pipeline().spec;

  await saysIn(async (shop) => void (await push(shop)));
  await saysIn(async (shop) => {
    await push(shop);
    for (const stage of ['staging', 'production']) await shop.becomesHealthy(stage);
  });
  await saysIn(async (shop) => {
    await push(shop);
    await shop.pass(3_700_000);
  });
  await saysIn(async (shop) => {
    await push(shop);
    shop.hub.put({ ...shop.pipeline('shop'), spec: { ...pipeline().spec, suspend: true } });
  });
  await saysIn((shop) => void shop.hub.put(pipeline({ spec: { repository: { name: 'none' } } })));
  await saysIn((shop) => {
    shop.hub.put(repository({ namespace: 'other' }));
    shop.hub.put(pipeline({ spec: { repository: { name: 'config', namespace: 'other' } } }));
  });
  await saysIn(
    (shop) =>
      void shop.hub.put(
        pipeline({ spec: { stages: stages.map((stage) => ({ ...stage, after: stages.filter(({ name }) => name !== stage.name).map(({ name }) => name) })) } }),
      ),
  );
  await saysIn(async (shop) => {
    await push(shop);
    shop.repository.branch('main', undefined);
  });
  await saysIn(async (shop) => {
    await push(shop);
    for (const stage of ['staging', 'production']) await shop.becomesHealthy(stage);
    await refresh(shop);
    shop.repository.branch('env/shop/production', undefined);
  });
  return [...given, ...codes.map((code) => givenBy(pipelineFailure(errorOf(code))))];
}

describe('the reasons of conditions', () => {
  let given: Readonly<Record<KindWithReasons, readonly Given[]>>;
  beforeAll(async () => {
    given = {
      Application: givenByApplications(),
      Cluster: givenByClusters(),
      Repository: [
        givenBy(repositoryRead(1)),
        givenBy(repositorySuspended()),
        ...codes.flatMap((code) => (code === 'CONFLICT' ? [] : [givenBy(repositoryUnread(code, 'why'))])),
      ],
      Pipeline: await givenByPipelines(),
    };
  });

  it.each(Object.keys(reasons) as KindWithReasons[])('of a %s are those that have an entry, each with its standing', (kind) => {
    const entries = Object.entries(reasons[kind]).map(([reason, { standing }]) => `${reason} ${standing}`);
    expect([...new Set(given[kind].map(({ reason, standing }) => `${reason} ${standing}`))].toSorted()).toEqual(entries.toSorted());
  });

  it('cannot be given without an entry', () => {
    // checked by the compiler: `ready` takes no such word
    expectTypeOf<'Fine'>().not.toExtend<Parameters<typeof ready>[0]>();
    expectTypeOf<'Synced'>().toExtend<Parameters<typeof ready>[0]>();
    expect(ready('Synced', '')).toHaveLength(3);
  });
});

it('the states of a Release are those that its schema has', () => {
  expect(Object.keys(releaseStates)).toEqual(['waiting', 'skipped', 'pending', 'verified', 'failed']);
});
