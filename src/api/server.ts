import { randomUUID } from 'node:crypto';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { type FastifyBaseLogger, type FastifyError, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { Logger } from 'pino';
import { isPortError, type PortError } from '../model/port-error.ts';
import { validatorOf } from './validation.ts';

const maxBodyBytes = 1_048_576;
const comeBackAfterSeconds = 5;

/**
 * The HTTP server without routes; main registers the plugins, listens, and ends it with closeServer.
 */
export function createServer({ log }: { readonly log: Logger }) {
  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // An id that a client sends could be made to look like another request's.
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    trustProxy: false,
    bodyLimit: maxBodyBytes,
    // A client that sends slowly, or nothing, holds a socket for this long.
    requestTimeout: 30_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 253 },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(validatorOf);

  app.addHook('onResponse', async (request, reply) => {
    // The pattern of the route, not the address: that may hold what somebody should not have put there.
    request.log.info(
      { method: request.method, route: request.routeOptions.url ?? 'none', status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'request answered',
    );
  });
  app.setNotFoundHandler(async (_request, reply) => reply.code(404).send({ message: 'there is nothing at this address' }));
  app.setErrorHandler<FastifyError>(answerError);
  return app;
}

export type Server = ReturnType<typeof createServer>;

/** Takes no more requests, lets those that run come to their end, and cuts what is still open after `withinMs`. */
export async function closeServer(app: Server, withinMs: number): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), withinMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}

/** The one place where a failure becomes an HTTP status. What is not the client's own fault is only named by the request's id. */
function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (isPortError(error)) return answerPortError(error, request, reply);
  const status = statusOf(error);
  if (status !== undefined) return reply.code(status).send({ message: status === 415 ? 'send this as application/json' : messageOf(error) });
  request.log.error({ reason: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 'request failed');
  return reply.code(500).send({ message: `this failed on our side; the log names it as request ${request.id}` });
}

function answerPortError(error: PortError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  request.log.warn({ port: error.port, code: error.code, reason: error.message }, 'request failed');
  if (!error.retryable) return reply.code(502).send({ message: `the ${error.port} refused; the log names it as request ${request.id}` });
  const seconds = error.retryAfterMs === undefined ? comeBackAfterSeconds : Math.max(1, Math.ceil(error.retryAfterMs / 1000));
  return reply
    .code(503)
    .header('retry-after', String(seconds))
    .send({ message: `the ${error.port} cannot be reached now; try again` });
}

/** Only Fastify's own refusals (too large, no JSON, against the schema, …) speak of the request; their messages hold names, no contents. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || !('code' in error)) return undefined;
  const { statusCode, code } = error;
  const ours = typeof code === 'string' && code.startsWith('FST_ERR_');
  return ours && typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : undefined;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : 'bad request');
