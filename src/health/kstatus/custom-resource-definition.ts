import type { LiveObject } from '../../model/manifest.ts';
import type { Condition } from './fields.ts';
import { conditionText } from './generic.ts';
import { current, failed, inProgress, type Kstatus } from './verdict.ts';

/** Source: kstatus. The first condition in the list that decides, does. */
export function customResourceDefinitionKstatus(_live: LiveObject, conditions: readonly Condition[]): Kstatus {
  for (const condition of conditions) {
    const { type, status, reason } = condition;
    if (type === 'NamesAccepted' && status === 'False') return failed(conditionText('the names of the definition are not accepted', condition));
    if (type === 'Established' && status === 'False' && reason !== 'Installing') return failed(conditionText('the definition is not established', condition));
    if (type === 'Established' && status === 'True') return current('the definition is established');
  }
  return inProgress('the definition is being installed');
}
