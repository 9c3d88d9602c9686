/** How work is gathered: what is asked for while groups are under way waits, and goes together into the next. */
export interface GroupRules<Item, Result> {
  /** Groups under way at once. */
  groups: number;
  /** Items in one group. */
  size: number;
  /** Items with the same key never share a group. */
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
  let underWay = 0;

  function takeGroup(): Waiting<Item, Result>[] {
    const keys = new Set<string>();
    const group: Waiting<Item, Result>[] = [];
    waiting = waiting.filter((next) => {
      const key = rules.keyOf(next.item);
      if (group.length === rules.size || keys.has(key)) return true;
      keys.add(key);
      group.push(next);
      return false;
    });
    return group;
  }

  async function runGroup(group: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await rules.run(group.map(({ item }) => item));
      for (const [index, result] of results.entries()) {
        if (result.status === 'fulfilled') group[index]?.settle.resolve(result.value);
        else group[index]?.settle.reject(result.reason);
      }
    } catch (error) {
      for (const { settle } of group) settle.reject(error);
    } finally {
      underWay -= 1;
      startGroups();
    }
  }

  function startGroups(): void {
    while (waiting.length > 0 && underWay < rules.groups) {
      underWay += 1;
      void runGroup(takeGroup());
    }
  }

  return (item) => {
    const settle = Promise.withResolvers<Result>();
    waiting.push({ item, settle });
    startGroups();
    return settle.promise;
  };
}
