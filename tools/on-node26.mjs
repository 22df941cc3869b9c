// The launcher of `npm run …`: plain JavaScript, for it runs on whatever Node the machine has, before node_modules exists.
// Installs the packages when the lockfile has changed (Node 26 is among them) and runs the named file on Node 26.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const node26 = `${root}node_modules/.bin/node`;
const stamp = `${root}node_modules/.installed-from`;
const digest = (content) => createHash('sha256').update(content).digest('hex');
const wanted = digest(readFileSync(`${root}package-lock.json`));
// not in node_modules, which npm ci empties, and not in the work tree
const lock = join(tmpdir(), `sluice-installing-${digest(root).slice(0, 16)}.lock`);
const isInstalled = () => existsSync(node26) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;

if (!isInstalled()) {
  const waiting = (holder) => console.error(`waiting for process ${holder}, which installs the packages of this clone …`);
  const status = await withLock(lock, waiting, async () => (isInstalled() ? 0 : install()));
  if (status !== 0) process.exit(status);
}
process.exit(await runToTheEnd(process.argv.slice(2)));

/** npm ci. Old Nodes are told of by npm for every package; they only run npm here, so that is left out. */
async function install() {
  const began = Date.now();
  const seconds = () => `${Math.round((Date.now() - began) / 1000)} s`;
  console.error('npm ci: installing the packages, Node 26 among them …');
  const still = setInterval(() => console.error(`npm ci: still at it after ${seconds()}`), 10_000);
  const child = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let usage = false; // npm's manual follows some of its errors
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      usage ||= /^npm error (Clean install|Usage)/.test(line);
      if (line.trim() !== '' && !usage && !line.includes('EBADENGINE')) console.error(`  ${line}`);
    });
  }
  const status = await ended(child, 'npm');
  clearInterval(still);
  if (status === 0) {
    writeFileSync(stamp, wanted);
    console.error(`npm ci: done after ${seconds()}`);
  }
  return status;
}

function runToTheEnd(args) {
  return ended(spawn(node26, args, { cwd: root, stdio: 'inherit' }), node26);
}

/** Ctrl-C reaches the whole group of the terminal, the child included, so it is not passed on; the other signals are. The child decides when it is done. */
function ended(child, what) {
  const forward = (signal) => child.kill(signal);
  const keepWaiting = () => {};
  process.on('SIGINT', keepWaiting).on('SIGTERM', forward).on('SIGHUP', forward);
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`${what} cannot be started: ${error.message}`);
      resolve(127);
    });
    child.on('close', (code, signal) => {
      process.off('SIGINT', keepWaiting).off('SIGTERM', forward).off('SIGHUP', forward);
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}
