import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import type { ChangeEvent } from '../../src/api/answers.ts';

export type Connection = 'connecting' | 'live' | 'lost';

const Live = createContext<Connection>('connecting');
export const useConnection = (): Connection => useContext(Live);

/** Changes come in bursts; what is shown is asked for again once per so many milliseconds. */
const gatherMs = 200;
/** Three heartbeats: after that the connection is dead, whatever the browser thinks. */
const silentMs = 45_000;

/** What may look different after a change: the beginnings of query keys. */
function touched({ kind, namespace, name }: ChangeEvent): readonly QueryKey[] {
  switch (kind) {
    case 'Pipeline':
      return [['pipelines'], ['applications']];
    case 'Release':
      return [['pipelines'], ['releases']];
    case 'Application':
      return [['applications'], ['pipelines'], ['looks', namespace, name]];
    case 'Repository':
      return [['repositories']];
    case 'Cluster':
      return [['clusters']];
    default:
      return kind satisfies never;
  }
}

/** Listens to the server's events as long as the page is looked at, and lets what changed be asked for again; after each connect, everything. */
export function LiveProvider({ children }: { readonly children: ReactNode }) {
  const queries = useQueryClient();
  const [connection, setConnection] = useState<Connection>('connecting');

  useEffect(() => {
    let source: EventSource | undefined;
    let silence: ReturnType<typeof setTimeout> | undefined;
    let gathering: ReturnType<typeof setTimeout> | undefined;
    let keys = new Map<string, QueryKey>();

    const askAgain = () => {
      const wanted = [...keys.values()];
      keys = new Map();
      gathering = undefined;
      for (const queryKey of wanted) void queries.invalidateQueries({ queryKey });
    };
    const listen = () => {
      source?.close();
      source = new EventSource('/api/v1/events');
      heard();
      source.onopen = () => {
        setConnection('live');
        void queries.invalidateQueries();
      };
      source.onerror = () => {
        setConnection('lost');
        // A refusal ends it for good; a broken connection it mends itself.
        if (source?.readyState === EventSource.CLOSED) again(2000);
      };
      source.addEventListener('heartbeat', heard);
      source.addEventListener('change', (event: MessageEvent<string>) => {
        heard();
        for (const key of touched(JSON.parse(event.data) as ChangeEvent)) keys.set(key.join('/'), key);
        gathering ??= setTimeout(askAgain, gatherMs);
      });
    };
    const again = (inMs: number) => {
      clearTimeout(silence);
      silence = setTimeout(listen, inMs);
    };
    const heard = () => again(silentMs);
    const rest = () => {
      clearTimeout(silence);
      source?.close();
    };
    // A browser opens six connections to one address: pages that nobody looks at would hold them all.
    const seenOrNot = () => (document.hidden ? rest() : listen());

    listen();
    document.addEventListener('visibilitychange', seenOrNot);
    return () => {
      document.removeEventListener('visibilitychange', seenOrNot);
      clearTimeout(gathering);
      rest();
    };
  }, [queries]);

  return <Live value={connection}>{children}</Live>;
}
