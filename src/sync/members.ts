import type { Live } from '../diff/diff.ts';
import { applicationLabel, type Owner } from '../diff/ownership.ts';
import { groupKindText } from '../model/manifest.ts';
import { concurrently } from './concurrently.ts';
import type { Destination, ServedKind } from './destination.ts';
import { parallelRequests } from './dry-run.ts';
import type { Extent } from './parent.ts';

/** Everything that carries the owner's label: one metadata-only LIST per kind and namespace. Kinds that are no longer served have no objects. */
export async function readMembers(
  destination: Destination,
  kinds: ReadonlyMap<string, ServedKind>,
  extent: Extent,
  owner: Owner,
  signal: AbortSignal,
): Promise<readonly Live[]> {
  const namespaces = [...new Set([owner.parentNamespace, ...extent.namespaces])];
  const served = [...new Set(extent.kinds.map(groupKindText))].flatMap((text) => kinds.get(text) ?? []);
  const lists = served.flatMap((kind): { readonly kind: ServedKind; readonly namespace: string | undefined }[] =>
    kind.namespaced ? namespaces.map((namespace) => ({ kind, namespace })) : [{ kind, namespace: undefined }],
  );

  const results = await concurrently(lists, parallelRequests, ({ kind, namespace }) =>
    destination.list(kind, namespace, `${applicationLabel}=${owner.hash}`, signal),
  );
  return results.flatMap((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
