import { Check } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { PortError, type PortErrorCode } from '../../src/model/port-error.ts';
import { type Application, ApplicationStatus } from '../../src/resources/application.ts';
import { applicationStatus } from '../../src/status/application-status.ts';
import type { SyncOutcome, SyncResult } from '../../src/sync/outcome.ts';
import { application, commitOf } from '../builders.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const at = (seconds: number): Date => new Date(start + seconds * 1000);
const iso = (seconds: number): string => at(seconds).toISOString();
const healthy = { health: 'Healthy', message: '' } as const;
const progressing = { health: 'Progressing', message: '1 of 2' } as const;
const failure = (code: PortErrorCode, retryAfterMs?: number) =>
  ({ is: 'failed', error: new PortError('destination', code, 'no answer', { cause: undefined, retryAfterMs }) }) as const;
const refusal = { is: 'refused', problems: [{ at: 'a.yaml:1', message: 'bad' }] } as const;

const outcome = (result: SyncResult, given: Partial<SyncOutcome> = {}): SyncOutcome => ({
  runId: 'run-1',
  phase: 'done',
  result,
  wanted: { revision: commitOf(1), commit: commitOf(1), ref: 'refs/heads/main' },
  inputs: 'inputs-1',
  digest: 'bytes-1',
  health: healthy,
  unsettled: [],
  everythingDryRun: false,
  application: application(),
  ...given,
});
const commitTwo = { wanted: { revision: commitOf(2), commit: commitOf(2), ref: 'refs/heads/main' }, inputs: 'inputs-2', digest: 'bytes-2' };
const { wanted: wantedTwo } = commitTwo;

type Learned = 'digest' | 'inputs' | 'health' | 'wanted';
type Given = Omit<Partial<SyncOutcome>, Learned> & { readonly [K in Learned]?: SyncOutcome[K] | undefined };
type Run = readonly [seconds: number, result: SyncResult, given?: Given];

/** Goes through runs one after the other, each on what the one before left in status. */
function follow(...runs: readonly Run[]) {
  let now: Application = application();
  let next = { status: now.status as ApplicationStatus, lookAgainInMs: 0 };
  for (const [seconds, result, given] of runs) {
    const fields = Object.fromEntries(
      Object.entries({ ...outcome(result), ...given, application: now }).filter(([, value]) => value !== undefined),
    ) as SyncOutcome;
    next = applicationStatus(fields, at(seconds));
    expect(Check(ApplicationStatus, JSON.parse(JSON.stringify(next.status)))).toBe(true);
    now = { ...now, status: next.status };
  }
  return next;
}
const readyOf = (status: ApplicationStatus) =>
  status.conditions.map(({ type, status: value, reason }) => `${type}=${value}${type === 'Ready' ? ` ${reason}` : ''}`).join(' ');

const results: readonly (readonly [string, SyncResult, string, string, number])[] = [
  ['done', { is: 'done' }, 'Synced', 'Ready=True Synced Reconciling=False Stalled=False', 600_000],
  ['pruned', { is: 'pruned', count: 2 }, 'Synced', 'Ready=True Synced Reconciling=False Stalled=False', 0],
  ['applied in full', { is: 'applied', message: '3 objects applied', remaining: 0 }, 'Synced', 'Ready=True Synced Reconciling=False Stalled=False', 0],
  ['applied in part', { is: 'applied', message: '3 objects applied', remaining: 1 }, 'Syncing', 'Ready=Unknown Syncing Reconciling=True Stalled=False', 0],
  ['awaiting a wave', { is: 'awaiting-health', message: 'wave 0', wave: 0 }, 'Syncing', 'Ready=Unknown Syncing Reconciling=True Stalled=False', 30_000],
  ['a failed wave', { is: 'wave-failed', message: 'wave 0', wave: 0 }, 'Failed', 'Ready=False WaveFailed Reconciling=True Stalled=False', 5_000],
  ['refused', refusal, 'Failed', 'Ready=False PruneRefused Reconciling=False Stalled=True', 5_000],
  ['failed', failure('UNREACHABLE'), 'Failed', 'Ready=False Unreachable Reconciling=True Stalled=False', 5_000],
  ['waiting', { is: 'waiting', message: 'suspended' }, 'Unknown', 'Ready=Unknown Waiting Reconciling=True Stalled=False', 600_000],
  [
    'waiting for a while',
    { is: 'waiting', message: 'another comes first', lookAgainInMs: 700 },
    'Unknown',
    'Ready=Unknown Waiting Reconciling=True Stalled=False',
    700,
  ],
  [
    'blocked',
    { is: 'blocked', message: 'Repository shop/config cannot be read' },
    'Unknown',
    'Ready=False RepositoryUnreadable Reconciling=False Stalled=True',
    600_000,
  ],
  ['out of sync', { is: 'out-of-sync', message: '2 objects differ' }, 'OutOfSync', 'Ready=False OutOfSync Reconciling=False Stalled=False', 600_000],
];

