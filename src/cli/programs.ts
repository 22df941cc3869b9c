import { existsSync, globSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { accepted } from '../model/parsed.ts';
import { type Answer, refuse } from './answer.ts';
import type { Terminal } from './terminal.ts';

/** In a clone of this project the real programs may lie compiled in the cache of its tools. */
const tools = new URL('../../tools/parts.ts', import.meta.url);

/** The absolute path of a tool: SLUICE_<NAME>_BIN, PATH, and in a clone what `npm run demo` or `npm test` have compiled. */
export function findProgram(name: 'kustomize' | 'helm', { environment, home }: Pick<Terminal, 'environment' | 'home'>): Answer<string> {
  const variable = `SLUICE_${name.toUpperCase()}_BIN`;
  const named = environment[variable];
  if (named?.includes('/'))
    return existsSync(named) ? accepted(named) : refuse('ToolMissing', { at: variable, message: `names ${named}, which does not exist: correct the path` });
  const found = [...onPath(named || name, environment), ...(existsSync(tools) ? compiled(name, environment, home) : [])][0];
  if (found !== undefined) return accepted(found);
  return refuse('ToolMissing', { at: name, message: `is not on PATH: install it, or name the binary in ${variable}` });
}

const onPath = (name: string, environment: Terminal['environment']): readonly string[] =>
  (environment.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, name))
    .filter((path) => existsSync(path));

/** The newest first. */
function compiled(name: string, environment: Terminal['environment'], home: string): readonly string[] {
  const cache = join(environment.XDG_CACHE_HOME || join(home, '.cache'), 'sluice', 'parts');
  const found = globSync(join(cache, 'kubernetes-*', name)).filter((path) => !path.includes('.unfinished-'));
  return found.toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
}
