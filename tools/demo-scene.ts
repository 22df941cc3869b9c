import { commitStatus } from './demo-evidence.ts';
import type { Stage } from './demo-resources.ts';
import { type Deployments, type DeploymentWatch, describeDeployments, versionOf, watchDeployments } from './demo-watch.ts';
import type { DemoWorld } from './demo-world.ts';
import { openWorkingClone, type WorkingClone } from './git.ts';

/** What the steps of the story share: a clone to push from, a watch on each destination, and what was pushed so far. */
export type Scene = AsyncDisposable & {
  readonly world: DemoWorld;
  readonly clone: WorkingClone;
  readonly watches: Readonly<Record<Stage, DeploymentWatch>>;
  /** Image tag by service, as the newest good commit has it. */
  versions: Readonly<Record<string, string>>;
  /** The newest commit that was pushed, good or not. */
  commit: string;
};

export async function openScene(world: DemoWorld): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const clone = stack.use(await openWorkingClone({ gitea: world.gitea, repository: world.repository.name }));
  const watch = async (stage: Stage) => stack.use(await watchDeployments(world[stage], world.shop.namespaces[stage], world.parts));
  const staging = await watch('staging');
  const production = await watch('production');
  const opened = stack.move();
  return { world, clone, watches: { staging, production }, versions: {}, commit: '', [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

export type Pushed = {
  readonly commit: string;
  /** When `git push` was started and had ended; performance.now. */
  readonly startedAt: number;
  readonly endedAt: number;
};

/** Commits what is changed in the clone and pushes it. */
export async function push({ clone }: Scene, message: string): Promise<Pushed> {
  const commit = await clone.commit(message);
  const startedAt = performance.now();
  await clone.push();
  return { commit, startedAt, endedAt: performance.now() };
}

/** What was not seen in time, for the person who reads the story. */
export class NotSeen extends Error {
  override readonly name = 'NotSeen';
  readonly expected: string;
  readonly seen: string;

  constructor(expected: string, seen: string) {
    super(`expected ${expected}; seen: ${seen}`);
    this.expected = expected;
    this.seen = seen;
  }
}

/** The awaited value; NotSeen when the step's time is over first. `seen` is asked only then. */
export async function expected<T>(what: string, awaited: Promise<T>, seen: () => string | Promise<string>): Promise<T> {
  try {
    return await awaited;
  } catch (error) {
    if (!isTimeout(error)) throw error;
    throw new NotSeen(what, await seen());
  }
}

/** A timer says it with an AbortError around the signal's reason. */
const isTimeout = (error: unknown): boolean => error instanceof Error && (error.name === 'TimeoutError' || isTimeout(error.cause));

export type Rollout = { readonly appliedAt: number; readonly healthyAt: number };

const runs = (deployments: Deployments, versions: Scene['versions']): boolean =>
  Object.entries(versions).every(([service, version]) => versionOf(deployments.get(service)?.image ?? '') === version);

/** Waits, on the cluster itself, for every service to have its version, and for all of them to be rolled out. Ask before the push: moments are not missed then. */
export async function rollout({ watches }: Scene, stage: Stage, versions: Scene['versions'], signal: AbortSignal): Promise<Rollout> {
  const watch = watches[stage];
  const wanted = Object.entries(versions)
    .map(([service, version]) => `${service} ${version}`)
    .join(', ');
  const seen = () => describeDeployments(watch.now().values());
  const [appliedAt, healthyAt] = await Promise.all([
    expected(
      `${wanted} on the cluster ${stage}`,
      watch.until((deployments) => runs(deployments, versions), signal),
      seen,
    ),
    expected(
      `${wanted} rolled out on the cluster ${stage}`,
      watch.until((deployments) => runs(deployments, versions) && Object.keys(versions).every((service) => deployments.get(service)?.rolledOut), signal),
      seen,
    ),
  ]);
  return { appliedAt, healthyAt };
}

/** `sluice/shop/staging is pending: …`, for what was seen instead. */
export async function describeStatus(world: DemoWorld, commit: string, stage: Stage): Promise<string> {
  const status = await commitStatus(world, commit, stage);
  return status === undefined ? `no status sluice/shop/${stage} on the commit` : `sluice/shop/${stage} is ${status.state}: ${status.description}`;
}
