import { at } from '../../model/json.ts';
import type { Condition } from '../../status/conditions.ts';

/** One resource of the installation as the hub has it now; undefined: it is gone. */
export type Seen = { readonly what: string; readonly object: unknown };

export type Standing = { readonly what: string; readonly is: 'ready' | 'under way' | 'stalled'; readonly line: string };

/** What a resource says of itself, as far as it speaks of what it now asks for. */
export function standingOf({ what, object }: Seen): Standing {
  if (object === undefined) return { what, is: 'stalled', line: `${what}: is gone` };
  const conditions = conditionsIn(object).filter(({ observedGeneration }) => observedGeneration === at(object, 'metadata', 'generation'));
  const [ready, stalled] = (['Ready', 'Stalled'] as const).map((type) => conditions.find((condition) => condition.type === type));
  if (ready === undefined) return { what, is: 'under way', line: `${what}: not looked at yet` };
  if (ready.status === 'True') return { what, is: 'ready', line: `${what}: ready` };
  const said = `${ready.reason}${ready.message === '' ? '' : `: ${ready.message}`}`;
  return stalled?.status === 'True' ? { what, is: 'stalled', line: `${what}: stalled, ${said}` } : { what, is: 'under way', line: `${what}: ${said}` };
}

function conditionsIn(object: unknown): readonly Condition[] {
  const conditions: unknown = at(object, 'status', 'conditions');
  return Array.isArray(conditions) ? (conditions as Condition[]) : [];
}

/** Two resources that name each other are seen one after the other: what is stalled for longer than this needs a person. */
const stalledForMs = 15_000;

export type Following = { readonly stalledSinceMs: Readonly<Record<string, number>> };
export type Judged = { readonly is: 'done' | 'under way' | 'failed'; readonly following: Following };

export function judgeInstallation(standings: readonly Standing[], { stalledSinceMs }: Following, nowMs: number): Judged {
  const stalled = standings.filter(({ is }) => is === 'stalled');
  const since = Object.fromEntries(stalled.map(({ what }) => [what, stalledSinceMs[what] ?? nowMs]));
  const following = { stalledSinceMs: since };
  if (standings.every(({ is }) => is === 'ready')) return { is: 'done', following };
  const forGood = Object.values(since).some((sinceMs) => nowMs - sinceMs >= stalledForMs);
  return { is: forGood ? 'failed' : 'under way', following };
}
