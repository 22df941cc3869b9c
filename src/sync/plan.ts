import type { Change, Live } from '../diff/diff.ts';
import type { Health } from '../health/health.ts';
import { describeId, resourceKey } from '../model/manifest.ts';
import { type Reference, referenceText } from '../model/reference.ts';
import { byKind, compareIds, orderSync } from './order.ts';

/** A change and the health of what is there now; `health` is missing where nothing is live. */
export type Assessed = { readonly change: Change; readonly health?: Health };

export type Withheld = { readonly live: Live; readonly reason: string };

/** `wantedElsewhere`: who else wants an object now, by resourceKey: it is handed over and not pruned. */
export type PrunePolicy = { readonly prune: boolean; readonly wantedElsewhere?: ReadonlyMap<string, Reference> };

type Write = Exclude<Change, { type: 'unchanged' }>;

/** What comes next. Plain data: nothing in it can be called. */
export type NextStep =
  | { readonly step: 'apply'; readonly wave: number; readonly groups: readonly (readonly Write[])[]; readonly remaining: number }
  | { readonly step: 'await-wave'; readonly wave: number; readonly message: string }
  | { readonly step: 'wave-failed'; readonly wave: number; readonly message: string }
  | { readonly step: 'await-health'; readonly message: string }
  | { readonly step: 'prune'; readonly groups: readonly (readonly Live[])[] }
  | { readonly step: 'done' };

export type SyncPlan = { readonly next: NextStep; readonly withheld: readonly Withheld[] };

/** Annotations by which people keep an object from being pruned, here and elsewhere. */
const keeps: readonly (readonly [annotation: string, value: RegExp])[] = [
  ['sluice.dev/prune', /^never$/],
  ['argocd.argoproj.io/sync-options', /(^|,)\s*Prune=false\s*(,|$)/],
  ['kustomize.toolkit.fluxcd.io/prune', /^disabled$/],
  ['helm.sh/resource-policy', /^keep$/],
];

/**
 * The next step of a sync, from what is wanted and what is there: waves rise, each begins when the one before is settled, and what is no
 * longer rendered goes only when everything that is rendered is settled. Called again after each step, it needs no memory.
 *
 * Drift is undone at once, whatever the health of earlier waves: those objects have had their turn.
 */
export function planSync(assessed: readonly Assessed[], orphans: readonly Live[], policy: PrunePolicy): SyncPlan {
  const withheld = orphans
    .toSorted((a, b) => compareIds(a.id, b.id))
    .flatMap((live): Withheld[] => {
      const reason = reasonToKeep(live, policy);
      return reason === undefined ? [] : [{ live, reason }];
    });
  const leaving = orphans.filter((live) => !withheld.some((kept) => kept.live === live));
  return { next: nextStep(assessed, leaving), withheld };
}

function nextStep(assessed: readonly Assessed[], leaving: readonly Live[]): NextStep {
  const byId = new Map(assessed.map((each) => [resourceKey(each.change.desired.id), each]));
  const waves = orderSync(assessed.map(({ change }) => change.desired)).map(({ wave, objects }) => ({
    wave,
    objects: objects.flatMap(({ id }) => byId.get(resourceKey(id)) ?? []),
  }));

  const drifted = assessed.map(({ change }) => change).filter((change): change is Write => 'cause' in change && change.cause === 'drift');
  const remaining = assessed.filter(({ change }) => change.type !== 'unchanged').length;

  for (const { wave, objects } of waves) {
    const writes = objects.map(({ change }) => change).filter((change): change is Write => change.type !== 'unchanged');
    const now = [...new Set([...writes, ...drifted])];
    if (now.length > 0) return { step: 'apply', wave, groups: grouped(now), remaining: remaining - now.length };
    if (wave === waves.at(-1)?.wave) break;

    const unsettled = worstUnsettled(objects);
    if (unsettled === undefined || remaining === 0) continue;
    const message = explain(unsettled);
    return unsettled.health?.health === 'Degraded' ? { step: 'wave-failed', wave, message } : { step: 'await-wave', wave, message };
  }

  const unsettled = worstUnsettled(assessed);
  if (unsettled !== undefined) return { step: 'await-health', message: explain(unsettled) };
  if (leaving.length > 0) return { step: 'prune', groups: byKind(leaving.toSorted((a, b) => compareIds(b.id, a.id))) };
  return { step: 'done' };
}

function grouped(changes: readonly Write[]): readonly (readonly Write[])[] {
  const ordered = changes.map((change) => ({ id: change.desired.id, change })).toSorted((a, b) => compareIds(a.id, b.id));
  return byKind(ordered).map((group) => group.map(({ change }) => change));
}

const isSettled = ({ health }: Assessed): boolean => health === undefined || health.health === 'Healthy' || health.health === 'Suspended';

function worstUnsettled(assessed: readonly Assessed[]): Assessed | undefined {
  const unsettled = assessed.filter((each) => !isSettled(each)).toSorted((a, b) => compareIds(a.change.desired.id, b.change.desired.id));
  return unsettled.find(({ health }) => health?.health === 'Degraded') ?? unsettled[0];
}

const explain = ({ change, health }: Assessed): string => `${describeId(change.desired.id)}: ${health?.message ?? ''}`;

function reasonToKeep({ id, metadata }: Live, { prune, wantedElsewhere }: PrunePolicy): string | undefined {
  const next = wantedElsewhere?.get(resourceKey(id));
  if (next !== undefined) return `Application ${referenceText(next)} renders it now and takes it over`;
  if (keeps.some(([annotation, value]) => value.test(metadata.annotations?.[annotation] ?? ''))) return 'marked to be kept';
  return prune ? undefined : 'prune is off';
}
