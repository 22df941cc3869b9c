import { describe, expect, it } from 'vitest';
import type { HttpOutcome } from '../../../src/adapters/http-probe.ts';
import type { RedisFacts } from '../../../src/adapters/redis-probe.ts';
import { type ClusterFacts, judgeCluster, tokenExpiryMs } from '../../../src/cli/doctor/clusters.ts';
import { judgeConditions } from '../../../src/cli/doctor/conditions.ts';
import { type Finding, judgeClock } from '../../../src/cli/doctor/finding.ts';
import { type HubFacts, judgeHub } from '../../../src/cli/doctor/hub.ts';
import { judgeRedis } from '../../../src/cli/doctor/redis.ts';
import { reportText } from '../../../src/cli/doctor/report.ts';
import { judgeRepository, judgeService, type RepositoryFacts } from '../../../src/cli/doctor/repositories.ts';
import { judgeRights } from '../../../src/cli/doctor/rights.ts';
import { judgeTool } from '../../../src/cli/doctor/tools.ts';
import { crdOf } from '../../../src/resources/crd.ts';
import { type Kind, kinds } from '../../../src/resources/kinds.ts';
import { application } from '../../builders.ts';

const nowMs = Date.UTC(2026, 10, 22);
const verdictOf = (findings: readonly Finding[], check: string, about = ''): string => {
  const finding = findings.find((each) => each.check === check && each.about.includes(about));
  return finding === undefined ? 'none' : `${finding.verdict}: ${finding.says}`;
};
const answer = (status: number, text = ''): HttpOutcome => ({ answered: true, status, text, clockAheadMs: 0 });
const established = { conditions: [{ type: 'Established', status: 'True' }] };
const crds = Object.fromEntries(
  (Object.keys(kinds) as Kind[]).map((kind) => [kind, { ok: true, value: { ...crdOf(kind), status: established } }]),
) as HubFacts['crds'];
const hub = (more: Partial<HubFacts> = {}): HubFacts => ({
  context: 'c',
  version: { ok: true, value: { name: 'v1.36.0', clockAheadMs: 0 } },
  crds,
  namespace: 'sluice-system',
  sluice: undefined,
  rights: { ok: true, value: [{ group: '', resource: 'secrets', verb: 'get', allowed: true }] },
  lease: { ok: true, value: { spec: { holderIdentity: 'a:1', renewTime: new Date(nowMs - 3000).toISOString() } } },
  ...more,
});

it.each([
  { ms: 0, verdict: 'ok' },
  { ms: -2000, verdict: 'ok' },
  { ms: 3000, verdict: 'warn' },
  { ms: -60_000, verdict: 'fail' },
  { ms: undefined, verdict: 'skipped' },
])('a clock that is $ms ms ahead: $verdict', ({ ms, verdict }) => {
  expect(judgeClock('it', ms).verdict).toBe(verdict);
});

describe('the hub', () => {
  it('that is well has nothing to mend', () => {
    expect(new Set(judgeHub(hub(), nowMs).map(({ verdict }) => verdict))).toEqual(new Set(['ok']));
  });

  const changed = (change: (crd: { spec: { versions: { schema: { openAPIV3Schema: { properties: Record<string, unknown> } } }[] } }) => void) => {
    const crd = structuredClone({ ...crdOf('Pipeline'), status: established }) as unknown as Parameters<typeof change>[0];
    change(crd);
    return { crds: { ...crds, Pipeline: { ok: true, value: crd } as const } };
  };
  it.each([
    { what: 'cannot be reached', more: { version: { ok: false, code: 'UNREACHABLE', says: 'no' } as const }, check: 'hub', is: /^fail: no$/ },
    {
      what: 'lacks a kind',
      more: { crds: { ...crds, Pipeline: { ok: true, value: null } as const } },
      check: 'CRD',
      about: 'pipelines',
      is: /^fail: is not there/,
    },
    {
      what: 'has a kind of another release',
      more: changed((crd) => void Object.assign(crd.spec.versions[0]?.schema.openAPIV3Schema.properties ?? {}, { x: { type: 'string' } })),
      check: 'CRD',
      about: 'pipelines',
      is: /^fail: has the schema of another release/,
    },
    {
      what: 'serves another version of it',
      more: changed((crd) => void (crd.spec.versions = [])),
      check: 'CRD',
      about: 'pipelines',
      is: /^fail: does not serve v1alpha1/,
    },
    {
      what: 'does not show its kinds',
      more: { crds: { ...crds, Pipeline: { ok: false, code: 'FORBIDDEN', says: 'no' } as const } },
      check: 'CRD',
      about: 'pipelines',
      is: /^skipped/,
    },
    { what: 'was never led', more: { lease: { ok: true, value: null } as const }, check: 'leader', is: /^fail: is not there: no controller has ever led/ },
    {
      what: 'is not led any more',
      more: { lease: { ok: true, value: { spec: { holderIdentity: 'a', renewTime: new Date(nowMs - 60_000).toISOString() } } } as const },
      check: 'leader',
      is: /^fail: a renewed it last 60 s ago/,
    },
    {
      what: 'was left by its leader',
      more: { lease: { ok: true, value: { spec: { holderIdentity: '' } } } as const },
      check: 'leader',
      is: /^fail: nobody holds it/,
    },
  ])('that $what', ({ more, check, about, is }) => {
    expect(verdictOf(judgeHub(hub(more), nowMs), check, about)).toMatch(is);
  });
});

