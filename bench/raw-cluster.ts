import { Agent, request } from 'undici';
import { parse } from 'yaml';
import type { ControlPlane } from '../tools/control-plane.ts';

/** An object as the API server answers it, as far as the benchmark looks. */
export type Seen = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly generation?: number; readonly resourceVersion: string };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
};

export type Manifest = { readonly apiVersion: string; readonly kind: string; readonly metadata: { readonly name: string } };

/** One watch: whoever waits hears of each change in the moment in which it arrives. */
export type Watch<T extends Seen = Seen> = AsyncDisposable & {
  /** The moment (performance.now) at which the condition first holds for a change that arrives from now on. */
  until(condition: (object: T) => boolean): Promise<number>;
};

/** The API server without anything in between: what the floors are measured with, and what tells when something really happened. */
export type RawCluster = AsyncDisposable & {
  /** Server-side applies every manifest, 64 at a time. Throws when one is refused. */
  apply(path: string, manifests: readonly Manifest[], options: { readonly dryRun: boolean }): Promise<void>;
  /** `T`: what the path holds. */
  watch<T extends Seen = Seen>(path: string, options?: { readonly metadataOnly?: boolean }): Promise<Watch<T>>;
};

const parallelRequests = 64;
const seenWithinMs = 120_000;

export function openRawCluster(cluster: ControlPlane): RawCluster {
  const { clusters, users } = parse(cluster.kubeconfig('admin')) as {
    clusters: readonly [{ cluster: { 'certificate-authority-data': string } }];
    users: readonly [{ user: { token: string } }];
  };
  const connect = { ca: Buffer.from(clusters[0].cluster['certificate-authority-data'], 'base64') };
  const headers = { authorization: `Bearer ${users[0].user.token}` };
  const requests = new Agent({ connections: parallelRequests, pipelining: 1, allowH2: false, connect });
  const watches = new Agent({ allowH2: false, bodyTimeout: 0, connect });

  async function applyOne(path: string, manifest: Manifest, dryRun: boolean): Promise<void> {
    const query = `fieldManager=floor&force=true&fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`;
    const { statusCode, body } = await request(`${cluster.url}${path}/${manifest.metadata.name}?${query}`, {
      method: 'PATCH',
      dispatcher: requests,
      headers: { ...headers, 'content-type': 'application/apply-patch+yaml' },
      body: JSON.stringify(manifest),
    });
    const text = await body.text();
    if (statusCode >= 300) throw new Error(`${cluster.name}: ${manifest.kind} ${manifest.metadata.name} was answered ${statusCode}: ${text.slice(0, 300)}`);
  }

  return {
    async apply(path, manifests, { dryRun }) {
      const queue = manifests.values();
      const lane = async () => {
        for (const manifest of queue) await applyOne(path, manifest, dryRun);
      };
      await Promise.all(Array.from({ length: parallelRequests }, lane));
    },
    async watch<T extends Seen = Seen>(path: string, { metadataOnly = false }: { readonly metadataOnly?: boolean } = {}) {
      const stop = new AbortController();
      const accept = metadataOnly ? 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' : 'application/json';
      const listed = await request(`${cluster.url}${path}?limit=1`, { dispatcher: requests, headers });
      const { metadata } = (await listed.body.json()) as { readonly metadata: { readonly resourceVersion: string } };
      const waiting = new Set<Waiting<T>>();
      let seenUpTo = metadata.resourceVersion;
      const open = async () => {
        const answer = await request(`${cluster.url}${path}?watch=true&resourceVersion=${seenUpTo}`, {
          dispatcher: watches,
          headers: { ...headers, accept },
          signal: stop.signal,
        });
        if (answer.statusCode !== 200) throw new Error(`${cluster.name}: the watch of ${path} was answered ${answer.statusCode}`);
        return answer.body;
      };
      // The API server ends a watch whose reader lags behind, as it does on a busy machine: it is taken up again where it ended.
      const follow = async (first: AsyncIterable<Buffer>) => {
        for (let body = first; ; body = await open()) {
          await readLines<T>(body, (object) => {
            seenUpTo = object.metadata.resourceVersion;
            for (const { hear } of waiting) hear(object);
          });
        }
      };
      const ended = follow(await open()).catch((error: unknown) => {
        for (const { fail } of stop.signal.aborted ? [] : waiting) fail(error);
      });
      return {
        until: (condition: (object: T) => boolean) =>
          new Promise<number>((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error(`not seen within ${seenWithinMs / 1000} s on ${path}`)), seenWithinMs);
            const waiter: Waiting<T> = {
              fail: reject,
              hear(object) {
                if (!condition(object)) return;
                const at = performance.now();
                waiting.delete(waiter);
                clearTimeout(timer);
                resolve(at);
              },
            };
            waiting.add(waiter);
          }),
        async [Symbol.asyncDispose]() {
          stop.abort();
          await ended;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([requests.destroy(), watches.destroy()]);
    },
  };
}

type Waiting<T> = { hear(object: T): void; fail(error: unknown): void };

async function readLines<T>(body: AsyncIterable<Buffer>, hear: (object: T) => void): Promise<void> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') continue;
      const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: T };
      if (type === 'ERROR') throw new Error(JSON.stringify(object));
      hear(object);
    }
  }
}
