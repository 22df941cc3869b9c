import { isJsonObject, type Json, type JsonObject } from '../model/json.ts';
import { applicationLabel, appliedAnnotation, ownerAnnotation, partOfLabel } from './ownership.ts';

/** An object as a diff shows it: undefined where there is none. */
export type Shown = JsonObject | undefined;

const ofTheServer = new Set(['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'managedFields', 'selfLink']);
const ofSluice = new Set<string>([applicationLabel, partOfLabel, appliedAnnotation, ownerAnnotation]);
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Both sides of a diff without what no manifest says: status, what the API server writes, Sluice's own marks. Values of Secrets are masked: a value
 * shows whether it changes and nothing else, not its length and not whether another key has the same one.
 */
export function shownPair(before: unknown, after: unknown): readonly [before: Shown, after: Shown] {
  const sides = [plain(before), plain(after)] as const;
  const isSecret = sides.some((side) => side?.kind === 'Secret' && side.apiVersion === 'v1');
  return isSecret ? maskedPair(...sides) : sides;
}

function plain(object: unknown): Shown {
  if (!isJsonObject(object)) return undefined;
  const { status: _status, metadata, ...fields } = object;
  const { labels, annotations, ...rest } = isJsonObject(metadata) ? metadata : {};
  const kept = Object.entries(rest).filter(([field]) => !ofTheServer.has(field));
  return { ...fields, metadata: { ...Object.fromEntries(kept), ...unmarked('labels', labels), ...unmarked('annotations', annotations) } };
}

function unmarked(field: string, marks: Json | undefined): JsonObject {
  if (!isJsonObject(marks)) return {};
  const kept = Object.entries(marks).filter(([key]) => !ofSluice.has(key));
  return kept.length === 0 ? {} : { [field]: Object.fromEntries(kept) };
}

const same = '++++++++';
const other = '++++++++ (changed)';

function maskedPair(before: Shown, after: Shown): readonly [Shown, Shown] {
  const mask = (side: Shown, opposite: Shown, changed: string): Shown => {
    if (side === undefined) return undefined;
    const fields = ['data', 'stringData'].flatMap((field) => {
      const values = side[field];
      if (!isJsonObject(values)) return [];
      const others = opposite?.[field];
      const masked = Object.entries(values).map(([key, value]) => [key, isJsonObject(others) && key in others && others[key] !== value ? changed : same]);
      return [[field, Object.fromEntries(masked)]];
    });
    return { ...side, ...Object.fromEntries(fields), metadata: withoutCopies(side.metadata) };
  };
  return [mask(before, after, same), mask(after, before, other)];
}

/** kubectl's annotation holds the whole Secret once more. */
function withoutCopies(metadata: Json | undefined): Json {
  if (!isJsonObject(metadata) || !isJsonObject(metadata.annotations)) return metadata ?? null;
  const { [lastApplied]: _copy, ...annotations } = metadata.annotations;
  return { ...metadata, annotations };
}
