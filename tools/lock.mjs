// Plain JavaScript without dependencies: the launcher uses it before Node 26 and the packages are there.
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Types and docstring: lock.d.mts */
export async function withLock(file, waiting, work) {
  for (let asked = 0; !take(file); asked += 1) {
    const holder = holderOf(file);
    if (holder !== undefined && !isAlive(holder)) {
      takeAway(file, holder);
      continue;
    }
    if (asked % 50 === 0 && holder !== undefined) waiting(holder);
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** The file appears with its contents in one step or not at all. */
function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function holderOf(file) {
  try {
    const holder = Number(readFileSync(file, 'utf8'));
    if (Number.isInteger(holder) && holder > 0) return holder;
    // between being made and being written, unless its maker died just there
    return Date.now() - statSync(file).mtimeMs > 5000 ? -1 : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  if (pid < 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  try {
    // in a container nobody may collect the dead, and their numbers stay
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

/** Takes a dead process's lock away. Two may try at once: what was moved is looked at again, and a lock that was alive after all is put back. */
function takeAway(file, holder) {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const moved = holderOf(aside);
  if (moved !== undefined && moved !== holder && isAlive(moved)) {
    try {
      writeFileSync(file, String(moved), { flag: 'wx' });
    } catch {
      // somebody took the lock in the same moment
    }
  }
  rmSync(aside, { force: true });
}
