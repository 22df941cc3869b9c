import { randomBytes } from 'node:crypto';
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import { describeProblems } from '../model/parsed.ts';
import { type Reference, referenceText } from '../model/reference.ts';
import { giteaWebhook } from './gitea.ts';
import type { WebhookHost } from './webhook-host.ts';

/** Each Git host that calls webhooks; another one is one file and one line here. */
const hosts = { gitea: giteaWebhook } satisfies Readonly<Record<string, WebhookHost>>;
export type WebhookHostName = keyof typeof hosts;

export type WebhookOptions = {
  /** Which host calls for this Repository and the secret that it signs with; undefined when there is no such Repository or it takes no webhooks. */
  readonly secretOf: (repository: Reference) => Promise<{ readonly host: WebhookHostName; readonly secret: string } | undefined>;
  /** "Look at this Repository." Resolves when the nudge is in the queue; a PortError of the queue becomes a 503, and the host delivers again. */
  readonly onPush: (repository: Reference) => Promise<void>;
};

const schema = {
  params: Type.Object({ namespace: Type.String(), name: Type.String() }),
  response: {
    202: Type.Object({ taken: Type.Boolean() }),
    '4xx': Type.Object({ message: Type.String() }),
  },
};

const maxBodyBytes = 1_048_576;

// Nobody can sign with it, so an unknown Repository takes as long to refuse as a wrong signature.
const secretOfNobody = randomBytes(32).toString('hex');

/** `POST /webhooks/<namespace>/<name of the Repository>`. */
export const webhookRoutes: FastifyPluginAsyncTypebox<WebhookOptions> = async (app, { secretOf, onPush }) => {
  // The signature covers bytes, so this scope, and only this one, receives the body unparsed.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, bytes: Buffer) => bytes);

  app.post('/webhooks/:namespace/:name', { schema, bodyLimit: maxBodyBytes }, async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const repository: Reference = request.params;
    const known = isName(repository.namespace) && isName(repository.name) ? await secretOf(repository) : undefined;
    // Signed with an empty secret is signed by anybody.
    const trusted = known !== undefined && known.secret !== '' ? known : undefined;
    const host = hosts[trusted?.host ?? 'gitea'];
    if (!host.isSigned(trusted?.secret ?? secretOfNobody, request.headers, body) || trusted === undefined) {
      return reply.code(401).send({
        message: 'no Repository of this name takes webhooks with this signature; compare the secret of the webhook with webhookSecret of the Repository',
      });
    }

    const changesRefs = host.changesRefs(request.headers, body);
    if (!changesRefs.ok) return reply.code(400).send({ message: describeProblems(changesRefs.problems) });

    if (changesRefs.value) await onPush(repository);
    request.log.info({ repository: referenceText(repository), taken: changesRefs.value }, 'webhook received');
    return reply.code(202).send({ taken: changesRefs.value });
  });
};

/** As the API server allows it for a custom resource: nothing that could mean something else in a path. */
const isName = (text: string): boolean => text.length <= 253 && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(text);
