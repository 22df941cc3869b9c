import type { LiveObject } from '../model/manifest.ts';
import { degraded, type Health, healthy, progressing } from './health.ts';
import { conditionOf, listAt, trueCondition, withReason } from './live-fields.ts';
import { statusOfOlderSpec, waitsToBeObserved } from './observed-generation.ts';

/** Source: Argo CD's rule. */
export function customResourceDefinitionHealth(live: LiveObject): Health {
  if (statusOfOlderSpec(live)) return waitsToBeObserved(live);
  if (listAt(live, 'status', 'conditions').length === 0) return progressing('the definition has no conditions yet');

  const terminating = trueCondition(live, 'Terminating');
  if (terminating) return progressing(withReason('the definition is terminating', terminating));

  const names = conditionOf(live, 'NamesAccepted');
  if (names?.status === 'False') return degraded(withReason('the names of the definition are not accepted', names));

  const violations = trueCondition(live, 'NonStructuralSchema');
  if (violations) return degraded(withReason('the schema is not structural', violations));

  const established = conditionOf(live, 'Established');
  if (established?.status === 'True') return healthy;
  if (established?.reason === 'Installing') return progressing('the definition is being installed');
  return degraded(withReason('the definition is not established', established ?? { reason: '', message: '' }));
}
