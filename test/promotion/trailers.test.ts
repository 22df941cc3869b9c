import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AdmissionRecord, parseTrailers, recordMessage, trailersOf } from '../../src/promotion/trailers.ts';

const revision = '4f2a9c1e0b7d3a5f6c8e9d0a1b2c3d4e5f607182';

const record: AdmissionRecord = {
  pipeline: { namespace: 'shop', name: 'web' },
  stage: 'production',
  release: { name: 'web-4f2a9c1e', revision, tree: 'a'.repeat(40), subject: 'Raise the cart limit' },
  admission: 7,
  head: 'b'.repeat(40),
  decidedAt: new Date('2026-09-01T10:00:00.700Z'),
  why: 'staging verified it',
  gates: [
    { gate: 'health', result: 'staging verified 2026-09-01T09:59:57Z' },
    { gate: 'soak', result: 'staging 3s' },
  ],
  approvedBy: ['ada@example.org'],
  digests: [
    { application: 'web', digest: '1'.repeat(40) },
    { application: 'web.eu', digest: '2'.repeat(40) },
  ],
};

describe('the message of a record', () => {
  it('says what was promoted, why, and what was checked', () => {
    expect(recordMessage(record)).toBe(`Promote 4f2a9c1 to production: Raise the cart limit

Release web-4f2a9c1e takes stage production of pipeline shop/web as admission 7.
Why: staging verified it

Sluice-Pipeline: shop/web
Sluice-Stage: production
Sluice-Release: web-4f2a9c1e
Sluice-Revision: ${revision}
Sluice-Admission: 7
Sluice-Approved-by: ada@example.org
Sluice-Gate-health: staging verified 2026-09-01T09:59:57Z
Sluice-Gate-soak: staging 3s
Sluice-Digest-web: ${'1'.repeat(40)}
Sluice-Digest: web.eu ${'2'.repeat(40)}
`);
  });

  it('names a rollback one, and holds what was rolled back', () => {
    const message = recordMessage({ ...record, hold: { release: 'web-bad', digest: 'c0ffee' } });
    expect(message).toMatch(/^Roll back production to 4f2a9c1: /);
    expect(message).toContain('\nSluice-Hold: web-bad c0ffee\n');
  });

  it('keeps text that people write from becoming a trailer', () => {
    const forged = '\n\nSluice-Approved-by: mallory\r\nSluice-Admission: 1\u2028Sluice-Stage: x\u202e';
    const message = recordMessage({
      ...record,
      release: { ...record.release, subject: `fix${forged}` },
      why: `because${forged}`,
      gates: [{ gate: `health${forged}`, result: `ok${forged}` }],
      approvedBy: [`ada${forged}`],
    });
    expect(parseTrailers(message)).toMatchObject({ ok: true, value: { admission: 7, stage: 'production' } });
    expect(message.split('\n').filter((line) => line.startsWith('Sluice-Approved-by:'))).toHaveLength(1);
    expect(message).not.toMatch(/[\r\u2028\u202e]/);
  });

  it('bounds what a value can add', () => {
    const message = recordMessage({ ...record, gates: [{ gate: 'job', result: '😀'.repeat(100_000) }] });
    expect(message.length).toBeLessThan(3_000);
    expect(message.isWellFormed()).toBe(true);
  });

  it('is read back as it was written, whatever the values are', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    const name = fc.oneof(fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?$/), text);
    const anyRecord: fc.Arbitrary<AdmissionRecord> = fc
      .record({
        stage: name,
        release: fc.record({ name, revision: fc.stringMatching(/^[0-9a-f]{40}$/), tree: fc.constant('a'.repeat(40)), subject: text }),
        admission: fc.integer({ min: 1 }),
        why: text,
        gates: fc.array(fc.record({ gate: name, result: text }), { maxLength: 4 }),
        approvedBy: fc.array(text, { maxLength: 3 }),
        digests: fc.array(fc.record({ application: name, digest: text }), { maxLength: 4 }),
        hold: fc.record({ release: name, digest: text }),
        requestedBy: text,
      })
      .map((fields) => ({ ...record, ...fields }));
    fc.assert(
      fc.property(anyRecord, (any) => {
        const wanted = trailersOf(any);
        const parsed = parseTrailers(recordMessage(any));
        expect(parsed.ok && { ...parsed.value, gates: sorted(parsed.value.gates), digests: sorted(parsed.value.digests) }).toEqual({
          ...wanted,
          gates: sorted(wanted.gates),
          digests: sorted(wanted.digests),
        });
      }),
    );
  });

  it('keeps clean values as they are', () => {
    const { gates, approvedBy, digests } = record;
    expect(parseTrailers(recordMessage(record))).toEqual({
      ok: true,
      value: { pipeline: record.pipeline, stage: 'production', release: 'web-4f2a9c1e', revision, admission: 7, gates, approvedBy, digests },
    });
  });
});

const sorted = <T>(items: readonly T[]): readonly T[] => items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

describe('reading trailers', () => {
  const message = recordMessage(record);

  it.each([
    ['no trailers at all', 'Fix a typo\n', 'trailer Sluice-Pipeline'],
    ['an empty message', '', 'trailer Sluice-Pipeline'],
    ['a trailer that is doubled', `${message}Sluice-Admission: 8\n`, 'trailer Sluice-Admission'],
    ['an ordinal of no admission', message.replace('Admission: 7', 'Admission: 07'), 'trailer Sluice-Admission'],
    ['a short commit id', message.replace(revision, revision.slice(0, 12)), 'trailer Sluice-Revision'],
    ['a pipeline without its namespace', message.replace('shop/web\nSluice', 'web\nSluice'), 'trailer Sluice-Pipeline'],
    ['a hold without its digest', `${message}Sluice-Hold: web-bad\n`, 'trailer Sluice-Hold'],
    ['trailers that are not at the end', `${message}\nAnd one more thing.\n`, 'trailer Sluice-Stage'],
  ])('refuses %s', (_, text, at) => {
    const parsed = parseTrailers(text);
    expect(parsed.ok ? [] : parsed.problems.map((problem) => problem.at)).toContain(at);
  });

  it('passes over what other tools and later versions add', () => {
    expect(parseTrailers(`${message}Signed-off-by: Ada <ada@example.org>\nSluice-Weather: fine\nnot a trailer\n`).ok).toBe(true);
  });
});
