import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { freePort, startChild, waitUntilReady, withFreePorts } from '../../tools/process.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const shell = (script: string, logFile: string) => startChild({ name: 'shell', command: '/bin/sh', args: ['-c', script], logFile });

/** A dead one that nobody has collected yet, as happens in containers, counts as dead. */
const isAlive = (pid: number) => /^[^Z]/.test(spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim());

it('stops a program with the programs that it started', async () => {
  const dir = folder();
  const child = await shell(`sleep 600 & echo $! > ${dir}/inner; wait`, join(dir, 'log'));
  const inner = await vi.waitFor(() => Number(readFileSync(join(dir, 'inner'), 'utf8')) || Promise.reject(new Error('not yet')));
  await child.stop();
  expect(child.isRunning()).toBe(false);
  await vi.waitFor(() => expect(isAlive(inner)).toBe(false));
});

it('kills a program that does not end by itself', async () => {
  const dir = folder();
  const child = await shell(`trap '' TERM; echo deaf; while :; do sleep 1; done`, join(dir, 'log'));
  await waitUntilReady(child, async () => readFileSync(child.logFile, 'utf8').includes('deaf'));
  await child.stop(100);
  expect(await child.ended).toEqual({ code: null, signal: 'SIGKILL' });
});

it('says with the end of its log that a program ended too early', async () => {
  const child = await shell('echo no such flag; exit 3', join(folder(), 'log'));
  await expect(waitUntilReady(child, async () => false)).rejects.toThrow(/shell ended before it was ready.*no such flag/s);
});

it('says that a program cannot be started', async () => {
  await expect(startChild({ name: 'Nothing', command: '/nowhere/nothing', args: [], logFile: join(folder(), 'log') })).rejects.toThrow(
    /Nothing: \/nowhere\/nothing cannot be started/,
  );
});

it('tries other ports when one was taken', async () => {
  const seen: number[] = [];
  const answer = await withFreePorts(1, async ([port = 0]) => {
    seen.push(port);
    if (seen.length < 3) throw new Error(`listen tcp 127.0.0.1:${port}: bind: address already in use`);
    return port;
  });
  expect(new Set(seen).size).toBe(3);
  expect(answer).toBe(seen.at(-1));
  expect(await freePort()).not.toBe(answer);
});

it('ends the programs and removes the folder of a run that was killed', async () => {
  const dir = folder();
  const script = join(dir, 'parent.ts');
  const tools = join(import.meta.dirname, '../../tools');
  writeFileSync(
    script,
    `import { startChild } from '${tools}/process.ts';
     import { openRunFolder } from '${tools}/run-folder.ts';
     const { path } = await openRunFolder();
     const child = await startChild({ name: 'child', command: 'sleep', args: ['600'], logFile: path + '/log' });
     console.log(JSON.stringify({ path, pid: child.pid }));
     setInterval(() => {}, 1000);`,
  );
  const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await parent.stdout.setEncoding('utf8').take(1).toArray();
  const { path, pid } = JSON.parse(String(line)) as { path: string; pid: number };
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await vi.waitFor(() => expect([isAlive(pid), existsSync(path)]).toEqual([false, false]), { timeout: 10_000 });
});
