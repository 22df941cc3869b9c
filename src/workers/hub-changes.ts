import type { Reference } from '../model/reference.ts';
import type { ResourceOf } from '../resources/hub.ts';
import type { Kind } from '../resources/kinds.ts';

type ChangeOf<K extends Kind> = {
  readonly kind: K;
  readonly reference: Reference;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** As this process saw it before; missing when it did not. */
  readonly before?: ResourceOf[K];
  /** Missing when it is gone. */
  readonly now?: ResourceOf[K];
};

/** One custom resource is not any more as this process last saw it. */
export type HubChange = { [K in Kind]: ChangeOf<K> }[Kind];
