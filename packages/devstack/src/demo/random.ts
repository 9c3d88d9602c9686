/** Chance that repeats itself: the same seed gives the same programme on every machine. */
export interface Random {
  /** From 0 up to, and without, 1. */
  next(): number;
  /** A whole number, both ends included. */
  int(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Picks by weights that stand beside the items. */
  weighted<T>(items: readonly T[], weights: readonly number[]): T;
  /** A UUIDv7 of that moment. */
  idAt(at: Date): string;
}

const HEX = 16;

/** Mulberry32: 32 bits of state are plenty for a demonstration, and it fits in five lines. */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function createRandom(seed: number): Random {
  const next = mulberry32(seed);
  const int = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => int(0, HEX - 1).toString(HEX)).join('');

  function weighted<T>(items: readonly T[], weights: readonly number[]): T {
    let left = next() * weights.reduce((sum, weight) => sum + weight, 0);
    const index = weights.findIndex((weight) => (left -= weight) < 0);
    const item = items[index === -1 ? items.length - 1 : index];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (items) =>
      weighted(
        items,
        items.map(() => 1),
      ),
    weighted,
    idAt(at) {
      const time = at.getTime().toString(HEX).padStart(12, '0');
      const variant = int(8, 11).toString(HEX);
      return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(3)}-${variant}${hex(3)}-${hex(12)}`;
    },
  };
}