describe.each(results)('a run that is %s', (_, result, state, ready, lookAgainInMs) => {
  it('says so in sync state and conditions, and when it is looked at again', () => {
    const next = follow([0, result]);
    expect(next.status.sync?.state).toBe(state);
    expect(readyOf(next.status)).toBe(ready);
    expect(next.lookAgainInMs).toBe(lookAgainInMs);
  });

  it('leaves the same status when it comes to the same again, but for the count of failures', () => {
    const once = follow([0, result]).status;
    const twice = follow([0, result], [60, result]).status;
    const { sync, ...rest } = once;
    const failures = (sync?.failures ?? 0) * 2;
    expect(twice).toEqual({ ...rest, sync: { ...sync, failures } });
  });

  it('releases its claim', () => {
    const claim = { id: 'run-1', worker: 'worker-1', revision: commitOf(1), step: 'wave 0', renewedAt: iso(0) };
    expect(applicationStatus(outcome(result, { application: application({ status: { claim } }) }), at(0)).status.claim).toBeUndefined();
  });

  it('says nothing while another run holds the claim', () => {
    const status = { claim: { id: 'run-2', worker: 'worker-2', revision: commitOf(1), step: 'wave 0', renewedAt: iso(0) } };
    const claimed = application({ status });
    expect(applicationStatus(outcome(result, { application: claimed }), at(4))).toEqual({ status: claimed.status, lookAgainInMs: 6_000 });
    expect(applicationStatus(outcome(result, { application: claimed }), at(10)).status).toMatchObject({ phase: 'done' });
  });
});

describe('failures', () => {
  it('are counted and tried again later each time, up to the longest pause', () => {
    const looks = Array.from({ length: 8 }, (_, count) => follow(...Array.from({ length: count + 1 }, (__, index) => [index, refusal] as const)).lookAgainInMs);
    expect(looks).toEqual([5, 10, 20, 40, 80, 160, 180, 180].map((seconds) => seconds * 1000));
  });

  it('of the outside world are tried again within half a minute, or when the other side asks', () => {
    const many = Array.from({ length: 9 }, (_, index) => [index, failure('UNREACHABLE')] as const);
    expect(follow(...many).lookAgainInMs).toBe(30_000);
    expect(follow(...many.map(([seconds]) => [seconds, failure('FORBIDDEN')] as const)).lookAgainInMs).toBe(180_000);
    expect(follow([0, failure('UNREACHABLE', 90_000)]).lookAgainInMs).toBe(90_000);
  });

  it('end with a success and with another commit', () => {
    expect(follow([0, refusal], [1, refusal], [2, { is: 'done' }]).status.sync?.failures).toBe(0);
    expect(follow([0, refusal], [1, refusal], [2, refusal, commitTwo]).status.sync?.failures).toBe(1);
  });

  it('leave open whether what was applied in full is still so, however often they come', () => {
    const { status } = follow([0, { is: 'done' }], [1, failure('UNREACHABLE')], [2, failure('UNREACHABLE')]);
    expect(status).toMatchObject({ sync: { state: 'Unknown', appliedAt: iso(0), failures: 2 }, health: { health: 'Healthy' }, digest: 'bytes-1' });
    expect(follow([0, { is: 'done' }], [1, failure('UNREACHABLE'), commitTwo]).status.sync?.state).toBe('Failed');
  });
});

describe('inputs and digest', () => {
  it('are those of the commit beside them, or absent', () => {
    const { status } = follow([0, { is: 'done' }], [1, refusal, { wanted: wantedTwo, inputs: undefined, digest: undefined, health: undefined }]);
    expect(status).toMatchObject({ commit: commitOf(2), health: { health: 'Healthy' } });
    expect(status).not.toHaveProperty('inputs');
    expect(status).not.toHaveProperty('digest');
  });

  it('stay when the same commit could not be read again', () => {
    expect(follow([0, { is: 'done' }], [1, failure('TIMEOUT'), { inputs: undefined, digest: undefined, health: undefined }]).status).toMatchObject({
      inputs: 'inputs-1',
      digest: 'bytes-1',
    });
  });
});

