/** How long an endpoint whose deliveries this process cannot sign is left to other dispatchers before the next try. */
const LEAVE_MS = 15_000;

/**
 * Endpoints that this process claims nothing of for now. What it has of theirs goes back as it was, and would be claimed
 * again at once if nothing were remembered. Times are those of `performance.now()`.
 */
export class LeftToOthers {
  readonly #until = new Map<string, number>();

  leave(endpointId: string, now: number): void {
    this.#until.set(endpointId, now + LEAVE_MS);
  }

  has(endpointId: string, now: number): boolean {
    return (this.#until.get(endpointId) ?? 0) > now;
  }

  /** Those left at this moment; forgets the others. */
  list(now: number): string[] {
    for (const [endpointId, until] of this.#until) if (until <= now) this.#until.delete(endpointId);
    return [...this.#until.keys()];
  }
}
