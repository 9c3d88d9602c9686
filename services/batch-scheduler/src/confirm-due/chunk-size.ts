/** How many rows a chunk should have, learnt from how long chunks take. */
export interface ChunkSize {
  readonly rows: number;
  took(durationMs: number): void;
  /** A chunk did not make it at all. */
  shrink(): void;
  readonly isSmallest: boolean;
  readonly slowestMs: number;
}

const FIRST = 1_000;
const MIN = 50;
// Enough that the fixed costs of a statement no longer matter; more would only hold more locks for longer.
const MAX = 5_000;
/** No chunk should pass 1.5 s, and a busy machine may double the next one, so half of it is near enough to halve. */
const NEAR_MS = 700;
const ROOM_MS = 350;

export function createChunkSize(): ChunkSize {
  let rows = FIRST;
  let slowestMs = 0;
  const shrink = (): void => {
    rows = Math.max(MIN, Math.floor(rows / 2));
  };
  return {
    get rows() {
      return rows;
    },
    get isSmallest() {
      return rows === MIN;
    },
    get slowestMs() {
      return slowestMs;
    },
    took(durationMs) {
      slowestMs = Math.max(slowestMs, durationMs);
      if (durationMs > NEAR_MS) shrink();
      else if (durationMs < ROOM_MS) rows = Math.min(MAX, Math.ceil(rows * 1.5));
    },
    shrink,
  };
}
