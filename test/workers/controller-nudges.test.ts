import { describe, expect, it } from 'vitest';
import type { ResourceOf } from '../../src/resources/hub.ts';
import type { Kind } from '../../src/resources/kinds.ts';
import { referenceOf } from '../../src/resources/resource.ts';
import type { HubChange } from '../../src/workers/hub-changes.ts';
import { allNudges, nudgesFor } from '../../src/workers/nudges-for.ts';
import { application, applicationOf, cluster, commitOf, type Given, pipeline, release, repository } from '../builders.ts';
import { fakeHub } from '../fakes/fake-hub.ts';

const lists = fakeHub(
  repository(),
  cluster(),
  cluster({ name: 'production' }),
  application({ name: 'lone' }),
  applicationOf('staging'),
  applicationOf('production'),
  pipeline(),
  release(),
).hub;

type Any = ResourceOf[Kind];

function changeOf(before: Any | undefined, now: Any | undefined): HubChange {
  const resource = now ?? before;
  if (resource === undefined) throw new Error('a change needs a resource');
  const type = before === undefined ? 'ADDED' : now === undefined ? 'DELETED' : 'MODIFIED';
  return {
    kind: resource.kind,
    reference: referenceOf(resource),
    type,
    ...(before === undefined ? {} : { before }),
    ...(now === undefined ? {} : { now }),
  } as HubChange;
}

const nudgesText = (change: HubChange): readonly string[] =>
  nudgesFor(change, lists)
    .map(({ verb, reference }) => `${verb} ${reference.namespace}/${reference.name}`)
    .toSorted();

const newer = { generation: 2, resourceVersion: '2' };
const staging = (status?: Given<'Application'>['status'], given: Given<'Application'> = {}) =>
  applicationOf('staging', { ...given, ...(status === undefined ? {} : { status }) });
const judged: NonNullable<Given<'Application'>['status']> = {
  observedGeneration: 1,
  commit: commitOf(1),
  inputs: 'a',
  digest: 'a',
  sync: { state: 'Synced', appliedAt: '2026-01-01T00:00:00Z', message: '' },
  health: { health: 'Healthy', message: '', since: '2026-01-01T00:00:00Z' },
};
const withHealth = (health: 'Healthy' | 'Degraded', message: string) => ({ ...judged, health: { health, message, since: '2026-01-01T00:00:00Z' } });
const condition = (status: 'True' | 'False') => [{ type: 'Stalled', status, reason: 'Refused', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }];
const stages = (state: 'pending' | 'verified') => ({
  stages: [{ name: 'staging', state, reason: '', since: '2026-01-01T00:00:00Z', frozen: false }],
  reported: [],
});

const users = ['promote shop/shop', 'sync shop/lone', 'sync shop/web-production', 'sync shop/web-staging'];

