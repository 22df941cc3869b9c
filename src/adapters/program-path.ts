import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { PortError } from '../model/port-error.ts';

/**
 * The absolute path of a render tool: it runs with an empty environment, where no PATH would find it. A name with a slash is taken as it is.
 * Throws  PortError('renderer', UNREACHABLE) when no folder of `searchPath` has it; `setting` is where another one is named.
 */
export async function programPath(name: string, searchPath: string, setting: string): Promise<string> {
  if (name.includes('/')) return name;
  for (const folder of searchPath.split(delimiter).filter(isAbsolute)) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not there: the next folder.
    }
  }
  throw new PortError('renderer', 'UNREACHABLE', `${name} is not on PATH: install it, or name the binary in ${setting}`, { cause: undefined });
}
