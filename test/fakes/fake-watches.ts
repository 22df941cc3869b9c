import { groupKindText } from '../../src/model/manifest.ts';
import type { PortError } from '../../src/model/port-error.ts';
import { type Reference, referenceText } from '../../src/model/reference.ts';
import type { Handlers, OpenWatch, Watches } from '../../src/workers/watches.ts';

export type FakeWatches = {
  readonly watches: Watches;
  /** Names of the watches that are open: `shop/staging parents`, `shop/staging members Deployment.apps`, `shop/staging pods web app=web`. */
  open(): readonly string[];
  /** What the watch of that name tells; throws when it is not open. The caller knows what it sees. */
  at<T>(name: string): Handlers<T>;
  /** What every API server answers when it is asked for its version. */
  answers(version: string | PortError): void;
};

/** Watches that say what a test lets them say; each is synced from its beginning unless told otherwise. */
export function fakeWatches({ synced = true }: { readonly synced?: boolean } = {}): FakeWatches {
  const handlers = new Map<string, Handlers<never>>();
  let version: string | PortError = 'v1.36.0';

  function open<T>(cluster: Reference, what: string, own: Handlers<T>): OpenWatch {
    const name = `${referenceText(cluster)} ${what}`;
    handlers.set(name, own as Handlers<never>);
    if (synced) queueMicrotask(() => own.onSynced({ relisted: true }));
    return { stop: async () => void handlers.delete(name) };
  }

  return {
    watches: {
      async version(_cluster, signal) {
        signal.throwIfAborted();
        if (typeof version !== 'string') throw version;
        return version;
      },
      parents: (cluster, _installation, own) => open(cluster, 'parents', own),
      members: (cluster, kind, own) => open(cluster, `members ${groupKindText(kind)}`, own),
      pods: (cluster, { namespace, selector }, own) => open(cluster, `pods ${namespace} ${selector ?? '*'}`, own),
    },
    open: () => [...handlers.keys()].toSorted(),
    at<T>(name: string) {
      const found = handlers.get(name);
      if (found === undefined) throw new Error(`no watch ${name}; open are ${[...handlers.keys()].join(', ')}`);
      return found as Handlers<T>;
    },
    answers(now) {
      version = now;
    },
  };
}
