import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ControlPlane } from '../../tools/control-plane.ts';
import { isRolledOut, type Rollout } from '../../tools/rollout.ts';

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export type Seen<T> = AsyncDisposable & { readonly first: Promise<T> };

/**
 * `kubectl get --watch`: the first object, as it is now, changes to or was when it went, of which the condition holds; rejects after two minutes.
 * Answers once the watch has shown something, so that nothing is missed from then on: there must be an object.
 */
export async function watchFor<T>(
  cluster: ControlPlane,
  kubectl: string,
  what: readonly string[],
  condition: (object: T, type: WatchEventType) => boolean,
): Promise<Seen<T>> {
  const args = ['--kubeconfig', cluster.kubeconfigFile('admin'), 'get', ...what, '--watch', '--output-watch-events', '-o', 'json'];
  const child = spawn(kubectl, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  child.once('error', reject);
  const deadline = setTimeout(() => reject(new Error(`not seen within 120 s on ${cluster.name}: ${what.join(' ')}`)), 120_000);
  const lines = createInterface({ input: child.stdout });
  const begun = new Promise<void>((shown) => lines.once('line', () => shown()));
  lines.on('line', (line) => {
    const { object, type } = JSON.parse(line) as { readonly object: T; readonly type: WatchEventType };
    if (condition(object, type)) resolve(object);
  });
  // who disposes of it before it was awaited does not wait for it any more
  promise.catch(() => {});
  await Promise.race([begun, promise, ended]);
  return {
    first: promise,
    async [Symbol.asyncDispose]() {
      clearTimeout(deadline);
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Objects as kubectl lists them. */
export const listed = async <T>(cluster: ControlPlane, kinds: string, namespace: string): Promise<readonly T[]> =>
  (JSON.parse(await cluster.kubectl(['get', kinds, '-n', namespace, '-o', 'json'])) as { readonly items: readonly T[] }).items;

export type Workload = Rollout & {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } } };
};

/** Whether a Deployment runs this tag and nothing else. */
export const runsOnly = (workload: Workload, tag: string): boolean =>
  workload.spec.template.spec.containers.every(({ image }) => image.endsWith(`:${tag}`)) && isRolledOut(workload);

/** Which of two changes of one cluster came first: etcd counts them all in one row. */
export const revisionOf = ({ metadata }: { readonly metadata: { readonly resourceVersion: string } }): number => Number(metadata.resourceVersion);
