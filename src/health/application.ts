import { describeId, type ResourceId, resourceKey } from '../model/manifest.ts';
import { type Health, healthRank } from './health.ts';

export type ObjectHealth = { readonly id: ResourceId; readonly health: Health };

/** `object` is the one that decides; missing when all are Healthy. */
export type ApplicationHealth = Health & { readonly object?: ResourceId };

/**
 * The worst health of an Application's objects; among equally bad ones the first by group, kind, namespace and name decides.
 * Output: undefined for no objects at all, as whether that is healthy is not for health to say.
 */
export function applicationHealth(objects: readonly ObjectHealth[]): ApplicationHealth | undefined {
  const [worst] = objects.toSorted(worstFirst);
  if (worst === undefined) return undefined;
  const { health, message } = worst.health;
  if (health === 'Healthy') return { health, message: '' };
  return { health, message: `${describeId(worst.id)}: ${message === '' ? health : message}`, object: worst.id };
}

function worstFirst(a: ObjectHealth, b: ObjectHealth): number {
  return (
    healthRank(b.health.health) - healthRank(a.health.health) ||
    compareTexts(resourceKey(a.id), resourceKey(b.id)) ||
    compareTexts(a.health.message, b.health.message)
  );
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
