import type { Readable } from 'node:stream';
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import { kinds } from '../resources/kinds.ts';
import * as answers from './answers.ts';
import type { Events } from './events.ts';

const fields = Object.keys(answers.ChangeEvent.properties).join(', ');

/** `/events`: the stream of what changes. */
export const eventRoutes: FastifyPluginAsyncTypebox<{ readonly events: Events }> = async (app, { events }) => {
  app.get(
    '/events',
    {
      schema: {
        summary: 'Server-sent events of what changes',
        description:
          `\`change\` with ${fields} for each of ${Object.keys(kinds).join(', ')}, and \`heartbeat\`. ` +
          'It tells that something changed, not to what. After each connect, ask again for everything that you show.',
        response: { 200: Type.Unsafe<Readable>({ type: 'string', description: 'text/event-stream' }), 503: answers.Refusal },
      },
    },
    async (_request, reply) => {
      const stream = events.listen();
      if (stream === undefined) return reply.code(503).header('retry-after', '5').send({ message: 'as many listen already as may; close another page' });
      return reply.header('content-type', 'text/event-stream').header('x-accel-buffering', 'no').send(stream);
    },
  );
  // Before the server waits for its connections to end: these would never.
  app.addHook('preClose', async () => events.stop());
};
