import { readFile, writeFile } from 'node:fs/promises';
import type { SluiceProcess } from '../tools/demo-sluice.ts';

/** What the process of Sluice has counted since it was started, by series as /metrics writes them. */
type Counted = ReadonlyMap<string, number>;

export type Cost = {
  readonly cpuSeconds: number;
  /** The highest resident memory since the begin; on Linux only, else what it is at the end. */
  readonly peakRssMegabytes: number;
  /** What was counted meanwhile, summed over all series whose text holds every word. */
  counted(...words: readonly string[]): number;
};

async function countedBy({ url }: SluiceProcess): Promise<Counted> {
  const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(10_000) })).text();
  return new Map(text.split('\n').flatMap((line) => (line === '' || line.startsWith('#') ? [] : [seriesOf(line)])));
}

function seriesOf(line: string): readonly [string, number] {
  const end = line.lastIndexOf(' ');
  return [line.slice(0, end), Number(line.slice(end + 1))];
}

/** Begins to measure; the answer ends it. */
export async function measureCost(sluice: SluiceProcess): Promise<() => Promise<Cost>> {
  const pid = sluice.pid();
  // 5 resets the peak (proc(5), clear_refs)
  await writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => {});
  const before = await countedBy(sluice);
  return async () => {
    const after = await countedBy(sluice);
    const difference = (series: string) => (after.get(series) ?? 0) - (before.get(series) ?? 0);
    return {
      cpuSeconds: difference('process_cpu_seconds_total'),
      peakRssMegabytes: (await peakRssBytes(pid, after)) / 1_048_576,
      counted: (...words) =>
        [...after.keys()].filter((series) => words.every((word) => series.includes(word))).reduce((sum, series) => sum + difference(series), 0),
    };
  };
}

async function peakRssBytes(pid: number, counted: Counted): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return peak === undefined ? (counted.get('process_resident_memory_bytes') ?? 0) : Number(peak) * 1024;
}

/** Until nothing waits and no look has ended between two questions. */
export async function atRest(sluice: SluiceProcess): Promise<void> {
  let before = -1;
  for (;;) {
    const counted = await countedBy(sluice);
    const sum = (word: string) => [...counted].reduce((total, [series, value]) => (series.startsWith(word) ? total + value : total), 0);
    const looks = sum('sluice_look_duration_seconds_count');
    if (looks === before && sum('sluice_queue_depth') === 0) return;
    before = looks;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}
