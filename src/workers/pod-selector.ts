/**
 * Whether labels are chosen by a label query as `status.unsettled` holds it: `app=web,tier in (a,b),!legacy`.
 * A query that is not understood chooses everything: a needless look does no harm, a missing one does.
 */
export function selectorMatches(selector: string, labels: Readonly<Record<string, string>>): boolean {
  return requirements(selector).every((requirement) => matches(requirement.trim(), labels));
}

/** Commas inside parentheses separate values, all others requirements. */
const requirements = (selector: string): readonly string[] => selector.split(/,(?![^(]*\))/);

function matches(requirement: string, labels: Readonly<Record<string, string>>): boolean {
  const among = /^(\S+) (in|notin) \(([^)]*)\)$/.exec(requirement);
  if (among !== null) {
    const [, key = '', operator, list = ''] = among;
    const isAmong = list.split(',').some((value) => value.trim() === labels[key]);
    return operator === 'in' ? isAmong : !isAmong;
  }
  const equals = /^([^=!\s]+)==?([^=\s]*)$/.exec(requirement);
  if (equals !== null) return labels[equals[1] ?? ''] === equals[2];
  const exists = /^(!?)([^=!\s]+)$/.exec(requirement);
  if (exists !== null) return (labels[exists[2] ?? ''] !== undefined) === (exists[1] === '');
  return true;
}
