import { type Ground, isDone } from './ground.ts';
import { atRest, type Cost, measureCost } from './process-cost.ts';
import { median, type Result } from './result.ts';

const rounds = 3;

/** `size` Applications of one repository and a commit that touches one of them: what is fetched, rendered and synced. Medians of three rounds; counts are the highest. */
export async function benchMonorepo(ground: Ground, size: number): Promise<Result> {
  const repositoryName = `monorepo-${size}`;
  await ground.namespace(repositoryName);
  const repository = await ground.repository(repositoryName);
  const applications = Array.from({ length: size }, (_, index) => ({
    name: `${repositoryName}-${index}`,
    path: `services/service-${index}`,
    namespace: repositoryName,
  }));
  const write = (index: number, value: string) => repository.clone.write(`services/service-${index}/config.yaml`, configMap(`service-${index}`, value));
  for (let index = 0; index < size; index += 1) await write(index, 'first');

  const firstCommit = await repository.commit('first');
  await using watch = await ground.watchHub('applications');
  const missing = new Set(applications.map(({ name }) => name));
  const allDone = watch.until((seen) => {
    if (isDone(seen.metadata.name, firstCommit)(seen)) missing.delete(seen.metadata.name);
    return missing.size === 0;
  });
  await repository.push();
  const began = performance.now();
  await repository.declare(applications);
  const firstSeconds = ((await allDone) - began) / 1000;
  await atRest(ground.sluice);

  const measured: { readonly milliseconds: number; readonly touched: number; readonly cost: Cost }[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const index = Math.floor((size * round) / (rounds + 1));
    const name = `${repositoryName}-${index}`;
    await write(index, `round ${round}`);
    const commit = await repository.commit(`round ${round}`);
    const touched = new Set<string>();
    const ended = await measureCost(ground.sluice);
    const done = watch.until((seen) => {
      touched.add(seen.metadata.name);
      return isDone(name, commit)(seen);
    });
    const { webhookAt } = await repository.push();
    const milliseconds = (await done) - webhookAt;
    await atRest(ground.sluice);
    measured.push({ milliseconds, touched: touched.size, cost: await ended() });
  }

  const most = (count: (round: (typeof measured)[number]) => number) => Math.max(...measured.map(count));
  const renders = most(({ cost }) => cost.counted('sluice_renders_total', 'made'));
  const fetches = most(({ cost }) => cost.counted('sluice_git_fetches_total'));
  const touched = most((round) => round.touched);
  return {
    name: 'monorepo',
    size,
    figures: {
      'webhook to done, ms': median(measured.map(({ milliseconds }) => milliseconds)),
      fetches,
      renders,
      'Applications synced': touched,
      'looks at Applications': most(({ cost }) => cost.counted('sluice_look_duration_seconds_count', 'verb="sync"')),
      'CPU of Sluice, s': median(measured.map(({ cost }) => cost.cpuSeconds)),
      'peak RSS of Sluice, MiB': most(({ cost }) => cost.peakRssMegabytes),
      'first sync of all, s': firstSeconds,
    },
    goals: [
      { text: 'one fetch', met: fetches === 1 },
      { text: 'one render', met: renders === 1 },
      { text: 'one Application synced', met: touched === 1 },
    ],
  };
}

const configMap = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: ${JSON.stringify(value)}\n`;
