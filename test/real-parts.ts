import { join } from 'node:path';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { type ControlPlane, type Role, startControlPlane } from '../tools/control-plane.ts';
import { type GiteaAccess, type GiteaClient, giteaClient, startGitea } from '../tools/gitea.ts';
import { ensureParts, type Parts } from '../tools/parts.ts';
import { askRedis, startRedis } from '../tools/redis.ts';
import { openRunFolder } from '../tools/run-folder.ts';
import { run } from '../tools/run-program.ts';

const clusters = ['hub', 'staging', 'production'] as const;

type ClusterAccess = {
  readonly url: string;
  /** YAML texts. */
  readonly adminKubeconfig: string;
  readonly sluiceKubeconfig: string;
  /** The same as files. */
  readonly adminKubeconfigFile: string;
  readonly sluiceKubeconfigFile: string;
};

type RedisAccess = { readonly url: string; readonly port: number; readonly password: string };

type Access = {
  readonly parts: Parts;
  readonly clusters: Readonly<Record<(typeof clusters)[number], ClusterAccess>>;
  readonly redis: RedisAccess;
  readonly gitea: GiteaAccess;
};

export type RealCluster = ClusterAccess & {
  /** Runs kubectl as admin (or as Sluice) and answers what it printed. */
  kubectl(args: readonly string[], options?: { readonly input?: string; readonly as?: 'admin' | 'sluice' }): Promise<string>;
};

export type RealParts = {
  /** For a test that has to stop a part: it starts one of its own. */
  readonly parts: Parts;
  readonly hub: RealCluster;
  readonly staging: RealCluster;
  readonly production: RealCluster;
  readonly redis: RedisAccess & { cli(...command: readonly [string, ...string[]]): Promise<string> };
  readonly gitea: GiteaClient;
};

declare module 'vitest' {
  export interface ProvidedContext {
    realParts: Access;
  }
}

/** Started once for all test files of the project `real`; what it answers stops everything. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const parts = await ensureParts({ say });
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await openRunFolder());
  const started = <T extends AsyncDisposable>(starting: Promise<T>): Promise<T> => starting.then((thing) => stack.use(thing));
  const controlPlane = (name: string, role: Role) => started(startControlPlane({ parts, dir: join(folder.path, name), name, roles: [role], say }));
  // all of them are waited for, also when one fails, so that nothing comes up after the rest was stopped
  const outcomes = await Promise.allSettled([
    controlPlane('hub', 'hub'),
    controlPlane('staging', 'destination'),
    controlPlane('production', 'destination'),
    started(startRedis({ parts, dir: join(folder.path, 'redis') })),
    started(startGitea({ parts, dir: join(folder.path, 'gitea'), say })),
  ]);
  const [hub, staging, production, redis, gitea] = outcomes;
  if (hub.status === 'rejected') throw hub.reason;
  if (staging.status === 'rejected') throw staging.reason;
  if (production.status === 'rejected') throw production.reason;
  if (redis.status === 'rejected') throw redis.reason;
  if (gitea.status === 'rejected') throw gitea.reason;
  const { url, user, token, password } = gitea.value;
  project.provide('realParts', {
    parts,
    clusters: { hub: accessTo(hub.value), staging: accessTo(staging.value), production: accessTo(production.value) },
    redis: { url: redis.value.url, port: redis.value.port, password: redis.value.password },
    gitea: { url, user, token, password },
  });
  const running = stack.move();
  return () => running.disposeAsync();
}

const accessTo = (controlPlane: ControlPlane): ClusterAccess => ({
  url: controlPlane.url,
  adminKubeconfig: controlPlane.kubeconfig('admin'),
  sluiceKubeconfig: controlPlane.kubeconfig('sluice'),
  adminKubeconfigFile: controlPlane.kubeconfigFile('admin'),
  sluiceKubeconfigFile: controlPlane.kubeconfigFile('sluice'),
});

/** The running parts, in a test file under test/contract or test/e2e. */
export function realParts(): RealParts {
  const { parts, clusters: access, redis, gitea } = inject('realParts');
  const cluster = (name: (typeof clusters)[number]): RealCluster => {
    const { adminKubeconfigFile, sluiceKubeconfigFile } = access[name];
    return {
      ...access[name],
      kubectl: (args, { input, as = 'admin' } = {}) =>
        run(parts.kubectl, ['--kubeconfig', as === 'admin' ? adminKubeconfigFile : sluiceKubeconfigFile, ...args], { input }),
    };
  };
  return {
    parts,
    hub: cluster('hub'),
    staging: cluster('staging'),
    production: cluster('production'),
    redis: { ...redis, cli: (...command) => askRedis(redis, command) },
    gitea: giteaClient(gitea),
  };
}
