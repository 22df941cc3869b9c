import type { Logger } from 'pino';
import { isPortError, PortError } from '../model/port-error.ts';
import { type Reference, referenceText } from '../model/reference.ts';
import type { Cluster } from '../resources/cluster.ts';
import type { Hub } from '../resources/hub.ts';
import type { ApiServer, openApiServer, Request } from './api-server.ts';

export type Clusters = AsyncDisposable & {
  /**
   * The API server of a Cluster; the same one for as long as the Cluster's spec and the contents of its Secret stay the same.
   * A changed Secret is seen within 10 s of use, or at once when the server refused the credentials. What still runs on the old connections then breaks off.
   * Throws PortError('destination', …): NOT_FOUND and INVALID name what has to be created or put right, UNREACHABLE when the hub does not answer.
   */
  serverOf(cluster: Reference, signal: AbortSignal): Promise<ApiServer>;
};

type Options = {
  readonly hub: Pick<Hub, 'seen' | 'read' | 'secret'>;
  /** What a Cluster with `connection.type: hub` means. */
  readonly hubServer: ApiServer;
  readonly open: typeof openApiServer;
  /** Whether the operator's own configuration vouches for this Cluster's kubeconfig: it may then run credential plugins and read files. */
  readonly isTrusted: (cluster: Reference) => boolean;
  readonly log: Logger;
};

type Opened = ApiServer & AsyncDisposable;
type Entry = {
  readonly generation: number;
  /** In milliseconds of performance.now(). */
  readonly checkedAtMs: number;
  readonly kubeconfig: string | undefined;
  readonly outcome: { readonly server: Opened } | { readonly error: PortError };
};

const secretKey = 'kubeconfig';
const checkEveryMs = 10_000;
const checkWithinMs = 30_000;

