/**
 * Runs `work` on each item, `width` at a time; items of one key are done one after the other, in their order. Answers in the
 * order of the items. Begins nothing new once one has thrown.
 */
export async function inLanes<Item, Result>(
  items: readonly Item[],
  { width, keyOf }: { readonly width: number; readonly keyOf: (item: Item) => string },
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const groups = new Map<string, number[]>();
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [index]);
    else group.push(index);
  }
  const waiting = [...groups.values()].values();
  const results = new Map<number, Result>();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (const group of waiting) {
      for (const index of group) {
        const item = items[index];
        if (item === undefined || failed) return;
        results.set(index, await work(item));
      }
    }
  };
  const lanes = Array.from({ length: width }, () =>
    lane().catch((error: unknown) => {
      failed = true;
      throw error;
    }),
  );
  for (const ended of await Promise.allSettled(lanes)) {
    if (ended.status === 'rejected') throw ended.reason;
  }
  return [...results].sort(([a], [b]) => a - b).map(([, result]) => result);
}
