import { createHmac, timingSafeEqual } from 'node:crypto';
import { isJsonObject } from '../model/json.ts';
import { accepted, type Parsed, refused } from '../model/parsed.ts';
import type { WebhookHeaders, WebhookHost } from './webhook-host.ts';

const refEvents: ReadonlySet<string> = new Set(['push', 'create', 'delete']);

/** Gitea, and Forgejo, which sends the same under names of its own as well. Source: Gitea docs, "Webhooks", "Authentication with HMAC". */
export const giteaWebhook: WebhookHost = {
  isSigned(secret, headers, body) {
    // SHA-256 in hex over the body's bytes, without a prefix.
    const expected = createHmac('sha256', secret).update(body).digest();
    const given = one(headers, 'signature') ?? '';
    const received = Buffer.from(/^[0-9a-f]{64}$/i.test(given) ? given : '00'.repeat(32), 'hex');
    return timingSafeEqual(received, expected);
  },

  changesRefs(headers, body) {
    const event = one(headers, 'event');
    if (event === undefined || event === '')
      return refused({ at: 'X-Gitea-Event', message: 'is missing or doubled; only a webhook of Gitea or Forgejo is taken here' });
    const payload = parsePayload(body);
    if (!payload.ok) return payload;
    if (!refEvents.has(event)) return accepted(false);
    if (typeof payload.value.ref !== 'string') return refused({ at: 'ref', message: `is missing in the payload of a ${event} event` });
    return accepted(true);
  },
};

/** Of Forgejo's and Gitea's headers the one that is there exactly once. */
function one(headers: WebhookHeaders, name: 'event' | 'signature'): string | undefined {
  const value = headers[`x-forgejo-${name}`] ?? headers[`x-gitea-${name}`];
  return typeof value === 'string' ? value : undefined;
}

function parsePayload(body: Uint8Array): Parsed<Readonly<Record<string, unknown>>> {
  try {
    const payload: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return isJsonObject(payload) ? accepted(payload) : refused({ at: 'body', message: 'is no JSON object' });
  } catch {
    return refused({ at: 'body', message: 'is no JSON' });
  }
}
