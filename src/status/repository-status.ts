import type { PortErrorCode } from '../model/port-error.ts';
import type { ReasonOf } from '../resources/reasons.ts';
import { type ConditionNow, failing, ready, reasonOfCode, stalled } from './conditions.ts';

type Now = ConditionNow<ReasonOf<'Repository'>>[];

/** What a Repository says of itself after a look at its host. */
export const repositoryRead = (refs: number): Now => ready('Read', `${refs} refs followed`);

/**
 * A conflict is none of its host: somebody else has just written its status, and it is looked at again at once. What a host refuses is asked of it
 * again for all that, but it will answer the same until somebody changes the Repository, its Secret or the rights there.
 */
export const repositoryUnread = (code: Exclude<PortErrorCode, 'CONFLICT'>, message: string): Now =>
  (code === 'UNREACHABLE' || code === 'TIMEOUT' ? failing : stalled)(reasonOfCode[code], message);

export const repositorySuspended = (): Now => ready('Suspended', 'spec.suspend is set: the host is not asked for new commits');
