import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { withLock } from '../../tools/lock.mjs';

function lockFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'lock');
}

it('lets one work at a time and tells the other who is at it', async () => {
  const file = lockFile();
  const story: string[] = [];
  const { promise: heard, resolve } = Promise.withResolvers<number>();
  const first = withLock(
    file,
    () => {},
    async () => {
      story.push('first begins');
      await heard;
      story.push('first ends');
    },
  );
  const second = withLock(file, resolve, async () => story.push('second'));
  expect(await heard).toBe(process.pid);
  await Promise.all([first, second]);
  expect(story).toEqual(['first begins', 'first ends', 'second']);
  expect(existsSync(file)).toBe(false);
});

it('takes over the lock of a process that died', async () => {
  const file = lockFile();
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeFileSync(file, String(pid));
  expect(
    await withLock(
      file,
      () => {},
      async () => 'done',
    ),
  ).toBe('done');
});

it('gives the lock back when the work fails', async () => {
  const file = lockFile();
  await expect(
    withLock(
      file,
      () => {},
      () => Promise.reject(new Error('no disk')),
    ),
  ).rejects.toThrow('no disk');
  expect(existsSync(file)).toBe(false);
});