it.each([
  {
    what: 'a missing right',
    missing: [
      { group: 'apps', resource: 'deployments', verb: 'list' },
      { group: 'apps', resource: 'deployments', verb: 'watch' },
    ],
    is: /^fail: it may not list, watch deployments.apps$/,
  },
  { what: 'a role that names the kinds in place of all', missing: [{ group: '*', resource: '*', verb: 'list' }], is: /^warn: it may not list everything$/ },
  {
    what: 'a missing right in one namespace',
    missing: [{ group: '', resource: 'secrets', verb: 'create', namespace: 'n' }],
    is: /^fail: it may not create secrets in namespace n$/,
  },
])('rights: $what', ({ missing, is }) => {
  const reviewed = { ok: true, value: missing.map((right) => ({ ...right, allowed: false })) } as const;
  expect(verdictOf([judgeRights({ check: 'rights', about: '' }, 'it', reviewed, 'mend')], 'rights')).toMatch(is);
});

describe('a Cluster', () => {
  type Open = Extract<ClusterFacts['connection'], { is: 'open' }>;
  const open = (more: Partial<Open>): readonly Finding[] =>
    judgeCluster(
      {
        cluster: { namespace: 'shop', name: 'production' },
        connection: {
          is: 'open',
          version: { ok: true, value: { name: 'v1', clockAheadMs: 0 } },
          expiry: undefined,
          who: 'me',
          rights: { ok: true, value: [] },
          accounts: [],
          ...more,
        },
      },
      nowMs,
    );
  const account = (more: object) =>
    ({
      accounts: [
        {
          namespace: 'shop',
          name: 'd',
          namespaceThere: { ok: true, value: true },
          accountThere: { ok: true, value: true },
          rights: { ok: true, value: [] },
          ...more,
        },
      ],
    }) as Partial<Open>;

  it.each([
    {
      what: 'whose token is over',
      more: { expiry: { of: 'token', atMs: nowMs - 1 } as const },
      check: 'credentials',
      is: /^fail: its token expired at 2026-11-21/,
    },
    {
      what: 'whose certificate is over soon',
      more: { expiry: { of: 'client certificate', atMs: nowMs + 86_400_000 } as const },
      check: 'credentials',
      is: /^warn: .*in less than 7 days/,
    },
    { what: 'whose token lasts', more: { expiry: { of: 'token', atMs: nowMs + 864_000_000 } as const }, check: 'credentials', is: /^ok/ },
    { what: 'that refuses the credentials', more: { version: { ok: false, code: 'UNAUTHORIZED', says: 'no' } as const }, check: 'cluster', is: /^fail: no/ },
    {
      what: 'without the service account',
      more: account({ accountThere: { ok: true, value: false } }),
      check: 'account',
      is: /^fail: the service account that Applications act as is not there/,
    },
    {
      what: 'without the namespace',
      more: account({ namespaceThere: { ok: true, value: false } }),
      check: 'account',
      is: /^warn: namespace shop is not there/,
    },
    {
      what: 'where the service account may nothing',
      more: account({ rights: { ok: true, value: [{ group: '', resource: 'services', verb: 'patch', allowed: false }] } }),
      check: 'account',
      is: /^fail: it may not patch services/,
    },
  ])('$what', ({ more, check, is }) => {
    expect(verdictOf(open(more), check)).toMatch(is);
  });

  it('tells when a token ends from the token', () => {
    const token = (claims: object) => `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.y`;
    expect([tokenExpiryMs(token({ exp: 12 })), tokenExpiryMs(token({})), tokenExpiryMs('opaque')]).toEqual([12_000, undefined, undefined]);
  });
});

