/** The rollups that are recomputed from the base tables, by what their keys name besides the hour. */
export const ROLLUPS = [
  'partner_conversions',
  'partner_commissions',
  'policies',
  'products',
  'clicks',
] as const;

export type Rollup = (typeof ROLLUPS)[number];

/** One figure that may be out of date: an hour (UTC) of a partner, policy or product. All its currencies are meant. */
export interface RollupKey {
  readonly hour: Date;
  readonly id: string;
}

/** Keys by rollup, each named once however often it was added. */
export interface KeySet {
  add(rollup: Rollup, at: string | Date, id: string): void;
  list(rollup: Rollup): RollupKey[];
  readonly size: number;
}

const HOUR_MS = 3_600_000;

export function createKeySet(): KeySet {
  const keys = new Map<string, RollupKey & { rollup: Rollup }>();
  return {
    add(rollup, at, id) {
      const hourMs = Math.floor(new Date(at).getTime() / HOUR_MS) * HOUR_MS;
      const name = `${rollup} ${hourMs} ${id}`;
      if (!keys.has(name)) keys.set(name, { rollup, hour: new Date(hourMs), id });
    },
    list: (rollup) => [...keys.values()].filter((key) => key.rollup === rollup),
    get size() {
      return keys.size;
    },
  };
}
