import { PassThrough, type Readable } from 'node:stream';
import type { Reference } from '../model/reference.ts';
import type { Kind } from '../resources/kinds.ts';
import type { ChangeEvent } from './answers.ts';

/** A custom resource is not any more as this process last saw it. */
export type Change = {
  readonly kind: Kind;
  readonly reference: Reference;
  readonly type: ChangeEvent['type'];
  readonly now?: { readonly metadata: { readonly resourceVersion: string } };
};

export type Events = {
  /** Tells everybody who listens. */
  tell(change: Change): void;
  /** A stream of server-sent events; undefined when as many listen as may. It ends with `stop`, or when whoever reads it does not keep up. */
  listen(): Readable | undefined;
  stop(): void;
};

type Options = { readonly mostListeners?: number; readonly heartbeatMs?: number; readonly mostUnreadBytes?: number };

/**
 * Who listens hears of every change from now on and of nothing before: after each connect, everything shown has to be asked for again. So nothing is kept
 * here for those who were away, and a listener who is slow is cut off rather than waited for.
 */
export function openEvents({ mostListeners = 64, heartbeatMs = 15_000, mostUnreadBytes = 1_048_576 }: Options = {}): Events {
  const listeners = new Set<PassThrough>();

  function sendAll(text: string): void {
    for (const listener of listeners) {
      if (listener.writableLength + listener.readableLength > mostUnreadBytes) listener.destroy();
      else listener.write(text);
    }
  }

  const heartbeat = setInterval(() => sendAll('event: heartbeat\ndata: {}\n\n'), heartbeatMs);
  heartbeat.unref();

  return {
    tell({ kind, reference: { namespace, name }, type, now }) {
      if (listeners.size === 0) return;
      const event: ChangeEvent = { kind, namespace, name, type, ...(now === undefined ? {} : { resourceVersion: now.metadata.resourceVersion }) };
      sendAll(`event: change\ndata: ${JSON.stringify(event)}\n\n`);
    },
    listen() {
      if (listeners.size >= mostListeners) return undefined;
      const listener = new PassThrough();
      listeners.add(listener);
      listener.on('close', () => listeners.delete(listener));
      listener.on('error', () => listeners.delete(listener));
      // Sent at once, so that the browser knows that it is connected.
      listener.write('retry: 1000\nevent: heartbeat\ndata: {}\n\n');
      return listener;
    },
    stop() {
      clearInterval(heartbeat);
      for (const listener of listeners) listener.end();
    },
  };
}