describe('what was installed', () => {
  const applied = { is: 'applied', message: '', remaining: 0 } as const;

  it.each<readonly [string, readonly Run[], string | undefined]>([
    ['is not known before everything is applied', [[0, { ...applied, remaining: 1 }]], undefined],
    ['is what was applied in full first', [[0, applied]], 'inputs-1'],
    [
      'stays when the same is applied from another commit',
      [
        [0, applied],
        [1, { is: 'done' }, { ...commitTwo, inputs: 'inputs-1' }],
      ],
      'inputs-1',
    ],
    [
      'stays while the next is not applied in full',
      [
        [0, applied],
        [1, refusal, commitTwo],
      ],
      'inputs-1',
    ],
    [
      'is replaced once something else is',
      [
        [0, applied],
        [1, { is: 'done' }, commitTwo],
      ],
      'replaced',
    ],
    [
      'stays replaced when the first comes back',
      [
        [0, applied],
        [1, { is: 'done' }, commitTwo],
        [2, { is: 'done' }],
      ],
      'replaced',
    ],
  ])('%s', (_, runs, installed) => {
    expect(follow(...runs).status.installed).toBe(installed);
  });
});

describe('the times of a revision', () => {
  it('begin with its first try and stay until the next one', () => {
    const { status } = follow(
      [0, failure('TIMEOUT')],
      [5, { is: 'applied', message: '', remaining: 0 }],
      [7, { is: 'done' }],
      [99, { is: 'applied', message: '', remaining: 0 }],
      [100, { is: 'done' }],
    );
    expect(status.sync).toMatchObject({ startedAt: iso(0), appliedAt: iso(5), healthyAt: iso(7) });
    expect(follow([0, { is: 'done' }], [9, { is: 'done' }, commitTwo]).status.sync).toMatchObject({ startedAt: iso(9), appliedAt: iso(9), healthyAt: iso(9) });
  });

  it('do not run while it is held back', () => {
    const wave = { is: 'awaiting-health', message: 'wave 0: web', wave: 0 } as const;
    for (const held of [
      { is: 'out-of-sync', message: 'automated is off' },
      { is: 'waiting', message: 'suspended' },
    ] as const) {
      expect(follow([0, held], [3600, wave]).status.sync).toMatchObject({ state: 'Syncing', startedAt: iso(3600) });
    }
  });

  it('are not moved by a claim that another worker has', () => {
    expect(follow([0, { is: 'done' }], [9, { is: 'waiting', message: 'worker-2 is writing' }]).status.sync).toMatchObject({
      state: 'Synced',
      appliedAt: iso(0),
      message: 'worker-2 is writing',
    });
  });
});

describe('a wave', () => {
  const wave = { is: 'awaiting-health', message: 'wave 1: web', wave: 1 } as const;

  it('that takes too long has failed, and goes on when it gets there', () => {
    expect(follow([0, wave], [599, wave]).status.sync).toMatchObject({ state: 'Syncing', wave: 1 });
    const late = follow([0, wave], [600, wave]);
    expect(late.status.sync).toMatchObject({ state: 'Failed', message: 'not applied in full within 600 s: wave 1: web' });
    expect(readyOf(late.status)).toContain('Ready=False TimedOut');
    expect(follow([0, wave], [600, wave], [700, { is: 'done' }]).status.sync).toMatchObject({ state: 'Synced' });
  });

  it('is forgotten when it is over', () => {
    expect(follow([0, wave], [9, { is: 'done' }]).status.sync).not.toHaveProperty('wave');
  });
});

describe('health', () => {
  const awaiting = { is: 'awaiting-health', message: '' } as const;

  it('keeps the time since which it has its value', () => {
    expect(follow([0, { is: 'done' }], [60, { is: 'done' }]).status.health).toEqual({ health: 'Healthy', message: '', since: iso(0) });
    expect(follow([0, { is: 'done' }], [60, awaiting, { health: progressing }]).status.health).toEqual({
      health: 'Progressing',
      message: '1 of 2',
      since: iso(60),
      progressingSince: iso(60),
    });
  });

  it.each([progressing, { health: 'Unknown', message: 'no rule' }] as const)(
    'that cannot be said to succeed counts as Degraded after the deadline: %o',
    (health) => {
      expect(follow([0, awaiting, { health }], [599, awaiting, { health }]).status.health?.health).toBe(health.health);
      const { status } = follow([0, awaiting, { health }], [600, awaiting, { health }], [700, awaiting, { health }]);
      expect(status.health).toMatchObject({ health: 'Degraded', since: iso(600), message: `not healthy within 600 s: ${health.message}` });
      expect(readyOf(status)).toContain('Ready=False Degraded');
    },
  );

  it('is looked at exactly when the deadline is due', () => {
    expect(follow([0, awaiting, { health: progressing }], [590, awaiting, { health: progressing }]).lookAgainInMs).toBe(10_000);
  });

  it('gives a fix its own time, but not a commit that changes nothing', () => {
    const fixed = { ...commitTwo, health: progressing };
    expect(follow([0, awaiting, { health: progressing }], [700, awaiting, { health: progressing }], [701, awaiting, fixed]).status.health).toMatchObject({
      health: 'Progressing',
      progressingSince: iso(701),
    });
    expect(follow([0, awaiting, { health: progressing }], [601, awaiting, { wanted: wantedTwo, health: progressing }]).status.health).toMatchObject({
      health: 'Degraded',
    });
  });

  it('that nobody looked at stays what it was', () => {
    expect(follow([0, { is: 'done' }], [60, failure('TIMEOUT'), { health: undefined }]).status.health).toMatchObject({ health: 'Healthy', since: iso(0) });
  });

  it.each([
    ['Suspended', 'Ready=True Suspended'],
    ['Degraded', 'Ready=False Degraded'],
    ['Missing', 'Ready=Unknown Progressing'],
  ] as const)('of %s says %s', (word, ready) => {
    expect(readyOf(follow([0, awaiting, { health: { health: word, message: 'so' } }]).status)).toContain(ready);
  });
});