export function openClusters({ hub, hubServer, open, isTrusted, log }: Options): Clusters {
  const entries = new Map<string, Entry>();
  const checking = new Map<string, Promise<ApiServer>>();

  async function check(reference: Reference): Promise<ApiServer> {
    const name = `Cluster ${referenceText(reference)}`;
    const signal = AbortSignal.timeout(checkWithinMs);
    const key = referenceText(reference);
    const known = entries.get(key);
    try {
      const cluster = hub.seen('Cluster', reference) ?? (await hub.read('Cluster', reference, signal));
      if (cluster === undefined) throw refusal('NOT_FOUND', `${name} does not exist: create it, or correct the name in the Application`);
      if (cluster.spec.connection.type === 'hub') {
        close(known);
        entries.delete(key);
        return hubServer;
      }
      const kubeconfig = await kubeconfigOf(cluster, name, signal);
      if (known?.kubeconfig === kubeconfig && known.generation === cluster.metadata.generation && 'server' in known.outcome) {
        entries.set(key, { ...known, checkedAtMs: performance.now() });
        return known.outcome.server;
      }
      const server = openIt(kubeconfig, reference, name);
      close(known);
      entries.set(key, { generation: cluster.metadata.generation, checkedAtMs: performance.now(), kubeconfig, outcome: { server } });
      if (known !== undefined) log.info({ cluster: key }, 'cluster connected anew: its connection or its credentials changed');
      return server;
    } catch (error) {
      const reason = asRefusal(error, name);
      // Credentials at hand still count when the hub cannot tell whether there are newer ones.
      if (reason.retryable && known !== undefined && 'server' in known.outcome) {
        entries.set(key, { ...known, checkedAtMs: performance.now() });
        return known.outcome.server;
      }
      close(known);
      entries.set(key, {
        generation: hub.seen('Cluster', reference)?.metadata.generation ?? 0,
        checkedAtMs: performance.now(),
        kubeconfig: undefined,
        outcome: { error: reason },
      });
      throw reason;
    }
  }

  async function kubeconfigOf({ metadata: { namespace }, spec }: Cluster, name: string, signal: AbortSignal): Promise<string> {
    if (spec.connection.type !== 'kubeconfig') throw refusal('INVALID', `${name}: spec.connection.type must be kubeconfig or hub`);
    const secretReference = { namespace, name: spec.connection.kubeconfig.secretRef.name };
    const values = await hub.secret(secretReference, signal);
    const place = `${name}: Secret ${referenceText(secretReference)}`;
    const advice = `kubectl -n ${namespace} create secret generic ${secretReference.name} --from-file=${secretKey}=<file>`;
    if (values === undefined) throw refusal('NOT_FOUND', `${place} does not exist; create it: ${advice}`);
    const kubeconfig = values[secretKey];
    if (kubeconfig === undefined || kubeconfig.trim() === '') throw refusal('INVALID', `${place} has no key ${secretKey}; create it with: ${advice}`);
    return kubeconfig;
  }

  function openIt(kubeconfig: string, reference: Reference, name: string): Opened {
    const server = open(kubeconfig, { port: 'destination', name, trusted: isTrusted(reference) });
    const key = referenceText(reference);
    const noticing = async <T>(asked: Promise<T>): Promise<T> => {
      try {
        return await asked;
      } catch (error) {
        // The next one to ask for this Cluster reads its Secret anew.
        const entry = entries.get(key);
        if (isPortError(error, 'UNAUTHORIZED') && entry !== undefined && 'server' in entry.outcome && entry.outcome.server === noticed)
          entries.set(key, { ...entry, checkedAtMs: Number.NEGATIVE_INFINITY });
        throw error;
      }
    };
    const noticed: Opened = {
      ...server,
      send: (request: Request) => noticing(server.send(request)),
      stream: (request: Request) => noticing(server.stream(request)),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
    return noticed;
  }

  function close(entry: Entry | undefined): void {
    if (entry === undefined || !('server' in entry.outcome)) return;
    Promise.resolve(entry.outcome.server[Symbol.asyncDispose]()).catch((error: unknown) =>
      log.warn({ reason: String(error) }, 'connections of a cluster not closed'),
    );
  }

  /** The answer at hand, when it is new enough. */
  function fresh(reference: Reference): Entry | undefined {
    const entry = entries.get(referenceText(reference));
    const generation = hub.seen('Cluster', reference)?.metadata.generation ?? 0;
    return entry !== undefined && entry.generation === generation && performance.now() - entry.checkedAtMs < checkEveryMs ? entry : undefined;
  }

  return {
    async serverOf(reference, signal) {
      signal.throwIfAborted();
      if (hub.seen('Cluster', reference)?.spec.connection.type === 'hub' && !entries.has(referenceText(reference))) return hubServer;
      const entry = fresh(reference);
      if (entry !== undefined) {
        if ('error' in entry.outcome) throw entry.outcome.error;
        return entry.outcome.server;
      }
      // The check outlives the caller that began it: others wait for the same answer.
      const key = referenceText(reference);
      const asked = checking.get(key) ?? check(reference).finally(() => checking.delete(key));
      checking.set(key, asked);
      return unlessAborted(asked, signal);
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(checking.values());
      await Promise.all([...entries.values()].map(async ({ outcome }) => ('server' in outcome ? outcome.server[Symbol.asyncDispose]() : undefined)));
      entries.clear();
    },
  };
}

const refusal = (code: 'NOT_FOUND' | 'INVALID', message: string): PortError => new PortError('destination', code, message, { cause: undefined });

/** What goes wrong with the hub while a Cluster's credentials are read is that Cluster's trouble. */
function asRefusal(error: unknown, name: string): PortError {
  if (isPortError(error) && error.port === 'destination') return error;
  const code = isPortError(error) ? error.code : 'TIMEOUT';
  if (!isPortError(error) && !(error instanceof DOMException)) throw error;
  return new PortError('destination', code, `${name}: its credentials cannot be read from the hub: ${error.message}`, { cause: error });
}

function unlessAborted<T>(awaited: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason as Error);
    signal.addEventListener('abort', giveUp, { once: true });
    awaited.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}
