/**
 * Splits items into rounds, to be done one after the other, such that no two of a round share a key: whatever shares one is
 * done in the order in which it came. Items that share what `togetherBy` names keep their order as well, but may be in one round.
 */
export function inRounds<Item>(
  items: readonly Item[],
  keysOf: (item: Item) => readonly string[],
  togetherBy: (item: Item) => string | undefined = () => undefined,
): Item[][] {
  const rounds: Item[][] = [];
  const nextRound = new Map<string, number>();
  const lastRound = new Map<string | undefined, number>();
  for (const item of items) {
    const keys = keysOf(item);
    const shared = togetherBy(item);
    const place = Math.max(lastRound.get(shared) ?? 0, ...keys.map((key) => nextRound.get(key) ?? 0));
    (rounds[place] ??= []).push(item);
    for (const key of keys) nextRound.set(key, place + 1);
    if (shared !== undefined) lastRound.set(shared, place);
  }
  return rounds;
}

/**
 * Cuts items into chains of sets: items that share a key are in one set, or, where they are too many, in consecutive ones of
 * a chain. Chains may be done at the same time, the sets of a chain one after the other. A set keeps the order of `items`.
 */
export function inChains<Item>(
  items: readonly Item[],
  { limit, weightOf, keyOf }: SetLimit<Item> & { readonly keyOf: (item: Item) => string | undefined },
): Item[][][] {
  const place = new Map(items.map((item, index) => [item, index]));
  const groups = new Map<unknown, Item[]>();
  for (const item of items) {
    const key = keyOf(item) ?? item;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  const weightOfGroup = (group: readonly Item[]): number =>
    group.reduce((sum, item) => sum + weightOf(item), 0);
  return inSets([...groups.values()], { limit, weightOf: weightOfGroup }).map((together) => {
    const inOrder = together.flat().sort((a, b) => (place.get(a) ?? 0) - (place.get(b) ?? 0));
    return inSets(inOrder, { limit, weightOf });
  });
}

interface SetLimit<Item> {
  readonly limit: number;
  readonly weightOf: (item: Item) => number;
}

/** Cuts items into runs of no more than `limit` in weight, one item at least. */
export function inSets<Item>(items: readonly Item[], { limit, weightOf }: SetLimit<Item>): Item[][] {
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
