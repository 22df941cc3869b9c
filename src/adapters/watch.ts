import { setTimeout as sleep } from 'node:timers/promises';
import { at } from '../model/json.ts';
import type { LiveObject } from '../model/manifest.ts';
import { isPortError, PortError } from '../model/port-error.ts';
import type { ApiServer } from './api-server.ts';

export type WatchEvent<T> = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T };

export type WatchOptions<T> = {
  /** A collection: `/apis/sluice.dev/v1/applications`, or that of one namespace. */
  readonly path: string;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Objects without their contents: apiVersion, kind (both PartialObjectMetadata's) and metadata. */
  readonly metadataOnly: boolean;
  /** What is kept of an object and handed to `onEvent`: as little as will do. */
  readonly transform?: (object: LiveObject) => T;
  /**
   * In the order of the server. Must not throw: an exception here is a bug and ends the process. Without `transform`, an object whose
   * deletion was missed is reported with its name, namespace, uid and last seen version only.
   */
  readonly onEvent: (event: WatchEvent<T>) => void;
  /** After each completed list, its differences reported; and when a broken watch goes on without a gap. */
  readonly onSynced: () => void;
  /** The watch broke: what happens from now on is reported later, after `onSynced`. Called once until then. */
  readonly onLost: (error: PortError) => void;
  readonly times?: Partial<Times>;
};

type Times = {
  /** Without a line for so long, a connection is given up. Bookmarks come about once a minute. */
  readonly inactivityMs: number;
  /** The server ends each watch after this time, and up to half as much again. */
  readonly serverTimeoutMs: number;
  readonly backoffMs: { readonly least: number; readonly most: number };
  /** The kind is not served (any more). */
  readonly missingMs: number;
};

export type Watch = { stop(): Promise<void> };

const usualTimes: Times = { inactivityMs: 90_000, serverTimeoutMs: 240_000, backoffMs: { least: 200, most: 10_000 }, missingMs: 30_000 };

const pageSize = 500;

type Entry<T> = { readonly uid: string; readonly resourceVersion: string; readonly kept: T | undefined };

/**
 * Lists a collection and follows it until stopped: every change is reported once, also one that happened while no connection stood.
 * Never gives up; the index costs some hundred bytes an object, and what `transform` keeps.
 */
export function watchList(server: ApiServer, options: WatchOptions<LiveObject>): Watch;
export function watchList<T>(server: ApiServer, options: WatchOptions<T> & { readonly transform: (object: LiveObject) => T }): Watch;
export function watchList<T>(server: ApiServer, options: WatchOptions<T>): Watch {
  const stopping = new AbortController();
  const finished = follow(server, options, stopping.signal);
  return {
    async stop() {
      stopping.abort(new Error('the watch is stopped'));
      await finished;
    },
  };
}

async function follow<T>(server: ApiServer, options: WatchOptions<T>, stopped: AbortSignal): Promise<void> {
  const times = { ...usualTimes, ...options.times };
  const index = openIndex(options);
  let version: string | undefined;
  let failures = 0;
  let isLost = false;

  const synced = () => {
    isLost = false;
    options.onSynced();
  };

  while (!stopped.aborted) {
    const beganMs = performance.now();
    try {
      if (version === undefined) {
        version = await relist(server, options, index, stopped);
        synced();
      }
      for await (const line of openStream(server, options, version, times, stopped)) {
        if (isLost) synced();
        if (line === opened) continue;
        version = index.take(readEvent(server, line)) ?? version;
        failures = 0;
      }
      // The server ended it. One that ends it at once, again and again, is not to be asked without a pause.
      if (performance.now() - beganMs < times.backoffMs.least) await pause(times.backoffMs.least, stopped);
    } catch (error) {
      if (stopped.aborted) return;
      if (!(error instanceof PortError)) throw error;
      const isExpired = isPortError(error, 'CONFLICT');
      failures += 1;
      // A server that was set back, or whose kind is another one now, refuses our version for ever.
      if (isExpired || isPortError(error, 'NOT_FOUND') || failures > 3) version = undefined;
      if (isExpired && failures === 1) continue;
      if (!isLost) options.onLost(error);
      isLost = true;
      await pause(isPortError(error, 'NOT_FOUND') ? times.missingMs : backoff(failures, times), stopped);
    }
  }
}

const backoff = (failures: number, { backoffMs }: Times): number => Math.min(backoffMs.most, backoffMs.least * 2 ** Math.min(failures - 1, 10));

/** Somewhere between half of it and all: not everybody at the same moment. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
}

type Index = {
  /** One object of a list. */
  see(object: LiveObject): void;
  /** After the last object of a list: what was there before and was not seen since `begin` is gone. */
  begin(): void;
  end(): void;
  /** Output: the version that the watch has come to. */
  take(event: { readonly type: string; readonly object: LiveObject }): string | undefined;
};