describe('a changed custom resource nudges', () => {
  it.each<[string, Any | undefined, Any | undefined, readonly string[]]>([
    ['a new Repository: itself and whoever waited for it', undefined, repository(), [...users.slice(0, 1), 'refresh shop/config', ...users.slice(1)]],
    ['a new spec of a Repository', repository(), repository({ metadata: newer }), [...users.slice(0, 1), 'refresh shop/config', ...users.slice(1)]],
    ['a removed Repository: its users, who say so', repository(), undefined, users],
    [
      'refs of a Repository: nobody, refresh does',
      repository(),
      repository({ status: { refs: [{ name: 'refs/heads/main', commit: commitOf(1), sequence: 1, movedAt: '2026-01-01T00:00:00Z' }] } }),
      [],
    ],
    ['a new spec of a Cluster: its Applications', cluster(), cluster({ metadata: newer }), ['sync shop/lone', 'sync shop/web-staging']],
    ['a status of a Cluster: nobody', cluster(), cluster({ status: { version: 'v1.36.0' } }), []],
    ['a new Application', undefined, application({ name: 'lone' }), ['refresh shop/config', 'sync shop/lone']],
    ['a new Application of a stage', undefined, staging(), ['promote shop/shop', 'refresh shop/config', 'sync shop/web-staging']],
    [
      'a new spec of an Application of a stage',
      staging(),
      staging(undefined, { metadata: newer }),
      ['promote shop/shop', 'refresh shop/config', 'sync shop/web-staging'],
    ],
    [
      'an Application that leaves a stage by its labels',
      staging(),
      staging(undefined, { labels: { stage: 'none' } }),
      ['promote shop/shop', 'refresh shop/config', 'sync shop/web-staging'],
    ],
    ['a removed Application of a stage', staging(), undefined, ['promote shop/shop']],
    ['a removed Application', application({ name: 'lone' }), undefined, []],
    ['the first status of an Application of a stage', staging(), staging(judged), ['promote shop/shop']],
    ['a status of an Application in no stage', application({ name: 'lone' }), application({ name: 'lone', status: judged }), []],
    ['an Application that turned unhealthy', staging(judged), staging(withHealth('Degraded', 'crashes')), ['promote shop/shop']],
    ['another word about the same health', staging(judged), staging(withHealth('Healthy', '3 of 3')), []],
    ['another commit that was read', staging(judged), staging({ ...judged, commit: commitOf(2) }), ['promote shop/shop']],
    ['another digest', staging(judged), staging({ ...judged, digest: 'b' }), ['promote shop/shop']],
    [
      'a refused Application',
      staging({ ...judged, conditions: condition('False') }),
      staging({ ...judged, conditions: condition('True') }),
      ['promote shop/shop'],
    ],
    [
      'a claim',
      staging(judged),
      staging({ ...judged, claim: { id: 'a', worker: 'w', revision: commitOf(1), step: 'apply', renewedAt: '2026-01-01T00:00:00Z' } }),
      [],
    ],
    ['a new Pipeline', undefined, pipeline(), ['promote shop/shop', 'refresh shop/config', 'sync shop/web-production', 'sync shop/web-staging']],
    [
      'a new spec of a Pipeline',
      pipeline(),
      pipeline({ metadata: newer }),
      ['promote shop/shop', 'refresh shop/config', 'sync shop/web-production', 'sync shop/web-staging'],
    ],
    ['a status of a Pipeline: nobody, or it would go round', pipeline(), pipeline({ status: { signer: 'ssh-ed25519 AAAA' } }), []],
    ['a removed Pipeline: whom it selected', pipeline(), undefined, ['sync shop/web-production', 'sync shop/web-staging']],
    ['a new Release', undefined, release(), ['report shop/shop-1']],
    ['a verdict', release({ status: stages('pending') }), release({ status: stages('verified') }), ['report shop/shop-1']],
    [
      'what was reported: nobody, or it would go round',
      release({ status: stages('pending') }),
      release({ status: { ...stages('pending'), reported: [{ context: 'sluice/shop/staging', state: 'pending', description: '' }] } }),
      [],
    ],
    ['a removed Release', release(), undefined, []],
  ])('%s', (_, before, now, expected) => {
    expect(nudgesText(changeOf(before, now))).toEqual(expected);
  });
});

it('everything is nudged once, of the Releases only the newest of each Pipeline', () => {
  const releases = Array.from({ length: 25 }, (_, index) => release({ spec: { sequence: index + 1 } }));
  const { hub } = fakeHub(repository(), application(), applicationOf('staging'), pipeline(), ...releases);
  const counts = Map.groupBy(allNudges(hub), ({ verb }) => verb);
  expect(Object.fromEntries([...counts].map(([verb, nudges]) => [verb, nudges.length]))).toEqual({ refresh: 1, promote: 1, sync: 2, report: 20 });
  const reported = counts.get('report')?.map(({ reference }) => reference.name);
  expect(reported).toContain('shop-25');
  expect(reported).not.toContain('shop-5');
});
