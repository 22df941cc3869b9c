import { expect, it } from 'vitest';
import { objectHealth } from '../../src/health/assess.ts';
import type { HealthWord } from '../../src/health/health.ts';
import type { Json, JsonObject } from '../../src/model/json.ts';
import type { LiveMetadata, LiveObject } from '../../src/model/manifest.ts';

type Parts = { readonly metadata?: Partial<LiveMetadata>; readonly spec?: JsonObject; readonly status?: JsonObject };

/** An object as the API server returns it, at generation 1 unless said otherwise. */
export function live(apiVersion: string, kind: string, { metadata = {}, spec, status }: Parts = {}): LiveObject {
  return {
    apiVersion,
    kind,
    metadata: {
      name: 'catalog',
      namespace: 'shop',
      uid: `uid-of-${kind}`,
      resourceVersion: '4711',
      generation: 1,
      creationTimestamp: '2026-05-04T10:00:00Z',
      ...metadata,
    },
    ...(spec === undefined ? {} : { spec }),
    ...(status === undefined ? {} : { status }),
  };
}

export const condition = (type: string, status: string, reason = '', message = '', lastTransitionTime = '2026-05-04T10:00:30Z'): JsonObject => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime,
});

export const containers = (...statuses: readonly Json[]): JsonObject => ({ containerStatuses: statuses });

export const waiting = (name: string, reason: string, message: string, restartCount = 0, lastState: JsonObject = {}): JsonObject => ({
  name,
  ready: false,
  started: false,
  restartCount,
  image: 'registry.example.org/catalog:2',
  imageID: '',
  state: { waiting: { reason, message } },
  lastState,
});

/** What a kind is judged to be in a situation: `message` is the whole text. */
export type HealthCase = readonly [situation: string, object: LiveObject, health: HealthWord, message: string];

export function judges(cases: readonly HealthCase[]): void {
  it.each(cases)('that %s', (_, object, health, message) => {
    expect(objectHealth(object)).toEqual({ health, message });
  });
}
