import { at } from '../model/json.ts';
import type { LiveObject } from '../model/manifest.ts';
import { objectHealth } from './assess.ts';
import type { HealthWord } from './health.ts';
import { type KstatusWord, kstatusOf } from './kstatus/kstatus.ts';

/** Both verdicts on one object; `message` explains `health`. */
export type Explanation = { readonly health: HealthWord; readonly message: string; readonly kstatus: KstatusWord };

/**
 * Says of one object what `health` and kstatus make of it. Never throws, whatever the object holds.
 * Input: `now` is the caller's clock; the commands have no other time than that of their call.
 */
export function explainHealth(live: LiveObject, now: Date = new Date()): Explanation {
  const { status: kstatus } = kstatusOf(live, now);
  if (typeof at(live, 'kind') !== 'string') return { health: 'Unknown', message: 'not an object of Kubernetes: it has no kind', kstatus };
  const { health, message } = objectHealth(live, now) ?? { health: 'Healthy' as const, message: 'no rule for this kind' };
  return { health, message, kstatus };
}
