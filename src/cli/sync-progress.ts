import type { Application } from '../resources/application.ts';
import { pendingSync } from '../sync/sync-request.ts';

/** How far a sync is that was asked for; `line` says it to people. */
export type SyncProgress = { readonly is: 'under way' | 'done' | 'failed'; readonly line: string };

export function judgeSync(application: Pick<Application, 'metadata' | 'status'>): SyncProgress {
  const { status } = application;
  const { state = 'Unknown', message = '' } = status?.sync ?? {};
  const { health = 'Unknown', message: why = '' } = status?.health ?? {};
  const revision = status?.revision?.slice(0, 8) ?? '';
  const words = [revision, status?.phase ?? '', state, health].filter((word) => word !== '').join(' ');
  if (pendingSync(application) !== undefined) {
    const detail = state === 'Failed' || state === 'Syncing' ? message : why;
    return { is: 'under way', line: detail === '' ? words : `${words}: ${detail}` };
  }
  if (state === 'Synced' && (health === 'Healthy' || health === 'Suspended')) return { is: 'done', line: words };
  const detail = state === 'Synced' ? why : message;
  return { is: 'failed', line: detail === '' ? words : `${words}: ${detail}` };
}
