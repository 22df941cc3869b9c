import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The program of the machine that the environment says to use. Throws when there is none at that place. */
export function namedByEnvironment(program: string, environment: Environment): string | undefined {
  const variable = `SLUICE_${program.replaceAll('-', '_').toUpperCase()}_BIN`;
  const named = environment[variable];
  if (named !== undefined && named !== '') {
    if (!existsSync(named)) throw new Error(`${variable}=${named}: there is no such file`);
    if (program === 'gitea' && environment.SLUICE_GITEA_STATIC_ROOT === undefined) {
      throw new Error("SLUICE_GITEA_BIN needs SLUICE_GITEA_STATIC_ROOT too: the folder that holds Gitea's templates and options");
    }
    return named;
  }
  const assets = environment.KUBEBUILDER_ASSETS;
  if (assets === undefined || assets === '' || !['kube-apiserver', 'etcd', 'kubectl'].includes(program)) return undefined;
  const path = join(assets, program);
  return existsSync(path) ? path : undefined;
}

/** The program's path when it is on PATH. */
export const onPath = (program: string, environment: Environment): string | undefined =>
  (environment.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
