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
// From 5,000 on a chunk only holds more locks for longer: the rows per second no longer grow.
const MAX = 5_000;
/** No chunk should pass 1.5 s, so one that comes near is halved; below half a second there is room to grow. */
const NEAR_MS = 900;
const ROOM_MS = 450;

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
