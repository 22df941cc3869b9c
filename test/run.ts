import { createVitest, parseCLI, type TestModule } from 'vitest/node';
import { ensureParts } from '../tools/parts.ts';

const say = (line: string) => process.stderr.write(`${line}\n`);

/** Every test, or those whose path holds one of the words: `npm test -- test/sync`. The real parts are made ready only when a chosen file needs them. */
async function runTests(args: readonly string[]): Promise<number> {
  const { filter, options } = parseCLI(['vitest', 'run', ...args]);
  const vitest = await createVitest({ ...options, run: true, watch: false });
  try {
    const chosen = await vitest.globTestSpecifications([...filter]);
    if (chosen.length === 0) return report([], 0);
    if (chosen.some(({ project }) => project.name !== 'pure')) await ensureParts({ say });
    const { testModules, unhandledErrors } = await vitest.start([...filter]);
    return report(testModules, unhandledErrors.length);
  } finally {
    await vitest.close();
  }
}

/** A file that could not be loaded, and an error outside of every test, count as one failure each. Answers the exit code. */
function report(modules: readonly TestModule[], unhandledErrors: number): number {
  const results = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
  const count = (state: string) => results.filter((result) => result === state).length;
  const brokenFiles = modules.filter(
    (module) => module.state() === 'failed' && [...module.children.allTests()].every((test) => test.result().state !== 'failed'),
  ).length;
  const [passed, failed, skipped] = [count('passed'), count('failed') + brokenFiles + unhandledErrors, count('skipped')];
  process.on('exit', () => console.log(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`));
  if (passed + failed === 0) say('No test was run: no test file matches.');
  return failed > 0 || passed === 0 ? 1 : 0;
}

try {
  process.exit(await runTests(process.argv.slice(2)));
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  console.log('0 passed, 1 failed');
  process.exit(1);
}