describe('the history', () => {
  const historyAfter = (...runs: readonly Run[]) => follow(...runs, [1000, { is: 'done' }, commitTwo]).status.history;

  it.each<[string, readonly Run[], object]>([
    ['synced', [[0, { is: 'done' }]], { result: 'Synced', startedAt: iso(0), finishedAt: iso(0) }],
    ['failed', [[0, refusal]], { result: 'Failed', message: 'a.yaml:1: bad', finishedAt: iso(1000) }],
    [
      'failed: it was applied and degraded',
      [[0, { is: 'awaiting-health', message: '' }, { health: { health: 'Degraded', message: 'no image' } }]],
      { result: 'Failed', message: 'no image' },
    ],
    ['superseded', [[0, { is: 'applied', message: 'half', remaining: 1 }]], { result: 'Superseded' }],
  ])('says of a revision that is over that it %s', (_, runs, entry) => {
    expect(historyAfter(...runs)).toMatchObject([{ revision: commitOf(1), commit: commitOf(1), digest: 'bytes-1', ...entry }]);
  });

  it('has one entry for a revision, though its digest is learned late or never', () => {
    const unread = { wanted: wantedTwo, inputs: undefined, digest: undefined, health: undefined };
    expect(follow([0, { is: 'done' }], [1, failure('TIMEOUT'), unread], [2, { is: 'done' }, commitTwo]).status.history).toHaveLength(1);
    const { history } = follow(
      [0, { is: 'done' }],
      [1, refusal, unread],
      [2, { is: 'done' }, { ...commitTwo, wanted: { revision: commitOf(3), commit: commitOf(3), ref: undefined } }],
    ).status;
    expect(history).toMatchObject([
      { revision: commitOf(2), result: 'Failed' },
      { revision: commitOf(1), result: 'Synced' },
    ]);
    expect(history[0]).not.toHaveProperty('digest');
  });

  it('has no entry for what was never tried, and five at most', () => {
    expect(historyAfter([0, { is: 'waiting', message: 'suspended' }])).toEqual([]);
    const many = Array.from(
      { length: 9 },
      (_, index): Run => [index, { is: 'done' }, { wanted: { revision: commitOf(index), commit: commitOf(index), ref: undefined } }],
    );
    expect(follow(...many).status.history.map(({ revision }) => revision[0])).toEqual(['7', '6', '5', '4', '3']);
  });
});

it('long texts and lists fit the schema', () => {
  const long = 'x'.repeat(9000);
  const many = Array.from({ length: 40 }, (_, index) => ({ namespace: 'web', selector: `app=${index % 30}` }));
  const objects = { rendered: 1, members: 1, outOfSync: 1, deferred: [long], withheld: [long] };
  const { status } = follow([
    0,
    { is: 'refused', problems: [{ at: long, message: long }] },
    { unsettled: many, objects, health: { health: 'Degraded', message: long } },
  ]);
  expect(status.unsettled).toHaveLength(20);
  follow(
    [0, { is: 'awaiting-health', message: long, wave: 1 }],
    [9999, { is: 'awaiting-health', message: long, wave: 1 }],
    [9999, { is: 'out-of-sync', message: long }],
    [9999, { is: 'waiting', message: long }, commitTwo],
  );
});

it('a full dry-run is noted with its time', () => {
  expect(follow([0, { is: 'done' }], [60, { is: 'done' }]).status.fullDryRunAt).toBe(iso(0));
  expect(follow([0, { is: 'done' }], [60, { is: 'done' }, { everythingDryRun: true }]).status.fullDryRunAt).toBe(iso(60));
});
