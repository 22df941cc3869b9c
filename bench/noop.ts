import { applyFirst } from './apply.ts';
import { type BenchRepository, type Ground, isDone } from './ground.ts';
import { atRest, type Cost, measureCost } from './process-cost.ts';
import type { Seen } from './raw-cluster.ts';
import { median, type Result } from './result.ts';

const rounds = 3;

type Round = { readonly milliseconds: number; readonly cost: Cost };

/**
 * A commit that changes nothing of an Application of `size` ConfigMaps: once elsewhere in the repository, once in a comment of one of its own files,
 * which has to be rendered to be known as nothing. What Sluice asks of the destination, and how long it takes. Medians of three rounds.
 */
export async function benchNoop(ground: Ground, size: number): Promise<Result> {
  const name = `noop-${size}`;
  const { repository } = await applyFirst(ground, name, size);
  const own = `app/config-00000.yaml`;
  const ownText = await repository.clone.git('show', `HEAD:${own}`);

  const elsewhere: Round[] = [];
  const comment: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    await repository.clone.write('README.md', `round ${round}\n`);
    elsewhere.push(
      await measured({ ground, repository, resource: 'repositories', has: (seen, commit) => seen.metadata.name === name && followsCommit(seen, commit) }),
    );
    await repository.clone.write(own, `# round ${round}\n${ownText}`);
    comment.push(await measured({ ground, repository, resource: 'applications', has: (seen, commit) => isDone(name, commit)(seen) }));
  }

  const most = (rounds: readonly Round[], ...words: readonly string[]) =>
    Math.max(...rounds.map(({ cost }) => cost.counted('sluice_api_requests_total', 'cluster="Cluster', ...words)));
  const looks = (rounds: readonly Round[]) => Math.max(...rounds.map(({ cost }) => cost.counted('sluice_look_duration_seconds_count', 'verb="sync"')));
  // The median, because the connection is probed every ten seconds whatever happens.
  const counts = (...words: readonly string[]) => median(comment.map(({ cost }) => cost.counted('sluice_api_requests_total', 'cluster="Cluster', ...words)));
  const reads = counts('method="GET"');
  const writes = counts() - reads;
  return {
    name: 'noop',
    size,
    figures: {
      'elsewhere: webhook to refreshed, ms': median(elsewhere.map(({ milliseconds }) => milliseconds)),
      'elsewhere: requests to the destination': most(elsewhere),
      'elsewhere: looks at the Application': looks(elsewhere),
      'comment: webhook to done, ms': median(comment.map(({ milliseconds }) => milliseconds)),
      'comment: looks at the Application': looks(comment),
      'comment: reads of the destination': reads,
      'comment: writes and dry-runs': writes,
      'comment: CPU of Sluice, s': median(comment.map(({ cost }) => cost.cpuSeconds)),
      'peak RSS of Sluice, MiB': Math.max(...[...elsewhere, ...comment].map(({ cost }) => cost.peakRssMegabytes)),
    },
    goals: [
      { text: 'elsewhere: no request to the destination', met: most(elsewhere) === 0 },
      // one LIST of the one group-kind, and the applyset parent
      { text: 'comment: at most one LIST for each group-kind, beside the applyset parent', met: reads <= 2 },
      { text: 'comment: no PATCH', met: writes === 0 },
    ],
  };
}

type Await = {
  readonly ground: Ground;
  readonly repository: BenchRepository;
  readonly resource: string;
  readonly has: (seen: Seen, commit: string) => boolean;
};

/** From the webhook of a commit to what is awaited, and what all of it has cost. */
async function measured({ ground, repository, resource, has }: Await): Promise<Round> {
  const commit = await repository.commit('nothing for the Application');
  const ended = await measureCost(ground.sluice);
  await using watch = await ground.watchHub(resource);
  const awaited = watch.until((seen) => has(seen, commit));
  const { webhookAt } = await repository.push();
  const milliseconds = (await awaited) - webhookAt;
  await atRest(ground.sluice);
  return { milliseconds, cost: await ended() };
}

const followsCommit = ({ status }: Seen, commit: string): boolean => JSON.stringify(status ?? {}).includes(commit);
