/**
 * Splits items into rounds, to be done one after the other, such that no two of a round share a key: whatever shares one is
 * done in the order in which it came.
 */
export function inRounds<Item>(items: readonly Item[], keysOf: (item: Item) => readonly string[]): Item[][] {
  const rounds: Item[][] = [];
  const nextRound = new Map<string, number>();
  for (const item of items) {
    const keys = keysOf(item);
    const place = Math.max(0, ...keys.map((key) => nextRound.get(key) ?? 0));
    (rounds[place] ??= []).push(item);
    for (const key of keys) nextRound.set(key, place + 1);
  }
  return rounds;
}

/** Cuts items into runs of no more than `limit` in weight, one item at least. */
export function inSets<Item>(
  items: readonly Item[],
  { limit, weightOf }: { readonly limit: number; readonly weightOf: (item: Item) => number },
): Item[][] {
  const sets: Item[][] = [];
  let weight = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const own = weightOf(item);
    const set = sets.at(-1);
    if (set !== undefined && weight + own <= limit) set.push(item);
    else {
      sets.push([item]);
      weight = 0;
    }
    weight += own;
  }
  return sets;
}
