import { shortMessage } from '../live-fields.ts';
import { type Condition, conditionsOf, fieldAt, wholeNumber } from './fields.ts';
import { current, failed, inProgress, type Kstatus, terminating, unknown } from './verdict.ts';

/** What every kind has in common, in order: deletion, generation, Reconciling and Stalled. Output: a verdict, or the conditions for the kind's rule. */
export function genericVerdict(live: unknown): { readonly verdict: Kstatus } | { readonly conditions: readonly Condition[] } {
  const deletion = fieldAt(live, 'metadata', 'deletionTimestamp');
  if (deletion === 'refused') return { verdict: unknown('metadata is not an object') };
  if (deletion !== 'missing' && typeof deletion.found !== 'string') return { verdict: unknown('metadata.deletionTimestamp is not a time') };
  if (deletion !== 'missing' && deletion.found !== '') return { verdict: terminating('the object is being deleted') };

  const generation = generationVerdict(live);
  if (generation !== undefined) return { verdict: generation };

  const conditions = conditionsOf(live);
  if (conditions === undefined) return { verdict: unknown('status.conditions is not a list of conditions') };
  const abnormal = conditions.find(({ type, status }) => (type === 'Reconciling' || type === 'Stalled') && status === 'True');
  if (abnormal === undefined) return { conditions };
  return { verdict: abnormal.type === 'Stalled' ? failed(conditionText('stalled', abnormal)) : inProgress(conditionText('reconciling', abnormal)) };
}

/** An object that has no generation, or whose controller writes none, passes. Unequal counts, not only older. */
function generationVerdict(live: unknown): Kstatus | undefined {
  const generation = fieldAt(live, 'metadata', 'generation');
  if (generation === 'missing') return undefined;
  const wanted = generation === 'refused' ? undefined : wholeNumber(generation.found);
  if (wanted === undefined) return unknown('metadata.generation is not a whole number');

  const observed = fieldAt(live, 'status', 'observedGeneration');
  if (observed === 'missing') return undefined;
  const seen = observed === 'refused' ? undefined : wholeNumber(observed.found);
  if (seen === undefined) return unknown('status.observedGeneration is not a whole number');
  return seen === wanted ? undefined : inProgress(`the controller has seen generation ${seen}, the object is at ${wanted}`);
}

/** For kinds without a rule: the Ready condition when there is one. Ready=False never becomes Failed, as it may still change. */
export function readyVerdict(conditions: readonly Condition[]): Kstatus {
  const ready = conditions.find(({ type, status }) => type === 'Ready' && ['True', 'False', 'Unknown'].includes(status));
  if (ready === undefined) return current('nothing in the status says otherwise');
  return ready.status === 'True' ? current('the object is Ready') : inProgress(conditionText('not Ready', ready));
}

/** kstatus gives the condition's own message; ours says first which condition it was. */
export function conditionText(before: string, condition: Condition): string {
  const text = shortMessage(condition.message || condition.reason);
  return text === '' ? before : `${before}: ${text}`;
}
