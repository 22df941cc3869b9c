import type { PortError } from '../model/port-error.ts';
import type { PromoteOutcome } from '../promotion/promote.ts';
import type { Pipeline } from '../resources/pipeline.ts';
import type { ReasonOf } from '../resources/reasons.ts';
import type { Release } from '../resources/release.ts';
import { type ConditionNow, failing, ready, reasonOfCode, reconciling, shortened, stalled } from './conditions.ts';

type Looked = Pick<PromoteOutcome, 'pipeline' | 'stalled' | 'rewritten'> & {
  /** Why verdicts are not in Git yet: said beside the stages, since nothing waits for it. */
  readonly unnoted?: string | undefined;
};

/** What a Pipeline says of itself: the worst of its stages, each with its Release and why. */
export function pipelineConditions({ pipeline, stalled: hindrance, rewritten, unnoted }: Looked): ConditionNow<ReasonOf<'Pipeline'>>[] {
  if (hindrance !== undefined) return stalled(hindrance.reason, hindrance.message);

  const stages = pipeline.status?.stages ?? [];
  const said = stages.map(({ name, admitted }) =>
    admitted === undefined ? `${name}: empty` : `${name}: ${admitted.release} ${admitted.verdict} (${admitted.reason})`,
  );
  const message = shortened(
    [...said, ...(rewritten === undefined ? [] : [rewrittenText(pipeline, rewritten)]), ...(unnoted === undefined ? [] : [unnoted])].join('; '),
  );
  if (stages.some(({ admitted }) => admitted?.verdict === 'failed')) return failing('StageFailed', message);
  if (pipeline.spec.suspend) return reconciling('Suspended', 'spec.suspend is set: no stage takes another Release');
  const verified = stages.length > 0 && stages.every(({ admitted }) => admitted?.verdict === 'verified');
  return verified ? ready('Verified', message) : reconciling('Promoting', message === '' ? 'no Release yet' : message);
}

/** What it says while the outside world fails. */
export const pipelineFailure = ({ code, message }: Pick<PortError, 'code' | 'message'>): ConditionNow<ReasonOf<'Pipeline'>>[] =>
  failing(reasonOfCode[code], message);

const rewrittenText = ({ spec }: Pipeline, { metadata }: Release): string =>
  `${metadata.name}: branch ${spec.branch} does not lead there from the Release before (its history was rewritten, or the gap is too long), so what it includes is not listed`;
