import { EnvHttpProxyAgent, request } from 'undici';

export type HttpQuestion = {
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** `clockAheadMs`: how far the other side's clock, which it tells in whole seconds, is ahead of ours; undefined when it does not tell it. */
export type HttpAnswer = { readonly status: number; readonly text: string; readonly clockAheadMs: number | undefined };

/** `reason` names no more than the kind of failure: it never quotes what was sent. */
export type HttpOutcome = ({ readonly answered: true } & HttpAnswer) | { readonly answered: false; readonly reason: string };

export type AskHttp = (question: HttpQuestion, signal: AbortSignal) => Promise<HttpOutcome>;

const maxCharacters = 65_536;

/** Asks one question of an HTTP server, redirects not followed. What fails is an answer as well: to find that out is why it is asked. */
export function openHttpProbe({ timeoutMs }: { readonly timeoutMs: number }): { readonly ask: AskHttp } & AsyncDisposable {
  const agent = new EnvHttpProxyAgent({ headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connect: { timeout: timeoutMs } });
  return {
    async ask({ url, method = 'GET', headers = {}, body }, signal) {
      const askedAtMs = Date.now();
      try {
        const answer = await request(url, {
          method,
          headers: { 'user-agent': 'sluice', ...headers },
          body: body ?? null,
          dispatcher: agent,
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        });
        const answeredAtMs = Date.now();
        const text = await beginningOf(answer.body);
        return { answered: true, status: answer.statusCode, text, clockAheadMs: clockAheadMs(answer.headers.date, askedAtMs, answeredAtMs) };
      } catch (error) {
        signal.throwIfAborted(); // the caller gave up
        return { answered: false, reason: reasonOf(error, timeoutMs) };
      }
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

/** Zero when the second that was told lies within the time that the question took: nothing more can be known. */
export function clockAheadMs(date: unknown, askedAtMs: number, answeredAtMs: number): number | undefined {
  const toldMs = typeof date === 'string' ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(toldMs)) return undefined;
  if (toldMs + 1000 < askedAtMs) return toldMs + 1000 - askedAtMs;
  return toldMs > answeredAtMs ? toldMs - answeredAtMs : 0;
}

async function beginningOf(body: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of body) {
    text += chunk.toString('utf8');
    if (text.length > maxCharacters) break; // leaving the loop ends the stream
  }
  return text;
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'no reason given';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  if (/TIMEOUT|TimeoutError|ETIMEDOUT/.test(code)) return `no answer within ${timeoutMs / 1000} s`;
  return code === 'Error' && error.cause !== undefined ? reasonOf(error.cause, timeoutMs) : code;
}
