import { spawn } from 'node:child_process';
import type { DemoCluster } from './demo-resources.ts';
import type { Parts } from './parts.ts';
import { guard } from './process.ts';
import { isRolledOut, type Rollout } from './rollout.ts';

/** A Deployment as the cluster's API server tells it. */
export type Deployment = {
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly image: string;
  /** What is wanted, and what there is of it. */
  readonly replicas: number;
  readonly ready: number;
  /** The controller has seen this generation and every pod is new and available. */
  readonly rolledOut: boolean;
};

export type Deployments = ReadonlyMap<string, Deployment>;

/** `kubectl get deployments --watch` on one cluster. */
export type DeploymentWatch = AsyncDisposable & {
  readonly cluster: string;
  now(): Deployments;
  /** The moment (performance.now) at which the condition first holds. Rejects when the signal fires or kubectl ends. */
  until(condition: (deployments: Deployments) => boolean, signal: AbortSignal): Promise<number>;
};

type Waiter = { check(deployments: Deployments): void; fail(error: Error): void };

export async function watchDeployments({ name, kubectlOptions }: DemoCluster, namespace: string, parts: Parts): Promise<DeploymentWatch> {
  const args = [...kubectlOptions, 'get', 'deployments', '-n', namespace, '--watch', '--output-watch-events', '-o', 'json'];
  const child = spawn(parts.kubectl, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  const pid = child.pid as number;
  guard('add', pid);

  const known = new Map<string, Deployment>();
  const waiters = new Set<Waiter>();
  let problem: Error | undefined;
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      guard('drop', pid);
      problem = new Error(`${name}: kubectl get --watch ended: ${said.trim()}`);
      for (const waiter of waiters) waiter.fail(problem);
      resolve();
    });
  });

  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      note(known, JSON.parse(line) as WatchEvent);
      for (const waiter of waiters) waiter.check(known);
    }
  });

  return {
    cluster: name,
    now: () => known,
    until(condition, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const waiter: Waiter = {
        check: (deployments) => {
          if (condition(deployments)) resolve(performance.now());
        },
        fail: reject,
      };
      const abort = () => reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'));
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      else if (problem !== undefined) reject(problem);
      waiters.add(waiter);
      waiter.check(known);
      return promise.finally(() => {
        waiters.delete(waiter);
        signal.removeEventListener('abort', abort);
      });
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

type WatchEvent = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Rollout & {
    readonly metadata: { readonly name: string; readonly uid: string };
    readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } } };
    readonly status?: { readonly readyReplicas?: number };
  };
};

function note(known: Map<string, Deployment>, { type, object }: WatchEvent): void {
  const { metadata, spec, status } = object;
  if (type === 'DELETED') {
    known.delete(metadata.name);
    return;
  }
  known.set(metadata.name, {
    name: metadata.name,
    uid: metadata.uid,
    generation: metadata.generation,
    image: spec.template.spec.containers[0]?.image ?? '',
    replicas: spec.replicas,
    ready: status?.readyReplicas ?? 0,
    rolledOut: isRolledOut(object),
  });
}

/** `catalog 1.4.2 (3/3 ready)`, one after the other. */
export function describeDeployments(deployments: Iterable<Deployment>): string {
  const texts = [...deployments]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, image, ready, replicas }) => `${name} ${versionOf(image)} (${ready}/${replicas} ready)`);
  return texts.length === 0 ? 'no Deployment' : texts.join(', ');
}

export const versionOf = (image: string): string => image.slice(image.lastIndexOf(':') + 1);
