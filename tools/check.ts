import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Everything that needs no running part. All of them are run, so that one look shows all problems. */
const checks = [
  { name: 'form and lint (biome)', command: ['biome', 'check', '--error-on-warnings', '.'] },
  { name: 'promises and cycles (oxlint)', command: ['oxlint', '--type-aware', '--deny-warnings', 'src', 'tools', 'test', 'bench', 'web'] },
  { name: 'types (tsc)', command: ['tsc', '-p', '.'] },
  { name: 'types of the page (tsc)', command: ['tsc', '-p', 'web'] },
  { name: 'unused files, exports and dependencies (knip)', command: ['knip', '--no-progress'] },
] as const;

const outcomes: boolean[] = [];
for (const { name, command } of checks) {
  const began = performance.now();
  const code = await runToTheEnd(command);
  outcomes.push(code === 0);
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name}, ${((performance.now() - began) / 1000).toFixed(1)} s`);
}
process.exit(outcomes.every(Boolean) ? 0 : 1);

function runToTheEnd([program, ...args]: readonly [string, ...string[]]): Promise<number> {
  const path = [join(root, 'node_modules/.bin'), process.env.PATH].join(':');
  const child = spawn(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path } });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
