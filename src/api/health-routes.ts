import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';

/** Throws, or never resolves, while this part of the process is not ready. */
export type ReadinessCheck = (signal: AbortSignal) => Promise<void>;

export type HealthOptions = {
  /** By name, e.g. `hub`, `redis`, `caches`. */
  readonly checks: Readonly<Record<string, ReadinessCheck>>;
  /** How long one check may take, in milliseconds. */
  readonly deadlineMs?: number;
};

const readiness = Type.Object({ ready: Type.Boolean(), failing: Type.Array(Type.String()) });

/** `/healthz`: the process is alive. `/readyz`: it can serve; names the checks that fail, never why: that is in the log. */
export const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { checks, deadlineMs = 2000 }) => {
  app.get('/healthz', { logLevel: 'warn', schema: { response: { 200: Type.Object({ alive: Type.Boolean() }) } } }, async () => ({ alive: true }));

  app.get('/readyz', { logLevel: 'warn', schema: { response: { 200: readiness, 503: readiness } } }, async (request, reply) => {
    const failing: string[] = [];
    const judge = async ([name, check]: readonly [string, ReadinessCheck]): Promise<void> => {
      try {
        await settledBefore(AbortSignal.timeout(deadlineMs), check);
      } catch (error) {
        failing.push(name);
        request.log.warn({ check: name, reason: error instanceof Error ? error.message : String(error) }, 'not ready');
      }
    };
    await Promise.all(Object.entries(checks).map(judge));
    return reply
      .code(failing.length === 0 ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ ready: failing.length === 0, failing: failing.sort() });
  });
};

const settledBefore = (signal: AbortSignal, check: ReadinessCheck): Promise<void> =>
  new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('no answer in time')), { once: true });
    check(signal).then(resolve, reject);
  });
