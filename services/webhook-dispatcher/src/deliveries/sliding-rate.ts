/**
 * At most `perSecond` starts in any second, exactly: it remembers the last `perSecond` starts, and the next may come one
 * second after the oldest of them. A burst up to the rate passes at once. For rates below one, one start per window.
 */
export class SlidingRate {
  readonly #perSecond: number;
  readonly #windowMs: number;
  readonly #starts: Float64Array;
  #next = 0;

  constructor(perSecond: number, previous?: SlidingRate) {
    this.#perSecond = perSecond;
    const remembered = Math.max(1, Math.floor(perSecond));
    this.#windowMs = (remembered / perSecond) * 1000;
    this.#starts = new Float64Array(remembered).fill(Number.NEGATIVE_INFINITY);
    // A changed share must not forget what was sent just now.
    for (const start of previous?.recent(remembered) ?? []) this.take(start);
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  /** Milliseconds until a start is allowed; 0 when one is now. */
  waitMs(now: number): number {
    const oldest = this.#starts[this.#next] ?? Number.NEGATIVE_INFINITY;
    return Math.max(0, oldest + this.#windowMs - now);
  }

  take(now: number): void {
    this.#starts[this.#next] = now;
    this.#next = (this.#next + 1) % this.#starts.length;
  }

  /** Nothing it remembers restrains anybody any more. */
  isQuiet(now: number): boolean {
    const latest = this.#starts.at(this.#next - 1) ?? Number.NEGATIVE_INFINITY;
    return latest + this.#windowMs <= now;
  }

  /** The latest starts, oldest first. */
  recent(count: number): number[] {
    const ordered = [...this.#starts.subarray(this.#next), ...this.#starts.subarray(0, this.#next)];
    return ordered.slice(-count).filter((start) => Number.isFinite(start));
  }
}
