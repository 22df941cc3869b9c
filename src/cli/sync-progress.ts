import type { Application } from '../resources/application.ts';
import { pendingSync } from '../sync/sync-request.ts';
import { seeReasons } from './see.ts';

/** How far a sync is that was asked for; `line` says it to people, `see` leads to the entry of its reason. */
export type SyncProgress = { readonly is: 'under way' | 'done' | 'failed'; readonly line: string; readonly see: readonly string[] };

export function judgeSync(application: Pick<Application, 'metadata' | 'status'>): SyncProgress {
  const { status } = application;
  const { state = 'Unknown', message = '' } = status?.sync ?? {};
  const { health = 'Unknown', message: why = '' } = status?.health ?? {};
  const revision = status?.revision?.slice(0, 8) ?? '';
  const words = [revision, status?.phase ?? '', state, health].filter((word) => word !== '').join(' ');
  if (pendingSync(application) !== undefined) {
    const detail = state === 'Failed' || state === 'Syncing' ? message : why;
    return { is: 'under way', line: detail === '' ? words : `${words}: ${detail}`, see: [] };
  }
  if (state === 'Synced' && (health === 'Healthy' || health === 'Suspended')) return { is: 'done', line: words, see: [] };
  const detail = state === 'Synced' ? why : message;
  return { is: 'failed', line: detail === '' ? words : `${words}: ${detail}`, see: seeReasons('Application', [application]) };
}
