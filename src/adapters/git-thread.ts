// The Git thread: downloads, indexes and reads packs, so that none of it stops the main thread's event loop.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { PortError } from '../model/port-error.ts';
import { referenceText } from '../model/reference.ts';
import type { RepositoryAccess } from '../source/source.ts';
import type { FromGitThread, GitAnswers, GitFailure, GitRequest, GitThreadSettings, ToGitThread } from './git-messages.ts';
import { type Mirror, openMirror, serial } from './git-mirror.ts';
import { commitOf, type GitObject, treeEntriesOf } from './git-objects.ts';
import { openUploadPack, repositoryText } from './git-upload-pack.ts';

const settings = workerData as GitThreadSettings; // written by git-source.ts in this process, nobody else
const main = parentPort;
if (main === null) throw new Error('git-thread.ts runs as a worker thread only');

const uploadPack = openUploadPack(settings);
const oneAtATime = serial();
const mirrors = new Map<string, Mirror>();
const running = new Map<number, AbortController>();

const send = (message: FromGitThread, moved: readonly ArrayBuffer[] = []): void => main.postMessage(message, [...moved]);

function mirrorOf(access: RepositoryAccess): Mirror {
  const key = createHash('sha256')
    .update(`${access.url}\n${referenceText(access.repository)}`)
    .digest('hex')
    .slice(0, 40);
  const open = mirrors.get(key);
  if (open !== undefined) return open;
  const mirror = openMirror(join(settings.folder, key), {
    ...settings,
    uploadPack,
    oneAtATime,
    note: (message, facts) => send({ type: 'note', message, facts }),
  });
  mirrors.set(key, mirror);
  return mirror;
}

async function answer(request: GitRequest, signal: AbortSignal): Promise<GitAnswers[GitRequest['verb']]> {
  const { access } = request;
  const mirror = mirrorOf(access);
  switch (request.verb) {
    case 'refs': {
      const refs = await uploadPack.refs(access, request.prefixes, signal);
      mirror.advertised(refs);
      return refs;
    }
    case 'fetch':
      return mirror.fetch(access, request.ref, signal);
    case 'commit':
      return commitOf(request.id, (await objectOf(mirror, access, request.id, 'commit', signal)).bytes);
    case 'rawCommit':
      return new Uint8Array((await objectOf(mirror, access, request.id, 'commit', signal)).bytes);
    case 'tree':
      return treeEntriesOf((await objectOf(mirror, access, request.id, 'tree', signal)).bytes);
    case 'blob': {
      const { bytes } = await objectOf(mirror, access, request.id, 'blob', signal);
      if (bytes.byteLength > request.maxBytes) {
        throw new PortError(
          'source',
          'INVALID',
          `${repositoryText(access)}: file ${request.id} has ${bytes.byteLength} bytes, more than the ${request.maxBytes} allowed: take it out of what is rendered`,
          { cause: undefined },
        );
      }
      return new Uint8Array(bytes); // a copy of its own, so that it can be handed over
    }
    default:
      return request satisfies never;
  }
}

async function objectOf(mirror: Mirror, access: RepositoryAccess, id: string, type: string, signal: AbortSignal): Promise<GitObject> {
  const found = await mirror.read(access, id, signal);
  if (found?.type === type) return found;
  const reason = found === undefined ? `${type} ${id} has not been fetched` : `${id} is a ${found.type}, not a ${type}`;
  throw new PortError('source', found === undefined ? 'NOT_FOUND' : 'INVALID', `${repositoryText(access)}: ${reason}`, { cause: undefined });
}

async function handle(id: number, request: GitRequest): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const value = await answer(request, controller.signal);
    send({ type: 'answer', id, answer: value }, value instanceof Uint8Array && value.buffer instanceof ArrayBuffer ? [value.buffer] : []);
  } catch (error) {
    if (error instanceof PortError) {
      const { code, message, retryAfterMs } = error;
      send({ type: 'failure', id, failure: { code, message, retryAfterMs, cause: error.cause instanceof Error ? error.cause.message : '' } });
    } else if (error instanceof TypeError || error instanceof ReferenceError) send({ type: 'bug', id, text: error.stack ?? error.message });
    else send({ type: 'failure', id, failure: brokenMirror(request.access, error) }); // even after it was rebuilt: a full disk, a host that sends nonsense
  } finally {
    running.delete(id);
  }
}

function brokenMirror(access: RepositoryAccess, error: unknown): GitFailure {
  const cause = error instanceof Error ? error.message : String(error);
  return { code: 'UNREACHABLE', message: `${repositoryText(access)}: its mirror cannot be read or written: ${cause}`, cause, retryAfterMs: undefined };
}

async function close(): Promise<void> {
  for (const controller of running.values()) controller.abort();
  await uploadPack.close();
  await Promise.allSettled([...mirrors.values()].map(async (mirror) => mirror.close()));
  main?.close();
}

main.on('message', (message: ToGitThread) => {
  if (message.type === 'ask') void handle(message.id, message.request);
  else if (message.type === 'abort') running.get(message.id)?.abort();
  else void close();
});
