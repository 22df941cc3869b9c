import type { Reference } from '../model/reference.ts';

/** What a worker does: `refresh` a Repository, `sync` an Application, `promote` a Pipeline, `report` a Release. There is one queue per verb. */
export type Verb = 'refresh' | 'sync' | 'promote' | 'report';

/**
 * A nudge says "look at this object" and carries no facts: nudging twice equals nudging once, and after the last nudge at least one look begins.
 * Both methods may throw PortError('queue', UNREACHABLE).
 */
export type Nudges = {
  /** At once. At most one look per object runs and one waits behind it. */
  nudge(verb: Verb, reference: Reference): Promise<void>;
  /** After `inMs` milliseconds. One timer per verb and object: the newest wish replaces an older one, be it for sooner or for later. An immediate nudge leaves the timer alone. */
  nudgeIn(verb: Verb, reference: Reference, inMs: number): Promise<void>;
};

/** What is done with a nudge. The signal is aborted when this process stops or another one may have taken the object over. */
export type Look = (reference: Reference, signal: AbortSignal) => Promise<void>;

/** The nudges of one installation, shared by all its processes. Opened once per process. */
export type NudgeQueue = Nudges & {
  /** The same, but waits for as long as the queue is away: for workers, which have nobody to tell. */
  readonly patient: Nudges;
  readonly mark: QueueMark;
  /** Hands nudges to the looks, up to `concurrency` per verb at once, and what is due of the timers back into the verbs' queues. */
  take(looks: Readonly<Record<Verb, Look>>, concurrency: number): Taking;
  /** Throws PortError('queue', UNREACHABLE) unless the queue answers within a second. */
  ping(): Promise<void>;
  /** How many nudges of each verb wait, and since when the oldest does. */
  depths(): Promise<readonly QueueDepth[]>;
  close(): Promise<void>;
};

export type Taking = {
  /** Resolves when nudges are being taken. */
  ready(): Promise<void>;
  /** Takes no more, nudges again what was being looked at, aborts it, and waits for its end, but no longer than `withinMs`. */
  stop(withinMs: number): Promise<void>;
};

export type QueueDepth = { readonly verb: Verb; readonly waiting: number; readonly oldestMs: number };

/**
 * A key in the queue's own store that is missing, or of another server's life, when nudges may have been lost.
 * One claimant at a time restores them; a claim not renewed within its lease is free again. Every method may throw PortError('queue', UNREACHABLE).
 */
export type QueueMark = {
  /** `claimed`: nudges may have been lost and this claimant is now the one to restore them. */
  claim(claimant: string, leaseMs: number): Promise<'whole' | 'claimed' | 'claimed by another'>;
  renew(claimant: string, leaseMs: number): Promise<void>;
  /** Output: false when the claim was lost in between, so that everything has to be nudged once more. */
  settle(claimant: string): Promise<boolean>;
  /** Calls the listener whenever the connection stands anew. */
  onConnected(listener: () => void): void;
};
