import { run } from '../tools/run-program.ts';
import { type ConfigMap, configMaps, writeConfigMaps } from './config-maps.ts';
import { type BenchRepository, type Ground, isDone } from './ground.ts';
import { type Cost, measureCost } from './process-cost.ts';
import { median, type Result } from './result.ts';

const rounds = 3;

/** An Application of ConfigMaps, applied once: what changes it is measured. */
type AppliedConfigMaps = { readonly ground: Ground; readonly repository: BenchRepository; readonly name: string; readonly size: number };

export async function applyFirst(ground: Ground, name: string, size: number): Promise<AppliedConfigMaps> {
  await ground.namespace(name);
  const repository = await ground.repository(name);
  await repository.declare([{ name, path: 'app', namespace: name }]);
  const applied = { ground, repository, name, size };
  await pushAndWait(applied, 'first');
  return applied;
}

type Timed = {
  /** Of performance.now: when `git push` was started, the webhook had arrived, and the last object was written. */
  readonly pushedAt: number;
  readonly webhookAt: number;
  readonly lastAt: number;
};

/** Changes every object by one commit and waits until each of them has been written on the cluster, and Sluice says so. */
async function pushAndWait({ ground, repository, name, size }: AppliedConfigMaps, value: string): Promise<Timed> {
  const manifests = configMaps(size, value);
  await writeConfigMaps(repository, manifests);
  const commit = await repository.commit(value);
  await using written = await ground.raw.watch(pathIn(name), { metadataOnly: true });
  await using applications = await ground.watchHub('applications');
  const missing = new Set(manifests.map(({ metadata }) => metadata.name));
  const lastWritten = written.until(({ metadata }) => missing.delete(metadata.name) && missing.size === 0);
  const done = applications.until(isDone(name, commit));
  const pushed = await repository.push();
  const lastAt = await lastWritten;
  await done;
  return { ...pushed, lastAt };
}

type Round = Timed & { readonly cost: Cost; readonly floor: number; readonly dryRunFloor: number; readonly kubectl: number };

/**
 * One Application of `size` ConfigMaps, every one changed by a commit: from the webhook to the last object written, beside
 * (a) raw server-side apply of the same objects, (b) the same after a raw dry-run of all, (c) kubectl apply --server-side. Medians of three rounds, taken in turns.
 */
export async function benchApply(ground: Ground, size: number): Promise<Result> {
  const name = `apply-${size}`;
  for (const namespace of ['floor', 'dry-run', 'kubectl'].map((kind) => `${name}-${kind}`)) await ground.namespace(namespace);
  const applied = await applyFirst(ground, name, size);
  await floors(applied, configMaps(size, 'first'));

  const measured: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const ended = await measureCost(ground.sluice);
    const timed = await pushAndWait(applied, `round ${round}`);
    const cost = await ended();
    measured.push({ ...timed, cost, ...(await floors(applied, configMaps(size, `round ${round}`))) });
  }

  const ours = median(measured.map(({ webhookAt, lastAt }) => (lastAt - webhookAt) / 1000));
  const dryRunFloor = median(measured.map((round) => round.dryRunFloor));
  const kubectl = median(measured.map((round) => round.kubectl));
  return {
    name: 'apply',
    size,
    figures: {
      'webhook to last object, s': ours,
      'start of git push to last object, s': median(measured.map(({ pushedAt, lastAt }) => (lastAt - pushedAt) / 1000)),
      'floor (a) raw apply, s': median(measured.map(({ floor }) => floor)),
      'floor (b) raw dry-run and apply, s': dryRunFloor,
      'kubectl apply --server-side, s': kubectl,
      'times as fast as kubectl': kubectl / ours,
      'CPU of Sluice, s': median(measured.map(({ cost }) => cost.cpuSeconds)),
      'peak RSS of Sluice, MiB': Math.max(...measured.map(({ cost }) => cost.peakRssMegabytes)),
    },
    ratioToFloor: ours / dryRunFloor,
    goals: [
      { text: 'at most 1.5 times floor (b)', met: ours <= 1.5 * dryRunFloor },
      { text: 'at least twice as fast as kubectl', met: kubectl >= 2 * ours },
    ],
  };
}

const pathIn = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;

/** The same objects without Sluice, each way in a namespace of its own. */
async function floors({ ground, repository, name }: AppliedConfigMaps, manifests: readonly ConfigMap[]) {
  const floor = await seconds(() => ground.raw.apply(pathIn(`${name}-floor`), manifests, { dryRun: false }));
  const dryRunFloor = await seconds(async () => {
    await ground.raw.apply(pathIn(`${name}-dry-run`), manifests, { dryRun: true });
    await ground.raw.apply(pathIn(`${name}-dry-run`), manifests, { dryRun: false });
  });
  const args = ['apply', '--server-side', '--force-conflicts', '-n', `${name}-kubectl`, '-f', `${repository.clone.path}/app`];
  const kubectl = await seconds(() => run(ground.parts.kubectl, [...ground.cluster.kubectlOptions, ...args]));
  return { floor, dryRunFloor, kubectl };
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}
