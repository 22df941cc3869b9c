import { setTimeout as sleep } from 'node:timers/promises';
import { applicationLabel, applySetIdLabel, groupKindsAnnotation, installationLabel, ownerAnnotation } from '../diff/ownership.ts';
import { podFacts } from '../health/pods.ts';
import { at, isJsonObject } from '../model/json.ts';
import { type GroupKind, groupKindText, type LiveObject } from '../model/manifest.ts';
import { isPortError, type PortError } from '../model/port-error.ts';
import { type Reference, referenceText } from '../model/reference.ts';
import type { Handlers, OpenWatch, SeenMember, SeenParent, SeenPod, Watches } from '../workers/watches.ts';
import type { ApiServer } from './api-server.ts';
import { type Discovery, openDiscovery, resourcePath } from './discovery.ts';
import { type WatchOptions, watchList } from './watch.ts';

type Options = {
  /** The API server of a Cluster as it is now; throws PortError('destination', …). */
  readonly serverOf: (cluster: Reference, signal: AbortSignal) => Promise<ApiServer>;
  readonly times?: WatchOptions<unknown>['times'];
  /** How often a kind that is not served is asked for. */
  readonly missingMs?: number;
};

const versionWithinMs = 5_000;

export function destinationWatches({ serverOf, times, missingMs = 10_000 }: Options): Watches {
  const discoveries = new Map<string, Discovery>();

  /** Asks whichever server the Cluster has at that moment, so that a watch outlives a change of its credentials. */
  function current(cluster: Reference, onSend: () => void = () => {}): ApiServer {
    return {
      port: 'destination',
      name: `Cluster ${referenceText(cluster)}`,
      url: 'its API server',
      async send(request) {
        onSend();
        return (await serverOf(cluster, request.signal)).send(request);
      },
      stream: async (request) => (await serverOf(cluster, request.signal)).stream(request),
    };
  }

  function discoveryOf(cluster: Reference, afresh: boolean): Discovery {
    const key = referenceText(cluster);
    const known = afresh ? undefined : discoveries.get(key);
    const discovery = known ?? openDiscovery(current(cluster));
    discoveries.set(key, discovery);
    return discovery;
  }

  type Query<T> = Pick<WatchOptions<T>, 'path' | 'labelSelector' | 'metadataOnly'> & { readonly transform: (object: LiveObject) => T };

  function follow<T>(cluster: Reference, query: Query<T>, { onEvent, onSynced, onLost }: Handlers<T>): OpenWatch {
    // Only a LIST is sent; what it found between two streams may have come and gone unseen.
    let relisted = false;
    const server = current(cluster, () => {
      relisted = true;
    });
    return watchList(server, {
      ...query,
      ...(times === undefined ? {} : { times }),
      onEvent,
      onSynced() {
        onSynced({ relisted });
        relisted = false;
      },
      onLost,
    });
  }

  async function followMembers(cluster: Reference, kind: GroupKind, handlers: Handlers<SeenMember>, stopped: AbortSignal): Promise<void> {
    const pause = (ms: number) => sleep(ms * (0.5 + Math.random() / 2), undefined, { signal: stopped }).catch(() => {});
    let isLost = false;
    let isFirst = true;
    const lose = (error: PortError): void => {
      if (!isLost) handlers.onLost(error);
      isLost = true;
    };
    const synced: Handlers<SeenMember>['onSynced'] = (how) => {
      isLost = false;
      isFirst = false;
      handlers.onSynced(how);
    };

    let afresh = false;
    for (let failures = 0; !stopped.aborted; ) {
      try {
        const served = (await discoveryOf(cluster, afresh).kinds([kind], stopped)).get(groupKindText(kind));
        afresh = false;
        failures = 0;
        if (served === undefined) {
          synced({ relisted: isLost && !isFirst });
          await pause(missingMs);
          continue;
        }
        const query: Query<SeenMember> = { path: resourcePath(served, {}), labelSelector: applicationLabel, metadataOnly: true, transform: memberOf };
        const gone = await untilGone((onLost) => follow(cluster, query, { onEvent: handlers.onEvent, onSynced: synced, onLost }), lose, stopped);
        if (gone === undefined) return;
        // Not under this version any more, or not at all: discovery knows.
        afresh = true;
        lose(gone);
        await pause(200);
      } catch (error) {
        if (stopped.aborted) return;
        if (!isPortError(error)) throw error;
        lose(error);
        failures += 1;
        await pause(Math.min(10_000, 200 * 2 ** Math.min(failures, 10)));
      }
    }
  }

  return {
    async version(cluster, signal) {
      const { body } = await current(cluster).send({ method: 'GET', path: '/version', signal, timeoutMs: versionWithinMs, isProbe: true });
      const version = at(body, 'gitVersion');
      return typeof version === 'string' && version !== '' ? version.slice(0, 64) : 'unknown';
    },

    parents(cluster, installation, handlers) {
      const labelSelector = `${applySetIdLabel},${installationLabel}=${installation}`;
      return follow(cluster, { path: '/api/v1/configmaps', labelSelector, metadataOnly: true, transform: parentOf }, handlers);
    },

    members(cluster, kind, handlers) {
      const stopping = new AbortController();
      const finished = followMembers(cluster, kind, handlers, stopping.signal);
      return {
        async stop() {
          stopping.abort(new Error('the watch is stopped'));
          await finished;
        },
      };
    },

    pods(cluster, { namespace, selector }, handlers) {
      return follow(
        cluster,
        { path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`, labelSelector: selector, metadataOnly: false, transform: podOf },
        handlers,
      );
    },
  };
}

/** Output: why the kind cannot be watched there any more; undefined when the watch was stopped. */
async function untilGone(
  open: (onLost: (error: PortError) => void) => OpenWatch,
  lose: (error: PortError) => void,
  stopped: AbortSignal,
): Promise<PortError | undefined> {
  const { promise, resolve } = Promise.withResolvers<PortError | undefined>();
  const stop = () => resolve(undefined);
  stopped.addEventListener('abort', stop, { once: true });
  if (stopped.aborted) stop();
  const watch = open((error) => (isPortError(error, 'NOT_FOUND') ? resolve(error) : lose(error)));
  try {
    return await promise;
  } finally {
    stopped.removeEventListener('abort', stop);
    await watch.stop();
  }
}

const memberOf = ({ metadata }: LiveObject): SeenMember => ({ ownerHash: textAt(metadata.labels, applicationLabel) ?? '' });

function parentOf({ metadata: { name, namespace = '', annotations } }: LiveObject): SeenParent {
  const kinds = (textAt(annotations, groupKindsAnnotation) ?? '').split(',').filter((text) => text !== '');
  return { namespace, name, owner: textAt(annotations, ownerAnnotation), kinds: kinds.map(parseGroupKind) };
}

/** A tenant's API server may answer anything; it must not end this process. */
function textAt(fields: unknown, key: string): string | undefined {
  const value = at(fields, key);
  return typeof value === 'string' ? value : undefined;
}

/** As KEP-3659 writes them: `Deployment.apps`, `ConfigMap`. */
function parseGroupKind(text: string): GroupKind {
  const [kind = '', ...group] = text.split('.');
  return { kind, group: group.join('.') };
}

function podOf(pod: LiveObject): SeenPod {
  const { namespace = '', labels } = pod.metadata;
  return { namespace, labels: isJsonObject(labels) ? labels : {}, facts: podFacts(pod) };
}
