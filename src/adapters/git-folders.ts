import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

const nameOfFolder = /^mirrors\.(?<host>.+)\.(?<pid>\d+)\.[0-9a-f-]{36}$/;

/** A folder that no other process and no other thread uses. Its name tells whose it is: host, process, and a random part. */
export async function makeOwnFolder(cacheDir: string): Promise<string> {
  const folder = join(cacheDir, `mirrors.${hostname()}.${process.pid}.${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  return folder;
}

/** Removes the folders that processes of this host left behind when they were killed. */
export async function sweepFolders(cacheDir: string): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const names = await readdir(cacheDir);
  await Promise.all(names.map(async (name) => ((await isLeftBehind(cacheDir, name)) ? rm(join(cacheDir, name), { recursive: true, force: true }) : undefined)));
}

async function isLeftBehind(cacheDir: string, name: string): Promise<boolean> {
  const { host, pid } = nameOfFolder.exec(name)?.groups ?? {};
  if (host !== hostname() || pid === undefined) return false;
  if (Number(pid) !== process.pid) return !isAlive(Number(pid));
  // In a container every process may have the same id: what is older than this one was another's.
  const { birthtimeMs } = await stat(join(cacheDir, name));
  return birthtimeMs < Date.now() - process.uptime() * 1000;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // sends nothing, only asks
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
