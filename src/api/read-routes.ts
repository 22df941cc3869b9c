import swagger from '@fastify/swagger';
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { Reference } from '../model/reference.ts';
import type { Kind } from '../resources/kinds.ts';
import { byName, missing, named } from './addresses.ts';
import * as answers from './answers.ts';
import { applicationRoutes } from './application-routes.ts';
import { eventRoutes } from './event-routes.ts';
import type { Events } from './events.ts';
import type { Inspections } from './inspections.ts';
import { listQuery, pageOf } from './page-of.ts';
import { clusterView, pipelineView, releasesOf, releaseView, repositoryView, type SeenHub } from './views.ts';

export type ReadOptions = { readonly hub: SeenHub; readonly events: Events; readonly inspections: Inspections };

const description = `What Sluice sees, to read. Nothing can be changed here. Until there is sign-in it answers on the machine itself only.
Lists come in pages: give \`next\` of one as \`after\` of the following.`;

/** Newest first within a Pipeline: sequences have at most sixteen digits. */
const newestFirst = (one: { readonly metadata: Reference; readonly spec: { readonly sequence: number } }): string =>
  `${String(10 ** 15 - one.spec.sequence).padStart(16, '0')}/${byName(one)}`;

/** Everything of `/api/v1` that is read from what this process has seen of the hub, the stream of changes, and the description of it all. */
export const readRoutes: FastifyPluginAsyncTypebox<ReadOptions> = async (app, { hub, events, inspections }) => {
  await app.register(swagger, { openapi: { openapi: '3.1.0', info: { title: 'Sluice', version: 'v1', description } } });
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
  const query = Type.Object(listQuery, { additionalProperties: false });
  const all = <K extends Kind>(kind: K, namespace: string | undefined) => hub.list(kind, namespace);

  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());

  app.get(
    '/pipelines',
    { schema: { summary: 'Pipelines with their stages', querystring: query, response: { 200: answers.listOf(answers.Pipeline) } } },
    async ({ query: asked }) => pageOf(all('Pipeline', asked.namespace), byName, asked, (one) => pipelineView(one, hub, { history: false })),
  );
  app.get(
    '/pipelines/:namespace/:name',
    { schema: { summary: 'One Pipeline, with the history of its stages', params: named, response: { 200: answers.Pipeline, 404: answers.Refusal } } },
    async ({ params }, reply) => {
      const found = hub.seen('Pipeline', params);
      return found === undefined ? reply.code(404).send(missing('Pipeline', params)) : pipelineView(found, hub, { history: true });
    },
  );
  app.get(
    '/releases',
    {
      schema: {
        summary: 'Releases, newest first',
        querystring: Type.Object(
          { ...listQuery, pipeline: Type.Optional(Type.String({ maxLength: 253, description: 'Only those of the Pipelines of this name.' })) },
          { additionalProperties: false },
        ),
        response: { 200: answers.listOf(answers.Release) },
      },
    },
    async ({ query: asked }) => {
      const releases =
        asked.pipeline === undefined
          ? all('Release', asked.namespace)
          : all('Pipeline', asked.namespace)
              .filter(({ metadata }) => metadata.name === asked.pipeline)
              .flatMap((pipeline) => releasesOf(pipeline, hub));
      return pageOf(releases, newestFirst, asked, releaseView);
    },
  );
  app.get(
    '/repositories',
    { schema: { summary: 'Repositories', querystring: query, response: { 200: answers.listOf(answers.Repository) } } },
    async ({ query: asked }) => pageOf(all('Repository', asked.namespace), byName, asked, repositoryView),
  );
  app.get('/clusters', { schema: { summary: 'Clusters', querystring: query, response: { 200: answers.listOf(answers.Cluster) } } }, async ({ query: asked }) =>
    pageOf(all('Cluster', asked.namespace), byName, asked, clusterView),
  );
  await app.register(applicationRoutes, { hub, inspections });
  await app.register(eventRoutes, { events });
};
