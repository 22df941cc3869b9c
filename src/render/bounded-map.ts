/** Keeps what was used last, up to a total weight; the weight is whatever the caller counts (entries, bytes). */
export type BoundedMap<T> = {
  get(key: string): T | undefined;
  set(key: string, value: T, weight: number): void;
};

export function openBoundedMap<T>(maxWeight: number): BoundedMap<T> {
  const entries = new Map<string, { readonly value: T; readonly weight: number }>();
  let total = 0;

  function remove(key: string): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    total -= entry.weight;
    entries.delete(key);
  }

  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      // A Map iterates in the order of insertion: putting it back makes it the newest.
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value, weight) {
      remove(key);
      if (weight > maxWeight) return;
      entries.set(key, { value, weight });
      total += weight;
      for (const oldest of entries.keys()) {
        if (total <= maxWeight) return;
        remove(oldest);
      }
    },
  };
}
