import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';

export type MetricsOptions = { readonly text: () => Promise<string>; readonly contentType: string };

/** `/metrics` for Prometheus. Counts and durations only: names of stages and repositories, never contents. */
export const metricsRoute: FastifyPluginAsyncTypebox<MetricsOptions> = async (app, { text, contentType }) => {
  app.get('/metrics', { logLevel: 'warn' }, async (_request, reply) => reply.type(contentType).send(await text()));
};
