/** How work is gathered: what is asked for while groups are under way waits, and goes together into the next. */
export interface GroupRules<Item, Result> {
  /** Groups under way at once. */
  groups: number;
  /** Items in one group. */
  size: number;
  /** Items that have to wait for another group to start beside those under way: each costs something whatever its size. */
  worthwhile: number;
  /** Items with the same key never share a group, nor are they under way at the same time. */
  keyOf: (item: Item) => string;
  /** Settles every item: results in the order of the items, a rejection in place of a result. */
  run: (items: readonly Item[]) => Promise<PromiseSettledResult<Result>[]>;
}

interface Waiting<Item, Result> {
  item: Item;
  settle: PromiseWithResolvers<Result>;
}

/** Gathers what is asked for at the same time into groups. With nothing under way an item goes at once, alone. */
export function createGroups<Item, Result>(rules: GroupRules<Item, Result>): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];
  const keysUnderWay = new Set<string>();
  let underWay = 0;

  /** The next group, if there is one that may start now. */
  function takeGroup(): Waiting<Item, Result>[] | undefined {
    if (underWay >= rules.groups) return undefined;
    const least = underWay === 0 ? 1 : rules.worthwhile;
    if (waiting.length < least) return undefined;
    const keys = new Set<string>();
    const group: Waiting<Item, Result>[] = [];
    const rest = waiting.filter((next) => {
      const key = rules.keyOf(next.item);
      if (group.length === rules.size || keys.has(key) || keysUnderWay.has(key)) return true;
      keys.add(key);
      group.push(next);
      return false;
    });
    if (group.length < least) return undefined;
    waiting = rest;
    return group;
  }

  async function runGroup(group: readonly Waiting<Item, Result>[]): Promise<void> {
    const items = group.map(({ item }) => item);
    const keys = items.map(rules.keyOf);
    underWay += 1;
    for (const key of keys) keysUnderWay.add(key);
    try {
      const results = await rules.run(items);
      for (const [index, result] of results.entries()) {
        if (result.status === 'fulfilled') group[index]?.settle.resolve(result.value);
        else group[index]?.settle.reject(result.reason);
      }
    } catch (error) {
      for (const { settle } of group) settle.reject(error);
    } finally {
      underWay -= 1;
      for (const key of keys) keysUnderWay.delete(key);
      startGroups();
    }
  }

  function startGroups(): void {
    for (let group = takeGroup(); group !== undefined; group = takeGroup()) void runGroup(group);
  }

  return (item) => {
    const settle = Promise.withResolvers<Result>();
    waiting.push({ item, settle });
    startGroups();
    return settle.promise;
  };
}
