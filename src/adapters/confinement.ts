import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { promisify } from 'node:util';

/** What stands before a command to confine it: without network, with an upper bound of memory. Each where the system permits it. */
export type Confinement = { readonly prefix: readonly string[]; readonly withoutNetwork: boolean; readonly withMemoryLimit: boolean };

// The tool's own limit is lower; these catch what ignores it. Address space is more than memory: Go reserves far more than it uses.
const addressSpaceBytes = 4 * 1024 * 1024 * 1024;
const dataBytes = 1024 * 1024 * 1024;
const folders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/** Tries once what this system permits. Source: util-linux unshare(1), prlimit(1). */
export async function findConfinement(): Promise<Confinement> {
  const prlimit = await firstThatWorks([['prlimit', `--as=${addressSpaceBytes}`, `--data=${dataBytes}`, '--']]);
  // The second form is for a process that is not root: a user namespace of its own lets it make a network namespace.
  const unshare = await firstThatWorks([
    ['unshare', '--net', '--'],
    ['unshare', '--map-root-user', '--net', '--'],
  ]);
  return { prefix: [...prlimit, ...unshare], withoutNetwork: unshare.length > 0, withMemoryLimit: prlimit.length > 0 };
}

async function firstThatWorks(commands: readonly (readonly string[])[]): Promise<readonly string[]> {
  for (const [name = '', ...options] of commands) {
    const program = await find(name);
    const idle = await find('true');
    if (program !== undefined && idle !== undefined && (await succeeds(program, [...options, idle]))) return [program, ...options];
  }
  return [];
}

async function find(name: string): Promise<string | undefined> {
  for (const folder of folders) {
    try {
      await access(`${folder}/${name}`, constants.X_OK);
      return `${folder}/${name}`;
    } catch {
      // Not there: the next folder.
    }
  }
  return undefined;
}

async function succeeds(program: string, options: readonly string[]): Promise<boolean> {
  try {
    await promisify(execFile)(program, options, { timeout: 5_000, env: {} });
    return true;
  } catch {
    // Refused by the system: rendering goes on without this part, and `confinement` says so.
    return false;
  }
}
