import { benchApply } from './apply.ts';
import type { Ground } from './ground.ts';
import { benchMonorepo } from './monorepo.ts';
import { benchNoop } from './noop.ts';
import { exponentOf, type Result } from './result.ts';

type Series = {
  readonly name: string;
  readonly bench: (ground: Ground, size: number) => Promise<Result>;
  /** Of the benchmark's size at 1x. */
  readonly share: number;
  readonly figure: string;
};

const series: readonly Series[] = [
  { name: 'apply', bench: benchApply, share: 1, figure: 'webhook to last object, s' },
  { name: 'noop, elsewhere', bench: benchNoop, share: 1, figure: 'elsewhere: webhook to refreshed, ms' },
  { name: 'noop, comment', bench: benchNoop, share: 1, figure: 'comment: webhook to done, ms' },
  { name: 'monorepo', bench: benchMonorepo, share: 1 / 5, figure: 'webhook to done, ms' },
];
const factors = [1, 2, 4, 8];

/** How the time grows with the size, at 1, 2, 4 and 8 times `size` objects: the exponent 1 is in proportion, 0 is not at all. */
export async function benchGrowth(ground: Ground, size: number): Promise<Result> {
  const results = new Map<string, Result>();
  const figures: Record<string, number> = {};
  for (const { name, bench, share, figure } of series) {
    const points: { readonly size: number; readonly value: number }[] = [];
    for (const factor of factors) {
      const at = Math.round(size * share * factor);
      const key = `${bench.name} ${at}`;
      const result = results.get(key) ?? (await bench(ground, at));
      results.set(key, result);
      points.push({ size: at, value: result.figures[figure] ?? Number.NaN });
    }
    for (const point of points) figures[`${name}, ${point.size}: ${figure}`] = point.value;
    figures[`${name}: exponent`] = exponentOf(points);
  }
  return { name: 'growth', size, figures, goals: [] };
}
