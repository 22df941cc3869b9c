import { type Desired, definedKinds, waveOf } from '../diff/desired.ts';
import type { Live } from '../diff/diff.ts';
import { partOfLabel } from '../diff/ownership.ts';
import { isJsonObject } from '../model/json.ts';
import { describeId, groupKindText, idOf, type LiveObject, type Manifest, type ResourceId, resourceKey } from '../model/manifest.ts';
import { accepted, type Parsed, type Problem, refused } from '../model/parsed.ts';
import type { PlacedManifest } from '../render/yaml.ts';
import { compareIds, orderSync } from '../sync/order.ts';
import { planSync } from '../sync/plan.ts';
import { isClusterScoped } from './cluster-scoped.ts';
import { hookOf, hookWave, type Phase, phases } from './hook-phase.ts';
import { leavesAsItIs } from './same-fields.ts';

export type Action = 'create' | 'update' | 'prune' | 'unchanged' | 'refused';

/** A line of the contract. `namespace` is '' for an object that has none. */
export type PlanLine = {
  readonly phase: Phase;
  readonly wave: number;
  readonly action: Action;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
};

/** `notes`: why lines are refused, and what stays although it is no longer rendered. */
export type OfflinePlan = { readonly lines: readonly PlanLine[]; readonly notes: readonly Problem[] };

type Planned = { readonly id: ResourceId; readonly manifest: Manifest; readonly live: LiveObject | undefined; readonly refusals: readonly Problem[] };

/**
 * What a sync would do in which order, told from files alone.
 * `live`: the objects that are there; undefined means none. `namespace`: where objects without one go, when it is known.
 * Refused  objects of `live` that may be the same as one without a namespace, and members of several Applications.
 */
export function planOffline(manifests: readonly PlacedManifest[], live: readonly LiveObject[], namespace: string | undefined): Parsed<OfflinePlan> {
  const problems: Problem[] = [];
  const defined = definedKinds(manifests.map(({ manifest }) => manifest));
  const seen = new Set<string>();
  const planned = manifests.map(({ manifest, at }): Planned => {
    const candidates = live.filter((object) => isSame(manifest, object, namespace));
    if (candidates.length > 1)
      problems.push({ at, message: `${describeId(idOf(manifest))} is there in several namespaces: say with --namespace which one is meant` });
    const id = placedId(manifest, candidates[0], namespace, defined);
    const refusals = refusalsOf(manifest, at, seen.has(resourceKey(id)));
    seen.add(resourceKey(id));
    return { id, manifest, live: candidates[0], refusals };
  });
  const orphans = orphansOf(planned, live);
  if (!orphans.ok) problems.push(...orphans.problems);
  if (problems.length > 0 || !orphans.ok) return refused(...problems);

  const hooks = planned.filter(({ manifest }) => hookOf(manifest) !== undefined);
  const synced = planned.filter(({ manifest }) => hookOf(manifest) === undefined);
  const pruned = pruneLines(orphans.value);
  const linesOf = (phase: Phase) => (phase === 'Sync' ? [...syncLines(synced), ...hookLines(hooks, phase), ...pruned.lines] : hookLines(hooks, phase));
  return accepted({ lines: phases.flatMap(linesOf), notes: [...planned.flatMap(({ refusals }) => refusals), ...pruned.notes] });
}

function isSame(manifest: Manifest, live: LiveObject, namespace: string | undefined): boolean {
  const a = idOf(manifest);
  const b = idOf(live);
  if (a.name !== b.name || groupKindText(a) !== groupKindText(b)) return false;
  const wanted = a.namespace ?? namespace;
  return wanted === undefined || b.namespace === undefined || wanted === b.namespace;
}

function placedId(manifest: Manifest, live: LiveObject | undefined, namespace: string | undefined, defined: ReturnType<typeof definedKinds>): ResourceId {
  const { namespace: own, ...id } = idOf(manifest);
  const scope = defined.get(groupKindText(id)) ?? (isClusterScoped(id) ? 'cluster' : 'namespaced');
  const placed = scope === 'cluster' ? undefined : live === undefined ? (own ?? namespace) : live.metadata.namespace;
  return { ...id, ...(placed === undefined ? {} : { namespace: placed }) };
}

