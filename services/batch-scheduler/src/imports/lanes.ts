/**
 * Runs `work` on each item, `width` at a time. Answers in the order of the items. Begins nothing new once one has thrown, and
 * throws when what was under way has ended.
 */
export async function inLanes<Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const waiting = items.entries();
  const results = new Map<number, Result>();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (const [index, item] of waiting) {
      if (failed) return;
      results.set(index, await work(item));
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
