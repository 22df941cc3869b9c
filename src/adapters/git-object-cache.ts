/** Keeps what was used last, up to a total weight; something heavier than all of it is not kept. */
export function openObjectCache<T>(maxWeight: number, weightOf: (value: T) => number) {
  const kept = new Map<string, T>();
  let weight = 0;

  function drop(key: string, value: T): void {
    kept.delete(key);
    weight -= weightOf(value);
  }

  return {
    get(key: string): T | undefined {
      const value = kept.get(key);
      if (value === undefined) return undefined;
      kept.delete(key);
      kept.set(key, value);
      return value;
    },
    set(key: string, value: T): void {
      const before = kept.get(key);
      if (before !== undefined) drop(key, before);
      if (weightOf(value) > maxWeight) return;
      kept.set(key, value);
      weight += weightOf(value);
      for (const [oldest, old] of kept) {
        if (weight <= maxWeight) return;
        drop(oldest, old);
      }
    },
    clear(): void {
      kept.clear();
      weight = 0;
    },
  };
}
