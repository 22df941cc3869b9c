import { join } from 'node:path';
import { isRolledOut, type Rollout } from '../tools/rollout.ts';
import { run } from '../tools/run-program.ts';
import { type BenchRepository, type Ground, isDone } from './ground.ts';
import { type Cost, measureCost } from './process-cost.ts';
import type { Seen } from './raw-cluster.ts';
import { median, quantile, type Result } from './result.ts';

const replicas = 3;
/** What Argo CD 3.5.1 took on the same kind of machine. */
const argoCd = { appliedMs: 390, reportedMs: 83 };

type Round = { readonly appliedMs: number; readonly reportedMs: number; readonly floorMs: number };

/**
 * One Application of a Deployment, Service, ConfigMap and ServiceAccount, a new image and a new value by each of `size` pushes: from the webhook to the last
 * object written, and from the Deployment being available to Health being in the Application's status. The floor is what a script would do: git fetch, kubectl apply.
 */
export async function benchPush(ground: Ground, size: number): Promise<Result> {
  const name = 'push';
  await ground.namespace(name);
  await ground.namespace(`${name}-floor`);
  const repository = await ground.repository(name);
  await repository.declare([{ name, path: 'app', namespace: name }]);
  await pushVersion(ground, repository, name, 0);

  const rounds: Round[] = [];
  const ended = await measureCost(ground.sluice);
  for (let round = 1; round <= size; round += 1) rounds.push(await pushVersion(ground, repository, name, round));
  const cost: Cost = await ended();

  const figure = (pick: (round: Round) => number, share = 0.5) => quantile(rounds.map(pick), share);
  const applied = figure(({ appliedMs }) => appliedMs);
  const reported = figure(({ reportedMs }) => reportedMs);
  return {
    name: 'push',
    size,
    figures: {
      'webhook to applied, median, ms': applied,
      'webhook to applied, p99, ms': figure(({ appliedMs }) => appliedMs, 0.99),
      'available to Healthy reported, median, ms': reported,
      'available to Healthy reported, p99, ms': figure(({ reportedMs }) => reportedMs, 0.99),
      'floor: git fetch and kubectl apply, median, ms': median(rounds.map(({ floorMs }) => floorMs)),
      'CPU of Sluice for each push, s': cost.cpuSeconds / size,
      'peak RSS of Sluice, MiB': cost.peakRssMegabytes,
    },
    ratioToFloor: applied / median(rounds.map(({ floorMs }) => floorMs)),
    goals: [
      { text: `applied in less than 250 ms, median (Argo CD: ${argoCd.appliedMs})`, met: applied < 250 },
      { text: `reported in less than 80 ms, median (Argo CD: ${argoCd.reportedMs})`, met: reported < 80 },
    ],
  };
}

async function pushVersion(ground: Ground, repository: BenchRepository, name: string, version: number): Promise<Round> {
  for (const [file, text] of Object.entries(files(version))) await repository.clone.write(`app/${file}`, text);
  const commit = await repository.commit(`version ${version}`);
  await using deployments = await ground.raw.watch<Seen & Rollout>(`/apis/apps/v1/namespaces/${name}/deployments`);
  await using configs = await ground.raw.watch(`/api/v1/namespaces/${name}/configmaps`);
  await using applications = await ground.watchHub('applications');
  const written = Promise.all([
    deployments.until(({ spec }) => JSON.stringify(spec).includes(imageOf(version))),
    configs.until((seen) => seen.metadata.name === 'web' && 'data' in seen && JSON.stringify(seen.data).includes(`version ${version}`)),
  ]);
  const available = deployments.until((seen) => JSON.stringify(seen.spec).includes(imageOf(version)) && isRolledOut(seen));
  const done = applications.until(isDone(name, commit));
  const { webhookAt } = await repository.push();
  const appliedMs = Math.max(...(await written)) - webhookAt;
  const reportedMs = (await done) - (await available);
  const floorMs = await floor(ground, repository, `${name}-floor`);
  return { appliedMs, reportedMs, floorMs };
}

/** What somebody's deploy job does with the same commit. */
async function floor({ parts, cluster, folder }: Ground, { clone }: BenchRepository, namespace: string): Promise<number> {
  const home = await folder('floor');
  const remote = (await clone.git('rev-parse', '--git-dir')).trim();
  const copy = join(home, 'clone');
  await run('git', ['init', '--quiet', copy]);
  const began = performance.now();
  await run('git', ['-C', copy, 'fetch', '--quiet', '--depth', '1', join(clone.path, remote), 'HEAD']);
  await run('git', ['-C', copy, 'checkout', '--quiet', '--force', 'FETCH_HEAD']);
  await run(parts.kubectl, [...cluster.kubectlOptions, 'apply', '--server-side', '--force-conflicts', '-n', namespace, '-f', join(copy, 'app')]);
  return performance.now() - began;
}

const imageOf = (version: number): string => `registry.example/web:1.0.${version}`;

const files = (version: number): Readonly<Record<string, string>> => ({
  'deployment.yaml': `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: ${replicas}
  selector:
    matchLabels: { app: web }
  template:
    metadata:
      labels: { app: web }
    spec:
      serviceAccountName: web
      containers:
        - name: web
          image: ${imageOf(version)}
          envFrom:
            - configMapRef: { name: web }
`,
  'service.yaml': `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: { app: web }
  ports:
    - port: 80
      targetPort: 8080
`,
  'config.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: web
data:
  greeting: version ${version}
`,
  'service-account.yaml': `apiVersion: v1
kind: ServiceAccount
metadata:
  name: web
`,
});