function refusalsOf(manifest: Manifest, at: string, isSecond: boolean): readonly Problem[] {
  const place = `${at} (${describeId(idOf(manifest))})`;
  const hook = hookOf(manifest);
  const owners = manifest.metadata.ownerReferences;
  const messages = [
    ...(hook === undefined ? [] : [`has the annotation ${hook.annotation}: hooks are not supported yet; take the object or the annotation out`]),
    ...(Array.isArray(owners) && owners.some((owner) => isJsonObject(owner) && owner.controller === true)
      ? ['has an ownerReference with controller: true, so it is the work of another object: take the reference or the object out']
      : []),
    ...(waveOf(manifest) === undefined ? ['the sync-wave annotation must be a whole number, e.g. "5" or "-1"'] : []),
    ...(isSecond ? ['is written twice: keep one of the two'] : []),
  ];
  return messages.map((message) => ({ at: place, message }));
}

const lineOf = (phase: Phase, wave: number, action: Action, apiVersion: string, { kind, namespace, name }: ResourceId): PlanLine => ({
  phase,
  wave,
  action,
  apiVersion,
  kind,
  namespace: namespace ?? '',
  name,
});

function syncLines(planned: readonly Planned[]): readonly PlanLine[] {
  const byManifest = new Map(planned.map((each) => [each.manifest, each]));
  const desired = planned.map(({ id, manifest }): Desired => ({ id, manifest, digest: '', wave: waveOf(manifest) ?? 0 }));
  return orderSync(desired).flatMap(({ wave, objects }) =>
    objects.flatMap(({ id, manifest }) => {
      const its = byManifest.get(manifest);
      return its === undefined ? [] : [lineOf('Sync', wave, actionOf(its), manifest.apiVersion, id)];
    }),
  );
}

function actionOf({ manifest, live, refusals }: Planned): Action {
  if (refusals.length > 0) return 'refused';
  if (live === undefined) return 'create';
  return leavesAsItIs(manifest, live) ? 'unchanged' : 'update';
}

function hookLines(hooks: readonly Planned[], phase: Phase): readonly PlanLine[] {
  return hooks
    .filter(({ manifest }) => hookOf(manifest)?.phases.includes(phase))
    .map(({ id, manifest }) => ({ id, manifest, wave: hookWave(manifest, waveOf(manifest) ?? 0) }))
    .toSorted((a, b) => a.wave - b.wave || compareIds(a.id, b.id))
    .map(({ id, manifest, wave }) => lineOf(phase, wave, 'refused', manifest.apiVersion, id));
}

/**
 * Members that are no longer rendered. Where objects carry the label of an applyset, those that carry the one of the rendered objects are the
 * members; where none does, the whole file is taken for them. What a controller made and what is going already is no member.
 */
function orphansOf(planned: readonly Planned[], live: readonly LiveObject[]): Parsed<readonly LiveObject[]> {
  const rendered = new Set(planned.flatMap((each) => each.live ?? []));
  const orphans = live.filter(
    (object) =>
      !rendered.has(object) && object.metadata.deletionTimestamp === undefined && !object.metadata.ownerReferences?.some(({ controller }) => controller),
  );
  const applySetOf = ({ metadata }: LiveObject) => metadata.labels?.[partOfLabel];
  if (!live.some((object) => applySetOf(object) !== undefined)) return accepted(orphans);
  const labelled = orphans.filter((object) => applySetOf(object) !== undefined);
  const own = new Set([...rendered].flatMap((object) => applySetOf(object) ?? []));
  const members = own.size > 0 ? labelled.filter((object) => own.has(applySetOf(object) ?? '')) : labelled;
  if (own.size === 0 && new Set(members.map(applySetOf)).size > 1) {
    return refused({
      at: '--live',
      message: `holds members of several applysets and none of them is rendered: give the objects of one Application (label ${partOfLabel})`,
    });
  }
  return accepted(members);
}

function pruneLines(orphans: readonly LiveObject[]): OfflinePlan {
  const byKey = new Map(orphans.map((object) => [resourceKey(idOf(object)), object]));
  const { next, withheld } = planSync(
    [],
    orphans.map((object): Live => ({ id: idOf(object), metadata: object.metadata })),
    { prune: true },
  );
  const line = (action: Action, { id, metadata }: Live) => lineOf('Sync', waveOf({ metadata }) ?? 0, action, byKey.get(resourceKey(id))?.apiVersion ?? '', id);
  const leaving = next.step === 'prune' ? next.groups.flat() : [];
  return {
    lines: [...withheld.map(({ live }) => line('unchanged', live)), ...leaving.map((live) => line('prune', live))],
    notes: withheld.map(({ live, reason }) => ({ at: describeId(live.id), message: `is no longer rendered and stays: ${reason}` })),
  };
}
