import { expect, it } from 'vitest';
import { cardHeight, layoutOf } from '../../web/src/pipeline-layout.ts';

const stages = [
  { name: 'staging', after: [] },
  { name: 'europe', after: ['staging'] },
  { name: 'america', after: ['staging'] },
  { name: 'everywhere', after: ['europe', 'america'] },
];
const place = (layout: ReturnType<typeof layoutOf>, name: string) => layout.stages.find((stage) => stage.name === name) ?? { x: Number.NaN, y: Number.NaN };

it('goes from left to right where there is room, and what runs side by side stands in one column', () => {
  const layout = layoutOf(stages, 1240);
  expect(layout.direction).toBe('LR');
  expect(layout.width).toBeLessThanOrEqual(1240);
  expect(place(layout, 'staging').x).toBeLessThan(place(layout, 'europe').x);
  expect(place(layout, 'europe').x).toBe(place(layout, 'america').x);
  expect(Math.abs(place(layout, 'europe').y - place(layout, 'america').y)).toBeGreaterThan(cardHeight);
});

it('goes from top to bottom in a narrow window, and a single column is no wider than the window', () => {
  const layout = layoutOf(stages.slice(0, 2), 362);
  expect([layout.direction, layout.cardWidth, layout.width]).toEqual(['TB', 362, 362]);
  expect(place(layout, 'europe').y).toBeGreaterThan(place(layout, 'staging').y + cardHeight);
});

it('of no stages takes no room', () => {
  expect(layoutOf([], 1000)).toMatchObject({ width: 0, height: 0, stages: [] });
});
