/** One benchmark at one size. Names of figures carry their unit. */
export type Result = {
  readonly name: string;
  readonly size: number;
  readonly figures: Readonly<Record<string, number>>;
  /** Ours against the floor of the same run; undefined where there is no floor to compare with. */
  readonly ratioToFloor?: number;
  readonly goals: readonly Goal[];
};

export type Goal = { readonly text: string; readonly met: boolean };

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Linear between the two nearest ranks. Source: Hyndman and Fan, type 7. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (sorted.length - 1) * share;
  const below = sorted[Math.floor(rank)] ?? Number.NaN;
  const above = sorted[Math.ceil(rank)] ?? Number.NaN;
  return below + (above - below) * (rank - Math.floor(rank));
}

/** The exponent k of `value = c * size^k` that fits best: least squares on the logarithms. */
export function exponentOf(points: readonly { readonly size: number; readonly value: number }[]): number {
  const logs = points.map(({ size, value }) => ({ x: Math.log(size), y: Math.log(value) }));
  const mean = (pick: (point: { readonly x: number; readonly y: number }) => number) => logs.reduce((sum, point) => sum + pick(point), 0) / logs.length;
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)];
  const covariance = logs.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / logs.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
}

/** Lines for a person: a table of the figures, then the goals. */
export function describeResults(results: readonly Result[]): readonly string[] {
  return results.flatMap(({ name, size, figures, ratioToFloor, goals }) => {
    const width = Math.max(...Object.keys(figures).map((figure) => figure.length), 'ratio to the floor'.length);
    const line = (label: string, value: number) => `  ${label.padEnd(width)}  ${rounded(value).padStart(10)}`;
    return [
      '',
      `${name}, size ${size}`,
      ...Object.entries(figures).map(([figure, value]) => line(figure, value)),
      ...(ratioToFloor === undefined ? [] : [line('ratio to the floor', ratioToFloor)]),
      ...goals.map(({ text, met }) => `  ${met ? 'met   ' : 'MISSED'} ${text}`),
    ];
  });
}

const rounded = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2)).replace(/\.00$/, '');
