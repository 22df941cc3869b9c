import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applicationHealth } from '../../src/health/application.ts';
import { type HealthWord, healthRank } from '../../src/health/health.ts';
import type { ResourceId } from '../../src/model/manifest.ts';

const worstLast: readonly HealthWord[] = ['Healthy', 'Suspended', 'Progressing', 'Missing', 'Degraded', 'Unknown'];
const web: ResourceId = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' };
const database: ResourceId = { group: 'apps', kind: 'StatefulSet', namespace: 'shop', name: 'database' };

const objects = fc.array(
  fc.record({
    id: fc.record({
      group: fc.constantFrom('', 'apps', 'example.org'),
      kind: fc.constantFrom('Deployment', 'Widget'),
      namespace: fc.constantFrom('shop', 'bank'),
      name: fc.constantFrom('a', 'b'),
    }),
    health: fc.record({ health: fc.constantFrom(...worstLast), message: fc.constantFrom('', 'one reason', 'another reason') }),
  }),
  { minLength: 1, maxLength: 12 },
);

describe('applicationHealth', () => {
  it('names the object that decides and why', () => {
    const health = applicationHealth([
      { id: web, health: { health: 'Progressing', message: '2 of 3 replicas updated' } },
      { id: database, health: { health: 'Healthy', message: '' } },
    ]);

    expect(health).toEqual({ health: 'Progressing', message: 'Deployment shop/web: 2 of 3 replicas updated', object: web });
  });

  it('needs no words when all is Healthy', () => {
    expect(applicationHealth([{ id: web, health: { health: 'Healthy', message: 'fine' } }])).toEqual({ health: 'Healthy', message: '' });
  });

  it('says the word when the object gives no reason', () => {
    expect(applicationHealth([{ id: web, health: { health: 'Missing', message: '' } }])?.message).toBe('Deployment shop/web: Missing');
  });

  it('leaves it to the caller what no object at all means', () => {
    expect(applicationHealth([])).toBeUndefined();
  });

  it('gives the same reason whatever the order of two judgements of one object', () => {
    const twice = ['one reason', 'another reason'].map((message) => ({ id: web, health: { health: 'Degraded', message } as const }));

    expect(applicationHealth(twice)).toEqual(applicationHealth(twice.toReversed()));
  });

  it('is as bad as its worst object', () => {
    fc.assert(
      fc.property(objects, (list) => {
        const worst = Math.max(...list.map(({ health }) => worstLast.indexOf(health.health)));
        const result = applicationHealth(list);
        expect(result?.health).toBe(worstLast[worst]);
        expect(healthRank(result?.health ?? 'Healthy')).toBe(worst);
      }),
    );
  });

  it('is the same whatever the order of the objects', () => {
    const shuffled = objects.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length })));
    fc.assert(
      fc.property(shuffled, ([list, other]) => {
        expect(applicationHealth(other)).toEqual(applicationHealth(list));
      }),
    );
  });
});
