import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { benchApply } from './apply.ts';
import { type Ground, openGround } from './ground.ts';
import { benchGrowth } from './growth.ts';
import { benchMonorepo } from './monorepo.ts';
import { benchNoop } from './noop.ts';
import { benchPush } from './push.ts';
import { describeResults, type Result } from './result.ts';

const benchmarks = {
  apply: { bench: benchApply, size: 1000, sizeIs: 'ConfigMaps' },
  noop: { bench: benchNoop, size: 1000, sizeIs: 'ConfigMaps' },
  monorepo: { bench: benchMonorepo, size: 200, sizeIs: 'Applications' },
  push: { bench: benchPush, size: 30, sizeIs: 'pushes' },
  growth: { bench: benchGrowth, size: 250, sizeIs: 'ConfigMaps at 1x; 1, 2, 4 and 8 times as many are measured' },
} as const;
type Name = keyof typeof benchmarks;
const names = Object.keys(benchmarks) as readonly Name[];

const usage = `Usage: npm run bench [-- NAME… [--size N] [--json FILE] [--profile DIR]]

Measures Sluice beside floors of the same run, on real parts of this machine's loopback. All but growth unless named:
${names.map((name) => `  ${name.padEnd(9)} size ${benchmarks[name].size}: ${benchmarks[name].sizeIs}`).join('\n')}

  --size N       instead of the size of each benchmark
  --json FILE    write {machine, benchmarks: [{name, size, figures, ratioToFloor, goals}]} there
  --profile DIR  have Sluice write CPU profiles there; it is slower then`;

type Options = {
  readonly chosen: readonly Name[];
  readonly size: number | undefined;
  readonly json: string | undefined;
  readonly profileDir: string | undefined;
};

async function bench({ chosen, size, json, profileDir }: Options): Promise<void> {
  const say = (line: string) => console.error(line);
  const results: Result[] = [];
  for (const name of chosen) {
    // Each has parts of its own: what one leaves behind is not another's load.
    await using ground: Ground = await openGround({ say, profileDir });
    const began = performance.now();
    const result = await benchmarks[name].bench(ground, size ?? benchmarks[name].size).catch(async (error: unknown) => {
      for (const line of await ground.sluice.warnings(40)) say(line);
      throw error;
    });
    results.push(result);
    say(`${name}: measured in ${((performance.now() - began) / 1000).toFixed(0)} s`);
    for (const line of describeResults([result])) console.log(line);
  }
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ machine: machine(), benchmarks: results }, null, 2)}\n`);
}

const machine = () => ({
  cores: cpus().length,
  processor: cpus()[0]?.model ?? 'unknown',
  memoryGigabytes: Math.round(totalmem() / 2 ** 30),
  system: `${process.platform} ${process.arch}`,
  node: process.version,
  date: new Date().toISOString(),
});

function readOptions(args: readonly string[]): Options | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { size: { type: 'string' }, json: { type: 'string' }, profile: { type: 'string' }, help: { type: 'boolean' } },
    });
    const unknown = positionals.filter((name) => !names.some((known) => known === name));
    if (values.help) return usage;
    if (unknown.length > 0) return `There is no benchmark ${unknown.join(', ')}.\n\n${usage}`;
    if (values.size !== undefined && !/^[1-9]\d{0,5}$/.test(values.size)) return `--size ${values.size}: a whole number from 1 to 999999 is needed.`;
    const chosen = positionals.length === 0 ? names.filter((name) => name !== 'growth') : names.filter((name) => positionals.includes(name));
    return { chosen, size: values.size === undefined ? undefined : Number(values.size), json: values.json, profileDir: values.profile };
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n\n${usage}`;
  }
}

const options = readOptions(process.argv.slice(2));
if (typeof options === 'string') {
  console.error(options);
  process.exit(process.argv.includes('--help') ? 0 : 2);
}
await bench(options);
process.exit(0);
