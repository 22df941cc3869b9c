import { desiredObjects } from '../diff/desired.ts';
import { hasAdditions } from '../diff/drift.ts';
import { applicationLabel, appliedAnnotation, applyEntry, fieldSetHash, type Owner, ownerAnnotation, partOfLabel } from '../diff/ownership.ts';
import { isJsonObject, type Json } from '../model/json.ts';
import type { LiveObject, Manifest } from '../model/manifest.ts';
import { parseReference } from '../model/reference.ts';

/**
 * Whether applying a manifest would leave an object as it is, as far as files can tell. An object that carries `sluice.dev/applied` was written by
 * Sluice and is judged as a sync does: by the digest, and by managedFields where the file has them. Any other one by the fields that the manifest names.
 */
export function leavesAsItIs(manifest: Manifest, live: LiveObject): boolean {
  const owner = ownerSaidBy(live);
  const recorded = live.metadata.annotations?.[appliedAnnotation];
  if (recorded === undefined || owner === undefined) return namesTheSame(manifest, live);
  const scope = live.metadata.namespace === undefined ? 'cluster' : 'namespaced';
  const desired = desiredObjects([manifest], owner, live.metadata.namespace ?? '', () => scope);
  const [digest, fieldSet] = recorded.split('.');
  if (!desired.ok || desired.value[0]?.digest !== digest) return false;
  if (live.metadata.managedFields === undefined) return true;
  const entry = applyEntry(live.metadata);
  return entry !== undefined && fieldSetHash(entry) === fieldSet && !hasAdditions(live.metadata);
}

/** The owner as far as it stands on each member: all that a digest depends on. */
function ownerSaidBy({ metadata: { labels, annotations } }: LiveObject): Owner | undefined {
  const application = parseReference(annotations?.[ownerAnnotation] ?? '');
  const hash = labels?.[applicationLabel];
  const applySetId = labels?.[partOfLabel];
  if (application === undefined || hash === undefined || applySetId === undefined) return undefined;
  return { installation: '', application, hash, parentName: '', parentNamespace: '', applySetId };
}

const notCompared = new Set(['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'managedFields', 'selfLink', 'namespace']);

function namesTheSame(manifest: Manifest, live: LiveObject): boolean {
  const { metadata, status: _status, stringData, apiVersion: _apiVersion, ...fields } = manifest;
  const wanted = Object.fromEntries(Object.entries(metadata).filter(([field]) => !notCompared.has(field)));
  const data =
    manifest.kind === 'Secret' && isJsonObject(stringData) ? { data: { ...(isJsonObject(fields.data) ? fields.data : {}), ...encoded(stringData) } } : {};
  return names({ ...fields, ...data }, live as unknown as Json) && names(wanted, live.metadata as unknown as Json);
}

const encoded = (texts: Readonly<Record<string, Json | undefined>>) =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(String(text)).toString('base64')]));

/** Whether everything that is wanted is there; what is there beside it does not count. */
function names(wanted: Json | undefined, live: Json | undefined): boolean {
  if (wanted === undefined || wanted === null) return live === undefined || live === null;
  if (Array.isArray(wanted)) return namesItems(wanted as readonly Json[], Array.isArray(live) ? (live as readonly Json[]) : []);
  if (isJsonObject(wanted)) {
    if (live !== undefined && !isJsonObject(live)) return false;
    return Object.entries(wanted).every(([key, inner]) => names(inner, live?.[key]));
  }
  // The API server gives quantities back as text.
  if ((typeof wanted === 'number' || typeof wanted === 'bigint') && typeof live === 'string') return String(wanted) === live;
  return wanted === live;
}

/** Items with names are found by name, and others may stand beside them: a sidecar that a webhook added is no difference. */
function namesItems(wanted: readonly Json[], live: readonly Json[]): boolean {
  const nameOf = (item: Json) => (isJsonObject(item) && typeof item.name === 'string' ? item.name : undefined);
  const keyed = wanted.length > 0 && new Set(wanted.map(nameOf)).size === wanted.length && wanted.every((item) => nameOf(item) !== undefined);
  if (keyed) return wanted.every((item) => live.some((other) => nameOf(other) === nameOf(item) && names(item, other)));
  return wanted.length === live.length && wanted.every((item, index) => names(item, live[index]));
}