describe('a Repository', () => {
  const facts = (more: Partial<RepositoryFacts>): readonly Finding[] =>
    judgeRepository({
      repository: { namespace: 'shop', name: 'shop' },
      host: 'gitea',
      pollSeconds: 60,
      secretName: 'shop-git',
      suspended: false,
      followed: ['main'],
      refs: { ok: true, value: [{ name: 'refs/heads/main', commit: 'a'.repeat(40) }] },
      clockAheadMs: 0,
      push: answer(200),
      webhookSecret: { ok: true, value: true },
      webhook: { signed: answer(202), signedAsHost: answer(202), atHost: 'there' },
      ...more,
    });

  it('that is well has nothing to mend', () => {
    expect(new Set(facts({}).map(({ verdict }) => verdict))).toEqual(new Set(['ok']));
  });

  it.each([
    { what: 'that refuses the token', more: { refs: { ok: false, code: 'UNAUTHORIZED', says: 'no' } as const }, check: 'repository', is: /^fail: no/ },
    { what: 'without the branch', more: { followed: ['main', 'next'] }, check: 'repository', is: /^fail: can be read, and has no next/ },
    { what: 'that may not be pushed to', more: { push: answer(403) }, check: 'push', is: /^fail: the Git host would refuse promotions \(403\)/ },
    {
      what: 'without a webhook secret',
      more: { webhookSecret: { ok: true, value: false } as const },
      check: 'webhook',
      is: /^warn: no secret is set.*every 60 s/,
    },
    {
      what: 'whose calls are refused',
      more: { webhook: { signed: answer(401), signedAsHost: undefined, atHost: undefined } },
      check: 'webhook',
      is: /^fail: a call signed with the secret of its Secret is refused/,
    },
    {
      what: 'whose host has another secret',
      more: { webhook: { signed: answer(202), signedAsHost: answer(401), atHost: 'there' } as const },
      check: 'webhook secret',
      is: /^fail: a call signed with the secret that the Git host has is refused/,
    },
    {
      what: 'whose calls do not arrive',
      more: { webhook: { signed: { answered: false, reason: 'ECONNREFUSED' } as const, signedAsHost: undefined, atHost: undefined } },
      check: 'webhook',
      is: /^fail: a call does not arrive \(ECONNREFUSED\)/,
    },
    {
      what: 'whose host does not call',
      more: { webhook: { signed: answer(202), signedAsHost: undefined, atHost: 'missing' } as const },
      check: 'webhook at host',
      is: /^warn: the webhook is missing/,
    },
    { what: 'of plain git', more: { host: 'git', webhook: undefined } as const, check: 'webhook', is: /^skipped: spec.host is git/ },
  ])('$what', ({ more, check, is }) => {
    expect(verdictOf(facts(more), check)).toMatch(is);
  });

  it.each([
    { readyz: answer(200), is: /^ok/ },
    { readyz: answer(503, '{"ready":false,"failing":["redis"]}'), is: /^fail: \/readyz says not ready: redis/ },
    { readyz: answer(404), is: /^fail: \/readyz answers 404: something else/ },
    { readyz: { answered: false, reason: 'ENOTFOUND' } as const, is: /^fail: \/readyz does not answer \(ENOTFOUND\)/ },
  ])('reaches a service that answers $readyz', ({ readyz, is }) => {
    expect(verdictOf([judgeService({ url: 'https://s', readyz })], 'service')).toMatch(is);
  });
});