function openIndex<T>({ onEvent, transform }: WatchOptions<T>): Index {
  const entries = new Map<string, Entry<T>>();
  let seen = new Set<string>();
  // Without `transform`, T is LiveObject: see the overloads of watchList.
  const keep = (object: LiveObject): T => (transform === undefined ? (object as unknown as T) : transform(object));

  function put(key: string, object: LiveObject): void {
    const { uid, resourceVersion } = object.metadata;
    const before = entries.get(key);
    if (before?.uid === uid && before.resourceVersion === resourceVersion) return;
    if (before !== undefined && before.uid !== uid) drop(key, before);
    const kept = keep(object);
    entries.set(key, { uid, resourceVersion, kept: transform === undefined ? undefined : kept });
    onEvent({ type: before?.uid === uid ? 'MODIFIED' : 'ADDED', object: kept });
  }

  function drop(key: string, { uid, resourceVersion, kept }: Entry<T>): void {
    entries.delete(key);
    const [namespace = '', name = ''] = key.split('/');
    const remains: LiveObject = { apiVersion: '', kind: '', metadata: { name, ...(namespace === '' ? {} : { namespace }), uid, resourceVersion } };
    onEvent({ type: 'DELETED', object: transform === undefined ? keep(remains) : (kept as T) });
  }

  return {
    begin() {
      seen = new Set();
    },
    see(object) {
      const key = keyOf(object);
      seen.add(key);
      put(key, object);
    },
    end() {
      for (const [key, entry] of entries) if (!seen.has(key)) drop(key, entry);
      seen = new Set();
    },
    take({ type, object }) {
      const key = keyOf(object);
      if (type === 'ADDED' || type === 'MODIFIED') put(key, object);
      else if (type === 'DELETED' && entries.delete(key)) onEvent({ type, object: keep(object) });
      return object.metadata.resourceVersion;
    },
  };
}

const keyOf = ({ metadata: { namespace, name } }: LiveObject): string => `${namespace ?? ''}/${name}`;

async function relist<T>(server: ApiServer, options: WatchOptions<T>, index: Index, signal: AbortSignal): Promise<string> {
  index.begin();
  let next: string | undefined;
  let version: string | undefined;
  do {
    const query = { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector, limit: pageSize, continue: next };
    const { body } = await server.send({ method: 'GET', path: options.path, query, accept: acceptOf(options, 'PartialObjectMetadataList'), signal });
    const items: unknown = at(body, 'items') ?? [];
    if (!Array.isArray(items) || !items.every(isLiveObject)) throw unreadable(server, `${options.path} is no list of objects`);
    // Items of built-in kinds do not say what they are.
    const said = { apiVersion: textAt(body, 'apiVersion') ?? '', kind: (textAt(body, 'kind') ?? '').replace(/List$/, '') };
    for (const item of items) index.see({ ...said, ...item });
    version = textAt(body, 'metadata', 'resourceVersion');
    next = textAt(body, 'metadata', 'continue');
  } while (next !== undefined);
  index.end();
  if (version === undefined) throw unreadable(server, `${options.path} is no list`);
  return version;
}

/** Stands for the answer's beginning, which carries no event. */
const opened = Symbol('opened');

async function* openStream<T>(
  server: ApiServer,
  options: WatchOptions<T>,
  version: string,
  times: Times,
  stopped: AbortSignal,
): AsyncGenerator<string | typeof opened> {
  const silence = new AbortController();
  const signal = AbortSignal.any([stopped, silence.signal]);
  const give = () =>
    silence.abort(
      new PortError(server.port, 'TIMEOUT', `${server.name}: nothing was heard of ${server.url} for ${times.inactivityMs / 1000} s`, { cause: undefined }),
    );
  const timer = setTimeout(give, times.inactivityMs);
  try {
    const query = {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: version,
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
      timeoutSeconds: Math.ceil((times.serverTimeoutMs * (1 + Math.random() / 2)) / 1000),
    };
    const lines = await server.stream({
      method: 'GET',
      path: options.path,
      query,
      accept: acceptOf(options, 'PartialObjectMetadata'),
      signal,
      timeoutMs: 30_000,
    });
    yield opened;
    for await (const line of lines) {
      timer.refresh();
      yield line;
    }
  } finally {
    clearTimeout(timer);
  }
}

const acceptOf = ({ metadataOnly }: { readonly metadataOnly: boolean }, as: string): string =>
  metadataOnly ? `application/json;as=${as};g=meta.k8s.io;v=v1` : 'application/json';

function readEvent(server: ApiServer, line: string): { readonly type: string; readonly object: LiveObject } {
  const event = parseJson(line);
  const type = textAt(event, 'type');
  if (type === 'ERROR') {
    const status = at(event, 'object', 'code');
    // The message may quote an object; its reason says enough.
    const reason = textAt(event, 'object', 'reason') ?? 'no reason given';
    throw new PortError(server.port, status === 410 ? 'CONFLICT' : 'UNREACHABLE', `${server.name}: the watch ended (${reason})`, { cause: undefined });
  }
  const object = at(event, 'object');
  const isEvent = type === 'BOOKMARK' ? textAt(object, 'metadata', 'resourceVersion') !== undefined : type !== undefined && isLiveObject(object);
  if (!isEvent) throw unreadable(server, 'a line of a watch is no event');
  return event as { readonly type: string; readonly object: LiveObject };
}

/** A tenant's API server may answer anything; it must not end this process. */
const isLiveObject = (value: unknown): value is LiveObject =>
  ['name', 'uid', 'resourceVersion'].every((field) => typeof at(value, 'metadata', field) === 'string');

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const unreadable = (server: ApiServer, what: string): PortError =>
  new PortError(server.port, 'UNREACHABLE', `${server.name}: ${server.url} answered something else: ${what}`, { cause: undefined });

function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const text = at(value, ...path);
  return typeof text === 'string' && text !== '' ? text : undefined;
}
