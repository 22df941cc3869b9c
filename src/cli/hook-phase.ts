import type { Manifest } from '../model/manifest.ts';

/** When an object's turn comes; `Sync` is where everything goes that is no hook. */
export const phases = ['PreSync', 'Sync', 'PostSync', 'SyncFail', 'PreDelete', 'PostDelete'] as const;
export type Phase = (typeof phases)[number];

/** Helm's words in Argo CD's. `test` and what rolls back have no place in a sync. */
const ofHelm: Readonly<Record<string, Phase>> = {
  'pre-install': 'PreSync',
  'pre-upgrade': 'PreSync',
  'crd-install': 'PreSync',
  'post-install': 'PostSync',
  'post-upgrade': 'PostSync',
  'pre-delete': 'PreDelete',
  'post-delete': 'PostDelete',
};

const annotations = ['sluice.dev/hook', 'argocd.argoproj.io/hook', 'helm.sh/hook'];

/** The phases that a hook is for, and the annotation that says so; undefined for an object that is no hook. */
export function hookOf({ metadata }: Manifest): { readonly annotation: string; readonly phases: readonly Phase[] } | undefined {
  const annotation = annotations.find((each) => metadata.annotations?.[each] !== undefined);
  if (annotation === undefined) return undefined;
  const words = (metadata.annotations?.[annotation] ?? '').split(',').map((word) => word.trim());
  const named = words.flatMap((word) => phases.find((phase) => phase === word) ?? ofHelm[word] ?? []);
  return { annotation, phases: named.length === 0 ? ['Sync'] : phases.filter((phase) => named.includes(phase)) };
}

/** Helm's order of hooks within a phase, where the other annotations say none. */
export function hookWave({ metadata }: Manifest, wave: number): number {
  const weight = metadata.annotations?.['helm.sh/hook-weight'] ?? '';
  return wave === 0 && /^[+-]?\d{1,6}$/.test(weight) ? Number(weight) : wave;
}
