import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { ResourceId } from '../model/manifest.ts';
import type { InspectedObject } from '../sync/inspect.ts';
import { byName, missing, named } from './addresses.ts';
import * as answers from './answers.ts';
import type { Inspections, LookedAt } from './inspections.ts';
import { listQuery, mostItems, pageOf } from './page-of.ts';
import { applicationView, type SeenHub } from './views.ts';

const most = { limit: Type.Integer({ minimum: 1, maximum: 5000, default: mostItems, description: 'The first so many; `more` says how many are left.' }) };
const busy = { message: 'too many Applications are being looked at; ask again' };
const comeBackAfterSeconds = '2';

/** Applications from their status; their objects and differences from a look at the cluster. */
export const applicationRoutes: FastifyPluginAsyncTypebox<{ readonly hub: SeenHub; readonly inspections: Inspections }> = async (app, { hub, inspections }) => {
  app.get(
    '/applications',
    {
      schema: {
        summary: 'Applications',
        querystring: Type.Object(listQuery, { additionalProperties: false }),
        response: { 200: answers.listOf(answers.Application) },
      },
    },
    async ({ query }) => pageOf(hub.list('Application', query.namespace), byName, query, (one) => applicationView(one, hub)),
  );
  app.get(
    '/applications/:namespace/:name',
    { schema: { summary: 'One Application', params: named, response: { 200: answers.Application, 404: answers.Refusal } } },
    async ({ params }, reply) => {
      const found = hub.seen('Application', params);
      return found === undefined ? reply.code(404).send(missing('Application', params)) : applicationView(found, hub);
    },
  );

  const looks = { params: named, querystring: Type.Object(most, { additionalProperties: false }) };
  const refusals = { 404: answers.Refusal, 503: answers.Refusal };
  const cost = 'Renders and asks the cluster, as a sync does up to its plan; nothing is written.';
  app.get(
    '/applications/:namespace/:name/objects',
    { schema: { summary: 'The objects of an Application, as they are now', description: cost, ...looks, response: { 200: answers.Objects, ...refusals } } },
    async ({ params, query: { limit } }, reply) => {
      const found = hub.seen('Application', params);
      if (found === undefined) return reply.code(404).send(missing('Application', params));
      const looked = await inspections.of(found);
      if (looked === undefined) return reply.code(503).header('retry-after', comeBackAfterSeconds).send(busy);
      return { ...lookOf(looked), items: looked.objects.slice(0, limit).map(objectOf), more: Math.max(0, looked.objects.length - limit) };
    },
  );
  app.get(
    '/applications/:namespace/:name/diff',
    { schema: { summary: 'What a sync would change now', description: cost, ...looks, response: { 200: answers.Diff, ...refusals } } },
    async ({ params, query: { limit } }, reply) => {
      const found = hub.seen('Application', params);
      if (found === undefined) return reply.code(404).send(missing('Application', params));
      const looked = await inspections.of(found);
      if (looked === undefined) return reply.code(503).header('retry-after', comeBackAfterSeconds).send(busy);
      const differing = looked.objects.filter(({ state }) => state !== 'in-sync');
      return { ...lookOf(looked), items: differing.slice(0, limit).map(differenceOf), more: Math.max(0, differing.length - limit) };
    },
  );
};

const lookOf = ({ lookedAt, revision, why, problems }: LookedAt) => ({
  lookedAt,
  problems: problems.map(({ at, message }) => ({ at, message })),
  ...(revision === undefined ? {} : { revision }),
  ...(why === undefined ? {} : { why }),
});

const nameOf = ({ group, kind, namespace, name }: ResourceId) => ({ group, kind, name, ...(namespace === undefined ? {} : { namespace }) });

function objectOf({ id, state, health, why }: InspectedObject): answers.Objects['items'][number] {
  return {
    ...nameOf(id),
    state,
    ...(health === undefined ? {} : { health: health.health, message: health.message }),
    ...(why === undefined ? {} : { why }),
  };
}

function differenceOf({ id, state, why, patch }: InspectedObject): answers.Diff['items'][number] {
  return { ...nameOf(id), state, ...(why === undefined ? {} : { why }), ...(patch === undefined ? {} : { patch }) };
}