describe('Redis', () => {
  const facts = (fields: Readonly<Record<string, string>>, open = false): RedisFacts => ({
    info: {
      answered: true,
      text: `# Server\r\n${Object.entries({ redis_version: '7.2.4', maxmemory_policy: 'noeviction', ...fields })
        .map(([name, value]) => `${name}:${value}`)
        .join('\r\n')}\r\n`,
    },
    withoutPassword: open ? { answered: true, text: 'PONG' } : { answered: false, reason: 'NOAUTH' },
  });
  const refused = (reason: string): RedisFacts => ({ info: { answered: false, reason }, withoutPassword: { answered: false, reason: 'NOAUTH' } });
  const setting = { address: 'r:6379', loopback: false, withPassword: true };

  it.each([
    { what: 'that is well', given: facts({}), check: 'Redis password', is: /^ok/ },
    { what: 'too old for the queues', given: facts({ redis_version: '4.0.14' }), check: 'Redis version', is: /^fail: Redis 4.0.14 is too old/ },
    { what: 'older than advised', given: facts({ redis_version: '6.0.16' }), check: 'Redis version', is: /^warn/ },
    { what: 'that is Valkey', given: facts({ valkey_version: '8.1.0' }), check: 'Redis version', is: /^ok: Valkey 8.1.0/ },
    { what: 'that forgets', given: facts({ maxmemory_policy: 'allkeys-lru' }), check: 'Redis memory', is: /^fail: maxmemory-policy allkeys-lru/ },
    { what: 'open to everybody', given: facts({}, true), check: 'Redis password', is: /^fail: lets everybody in/ },
    { what: 'that refuses the password', given: refused('WRONGPASS'), check: 'Redis', is: /^fail: refuses the password/ },
    { what: 'that wants one', given: refused('NOAUTH'), check: 'Redis', is: /^fail: asks for a password/ },
    { what: 'that is not there', given: refused('ECONNREFUSED'), check: 'Redis', is: /^fail: cannot be reached \(ECONNREFUSED\)/ },
  ])('$what', ({ given, check, is }) => {
    expect(verdictOf(judgeRedis(setting, given), check)).toMatch(is);
  });

  it('of this machine alone may be open', () => {
    expect(verdictOf(judgeRedis({ ...setting, loopback: true }, facts({}, true)), 'Redis password')).toMatch(/^ok/);
  });
});

it('conditions: what is stalled is named with its reason, what is well is counted', () => {
  const since = '2026-01-01T00:00:00Z';
  const conditions = (ready: 'True' | 'False', stalled: 'True' | 'False') =>
    [
      { type: 'Ready', status: ready, reason: 'Why', message: 'because', lastTransitionTime: since, observedGeneration: 1 },
      { type: 'Stalled', status: stalled, reason: 'Why', message: '', lastTransitionTime: since, observedGeneration: 1 },
    ] as const;
  const resources = [
    ['well', conditions('True', 'False')],
    ['stalled', conditions('False', 'True')],
    ['trying', conditions('False', 'False')],
    ['new', []],
  ].map(([name, own]) => {
    const one = application({ name: name as string });
    return { ...one, metadata: { ...one.metadata, generation: 1 }, status: { ...one.status, conditions: own } } as unknown as typeof one;
  });
  const findings = judgeConditions({ kind: 'Application', listed: { ok: true, value: { resources, unreadable: [] } } });
  expect(findings.map(({ verdict, says }) => `${verdict}: ${says}`)).toEqual([
    'ok: 1 of 4 have nothing to mend',
    'fail: Why: because',
    'warn: Why: because',
    'warn: Sluice has not looked at it yet',
  ]);
});

it.each([
  { version: '4.1.0', is: 'ok' },
  { version: '3.19.0', is: 'fail' },
  { version: '5.0.0', is: 'warn' },
  { version: undefined, is: 'warn' },
])('helm $version: $is', ({ version, is }) => {
  expect(judgeTool({ tool: 'helm', found: { path: '/usr/bin/helm', version } }).verdict).toBe(is);
  expect(judgeTool({ tool: 'helm', found: undefined }).verdict).toBe('skipped');
});

it('the report lists what to mend, the worst first, and lets nothing steer the terminal', () => {
  const finding = (verdict: Finding['verdict'], mend?: string): Finding => ({
    check: 'c',
    about: 'a\u001b[2J',
    verdict,
    says: 'said',
    ...(mend === undefined ? {} : { mend }),
  });
  const text = reportText([finding('ok'), finding('warn', 'look'), finding('fail', 'do')]);
  expect(text).toContain('What to mend:\n1. fail, c, a[2J: do\n2. warn, c, a[2J: look\n\n1 ok, 1 to look at, 1 to mend, 0 skipped\n');
  expect(text).not.toContain('\u001b');
});
