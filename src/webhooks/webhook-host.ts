import type { Parsed } from '../model/parsed.ts';

/** Header names in lower case, as Node gives them. */
export type WebhookHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * How one kind of Git host calls webhooks. Both functions are pure and total: whatever arrives, they answer and never throw.
 * All that a payload can say is "look at this Repository"; which one the address says, what is new there is asked of the host.
 */
export type WebhookHost = {
  /** Whether whoever sent these bytes knows the secret. Compares in constant time. */
  isSigned(secret: string, headers: WebhookHeaders, body: Uint8Array): boolean;
  /** Whether the event can have changed refs. A problem when it is not what this host sends. */
  changesRefs(headers: WebhookHeaders, body: Uint8Array): Parsed<boolean>;
};
