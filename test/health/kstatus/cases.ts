import { expect, it } from 'vitest';
import { type KstatusWord, kstatusOf } from '../../../src/health/kstatus/kstatus.ts';
import type { LiveObject } from '../../../src/model/manifest.ts';

export const now = new Date('2026-05-04T10:10:00Z');

/** What kstatus makes of a kind in a situation: `message` is the whole text. */
export type KstatusCase = readonly [situation: string, object: LiveObject, status: KstatusWord, message: string];

export function judges(cases: readonly KstatusCase[]): void {
  it.each(cases)('that %s', (_, object, status, message) => {
    expect(kstatusOf(object, now)).toEqual({ status, message });
  });
}
