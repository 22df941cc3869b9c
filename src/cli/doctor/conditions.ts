import { referenceText } from '../../model/reference.ts';
import type { ResourceOf } from '../../resources/hub.ts';
import type { Kind } from '../../resources/kinds.ts';
import { reasons } from '../../resources/reasons.ts';
import { referenceOf } from '../../resources/resource.ts';
import { type Finding, fail, ok, skipped, type Tried, warn } from './finding.ts';

/** The kinds that say in conditions how they are. */
export type Judged = Exclude<Kind, 'Release'>;
export type Listed = {
  readonly kind: Kind;
  readonly listed: Tried<{ readonly resources: readonly ResourceOf[Kind][]; readonly unreadable: readonly string[] }>;
};

type WithConditions = Pick<ResourceOf[Judged], 'kind' | 'metadata' | 'spec' | 'status'>;

const whatNext: Readonly<Record<Judged, string>> = {
  Repository: 'mend what it names: its Secret, spec.url or a branch',
  Cluster: 'mend what it names: its Secret, or the rights of Sluice there',
  Application: 'mend what it names in the repository, the Application or the rights of its service account; `sluice sync` tries again at once',
  Pipeline: 'mend what it names; a newer commit supersedes one that has failed',
};

/** What is stalled or failing, one by one; the rest is counted. */
export function judgeConditions({ kind, listed }: Listed): readonly Finding[] {
  const subject = { check: 'conditions', about: `${kind}s`.replace('ys', 'ies') };
  if (!listed.ok) return [skipped(subject, `cannot be listed: ${listed.says}`)];
  const { resources, unreadable } = listed.value;
  const strange = unreadable.map((why) => warn(subject, why, 'use the sluice of the release that runs'));
  if (kind === 'Release') return strange;
  const judged = resources.map((resource) => judgeOne(kind, resource as WithConditions));
  const wrong = judged.flatMap((finding) => (finding === undefined ? [] : [finding]));
  const well = resources.length - wrong.length;
  const many = resources.length === 0 ? 'there are none' : `${well} of ${resources.length} have nothing to mend`;
  return [ok(subject, many), ...strange, ...wrong];
}

function judgeOne(kind: Judged, { metadata, spec, status }: WithConditions): Finding | undefined {
  const subject = { check: 'conditions', about: `${kind} ${referenceText(referenceOf({ metadata }))}` };
  if (spec.suspend) return undefined;
  const conditions = status?.conditions ?? [];
  const [ready, stalled] = (['Ready', 'Stalled'] as const).map((type) => conditions.find((condition) => condition.type === type));
  if (ready === undefined) return warn(subject, 'Sluice has not looked at it yet', 'see the findings on the hub, the leader and Redis');
  if (ready.observedGeneration !== metadata.generation)
    return warn(subject, 'Sluice has not looked at its newest spec yet', 'see the findings on the hub, the leader and Redis');
  const says = `${ready.reason}: ${ready.message}`;
  const known = Object.hasOwn(reasons[kind], ready.reason) ? `; \`sluice explain ${kind} ${ready.reason}\` says more` : '';
  if (stalled?.status === 'True') return fail(subject, says, `${whatNext[kind]}${known}`);
  return ready.status === 'False' ? warn(subject, says, `${whatNext[kind]}${known}`) : undefined;
}
