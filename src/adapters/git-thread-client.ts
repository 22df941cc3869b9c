import { Worker } from 'node:worker_threads';
import { PortError } from '../model/port-error.ts';
import type { FromGitThread, GitAnswers, GitRequest, GitThreadSettings, ToGitThread } from './git-messages.ts';

type Waiting = { readonly resolve: (answer: GitAnswers[GitRequest['verb']]) => void; readonly reject: (error: Error) => void };

export type GitThread = {
  /** Sends one request; an abort reaches the thread, and the caller gets the signal's reason at once. */
  ask<R extends GitRequest>(request: R, signal: AbortSignal): Promise<GitAnswers[R['verb']]>;
  close(): Promise<void>;
};

type Events = {
  readonly onNote: (message: string, facts: Readonly<Record<string, string | number>>) => void;
  readonly onExit: (error: Error | undefined) => void;
};

const resourceLimits = { maxOldGenerationSizeMb: 512 };
const closeWithinMs = 5_000;

/** Starts the Git thread. Once it has ended, every request that waits is refused as UNREACHABLE. */
export function startGitThread(settings: GitThreadSettings, { onNote, onExit }: Events): GitThread {
  const worker = new Worker(new URL('./git-thread.ts', import.meta.url), { name: 'git', workerData: settings, resourceLimits });
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let failed: Error | undefined;
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const send = (message: ToGitThread): void => worker.postMessage(message);

  worker.on('message', (message: FromGitThread) => {
    if (message.type === 'note') {
      onNote(message.message, message.facts);
      return;
    }
    const waiter = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.type === 'answer') waiter?.resolve(message.answer);
    else if (message.type === 'bug') waiter?.reject(new Error(`bug in the Git thread: ${message.text}`));
    else {
      const { code, message: text, cause, retryAfterMs } = message.failure;
      waiter?.reject(new PortError('source', code, text, { cause: cause === '' ? undefined : new Error(cause), retryAfterMs }));
    }
  });
  worker.on('error', (error) => {
    failed = error instanceof Error ? error : new Error(String(error));
  });
  worker.on('exit', () => {
    for (const { reject } of waiting.values())
      reject(new PortError('source', 'UNREACHABLE', `the Git thread has ended${failed === undefined ? '' : `: ${failed.message}`}`, { cause: failed }));
    waiting.clear();
    onExit(failed);
  });

  return {
    async ask<R extends GitRequest>(request: R, signal: AbortSignal): Promise<GitAnswers[R['verb']]> {
      signal.throwIfAborted();
      lastId += 1;
      const id = lastId;
      const { promise, resolve, reject } = Promise.withResolvers<GitAnswers[GitRequest['verb']]>();
      const abort = (): void => {
        waiting.delete(id);
        send({ type: 'abort', id });
        reject(signal.reason);
      };
      waiting.set(id, { resolve, reject });
      signal.addEventListener('abort', abort, { once: true });
      send({ type: 'ask', id, request });
      try {
        return (await promise) as GitAnswers[R['verb']]; // the thread answers a verb with that verb's answer
      } finally {
        signal.removeEventListener('abort', abort);
      }
    },
    async close() {
      send({ type: 'close' });
      const late = setTimeout(() => void worker.terminate(), closeWithinMs);
      await exited;
      clearTimeout(late);
    },
  };
}
