import { describe, expect, it } from 'vitest';
import { releasesToDelete, stagesOfRelease } from '../../src/promotion/release-record.ts';
import type { PipelineStatus, StageStatus } from '../../src/resources/pipeline.ts';
import type { ReleaseStatus } from '../../src/resources/release.ts';
import { release } from '../builders.ts';
import { admission, past, stageSpec, start } from '../builders-promotion.ts';

const now = new Date(start);
const specs = [stageSpec('staging'), stageSpec('production', { after: ['staging'] })];
const numbered = (sequence: number, stages: ReleaseStatus['stages'] = []) =>
  release({ name: `r${sequence}`, spec: { sequence }, ...(stages.length === 0 ? {} : { status: { stages } }) });
const standing = (...stages: readonly (Partial<StageStatus> & { readonly name: string })[]): PipelineStatus => ({
  conditions: [],
  stages: stages.map((stage) => ({ history: [], ...stage })),
});
const [atNow] = [now.toISOString()];
const staged = (sequence: number, status: PipelineStatus, before: ReleaseStatus['stages'] = []) =>
  stagesOfRelease(numbered(sequence, before), specs, status, now);

describe('a Release says of a stage', () => {
  it.each<[string, PipelineStatus, object]>([
    ['that it waits to be admitted', standing(), { state: 'waiting', reason: 'waiting to be admitted', frozen: false }],
    ['what it waits for', standing({ name: 'staging', admitted: admission(4) }), { state: 'waiting', reason: 'waiting for the verdict on r4' }],
    [
      'what its verdict is while it runs there',
      standing({ name: 'staging', admitted: admission(5, { verdict: 'failed', reason: 'no image' }) }),
      { state: 'failed', reason: 'no image', frozen: false, admittedAt: atNow },
    ],
    ['what its verdict was when it has left', standing({ name: 'staging', admitted: admission(6), history: [past(5)] }), { state: 'verified', frozen: true }],
    [
      'that it was passed over',
      standing({ name: 'staging', admitted: admission(6), history: [past(4)] }),
      { state: 'skipped', reason: 'passed over: r6 took the stage', frozen: false },
    ],
    [
      'that it was superseded before its verdict',
      standing({ name: 'staging', admitted: admission(7), history: [past(6), past(5, 'pending')] }),
      { state: 'skipped', reason: 'superseded by r6 before its verdict', frozen: true },
    ],
  ])('%s', (_, status, said) => {
    expect(staged(5, status)[0]).toMatchObject({ name: 'staging', ...said });
  });

  it('which stages it still has to be verified in, and what holds it up after that', () => {
    expect(staged(5, standing())[1]).toMatchObject({ reason: 'waiting to be verified in staging' });
    const verified = { name: 'staging', admitted: admission(5, { verdict: 'verified' }) };
    expect(staged(5, standing(verified, { name: 'production', admitted: admission(4) }))[1]).toMatchObject({ reason: 'waiting for the verdict on r4' });
  });

  it('since when: the time moves only with the state', () => {
    const long = '2025-01-01T00:00:00.000Z';
    const before = staged(5, standing({ name: 'staging', admitted: admission(5) })).map((stage) => ({ ...stage, since: long }));
    expect(staged(5, standing({ name: 'staging', admitted: admission(5, { reason: 'still' }) }), before)[0]).toMatchObject({ since: long, reason: 'still' });
    expect(staged(5, standing({ name: 'staging', admitted: admission(5, { verdict: 'verified' }) }), before)[0]).toMatchObject({ since: atNow });
  });
});

describe('a frozen verdict', () => {
  const frozen = staged(5, standing({ name: 'staging', admitted: admission(6), history: [past(5)] }));

  it.each([
    ['forgets it', standing({ name: 'staging', admitted: admission(99), history: [past(98)] })],
    ['is lost', standing()],
  ])('stays when the history of the stage %s', (_, status) => {
    expect(staged(5, status, frozen)[0]).toEqual(frozen[0]);
  });

  it('is made of what was last written down when the history forgot it before anybody looked', () => {
    const before = staged(5, standing({ name: 'staging', admitted: admission(5, { verdict: 'verified' }) }));
    expect(staged(5, standing({ name: 'staging', admitted: admission(99), history: [past(98)] }), before)[0]).toMatchObject({
      state: 'verified',
      frozen: true,
    });
    const pending = staged(5, standing({ name: 'staging', admitted: admission(5) }));
    expect(staged(5, standing({ name: 'staging', admitted: admission(99) }), pending)[0]).toMatchObject({ state: 'skipped', frozen: true });
  });

  it('is not made of a status that is older than the Release knows', () => {
    const before = staged(5, standing({ name: 'staging', admitted: admission(5) }));
    expect(staged(5, standing({ name: 'staging', admitted: admission(4) }), before)[0]).toMatchObject({ state: 'waiting', frozen: false });
  });
});

it('old Releases go, except those that a stage runs or remembers', () => {
  const releases = Array.from({ length: 60 }, (_, index) => numbered(index + 1));
  const status = standing({ name: 'staging', admitted: admission(60) }, { name: 'production', admitted: admission(3), history: [past(1)] });
  expect(releasesToDelete(releases, status).map(({ metadata }) => metadata.name)).toEqual(['r10', 'r9', 'r8', 'r7', 'r6', 'r5', 'r4', 'r2']);
  expect(releasesToDelete(releases.slice(0, 50), standing())).toEqual([]);
});
