/** How many requests may be under way at once: halved when the server asks for fewer, raised by one after as many successes as fit in. */
export type RequestLimit = {
  /** Waits for a place; rejects with the signal's reason. Call the answer when the request is over. */
  enter(signal: AbortSignal): Promise<() => void>;
  succeeded(): void;
  /** The server answered 429: nothing starts within `waitMs`. */
  refused(waitMs: number): void;
  readonly current: number;
};

type Waiting = { readonly go: () => void };

export function openRequestLimit(most: number): RequestLimit {
  let limit = most;
  let running = 0;
  let successes = 0;
  let closedUntilMs = 0;
  let waking: NodeJS.Timeout | undefined;
  const waiting = new Set<Waiting>();

  function admit(): void {
    const closedMs = closedUntilMs - performance.now();
    if (closedMs > 0) {
      if (waiting.size > 0 && waking === undefined) waking = setTimeout(reopen, closedMs);
      return;
    }
    for (const next of waiting) {
      if (running >= limit) return;
      waiting.delete(next);
      running += 1;
      next.go();
    }
  }

  function reopen(): void {
    waking = undefined;
    admit();
  }

  function leave(): void {
    running -= 1;
    admit();
  }

  return {
    get current() {
      return limit;
    },
    enter(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        const next: Waiting = {
          go() {
            signal.removeEventListener('abort', giveUp);
            resolve(leave);
          },
        };
        function giveUp(): void {
          waiting.delete(next);
          reject(signal.reason as Error);
        }
        signal.addEventListener('abort', giveUp, { once: true });
        waiting.add(next);
        admit();
      });
    },
    succeeded() {
      successes += 1;
      if (successes < limit || limit >= most) return;
      successes = 0;
      limit += 1;
    },
    refused(waitMs) {
      const nowMs = performance.now();
      // One overload refuses many requests at once: that halves the limit once.
      if (nowMs >= closedUntilMs) limit = Math.max(1, Math.floor(limit / 2));
      successes = 0;
      closedUntilMs = Math.max(closedUntilMs, nowMs + waitMs);
    },
  };
}
