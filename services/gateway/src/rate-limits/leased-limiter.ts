import { LRUCache } from 'lru-cache';
import type { SharedCounter } from './redis-counter.ts';

/** Limits from here on are leased in blocks; smaller ones are counted exactly. */
const LEASED_FROM = 1_000;
/** A hundredth of the limit at a time: two gateways differ from one by at most a block each. */
const BLOCKS_PER_LIMIT = 100;
/** After a failure Redis is left alone for this long, so that not every request waits for its time-out. */
const REST_AFTER_FAILURE_MS = 1_000;
/** Principals remembered per process; about 200 bytes each. */
const MAX_KEYS = 100_000;

/** The outcome for one request: its place in the window (over the limit when greater than it). */
export interface Placement {
  readonly position: number;
  readonly ttlMs: number;
  /** True when Redis could not be asked and this process counted alone. */
  readonly local: boolean;
}

interface Window {
  /** Highest position handed out or known to be taken. */
  position: number;
  /** Positions up to here are ours to hand out without asking. */
  leasedTo: number;
  endsAt: number;
  /** Requests that have no place yet. Those of a small limit are counted together, exactly as many as there are. */
  waiting: number;
  refill: Promise<void> | undefined;
  local: boolean;
}

export interface LimiterDeps {
  readonly counter: SharedCounter;
  readonly clock: () => Date;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Counts requests per key and window. Big limits are leased from Redis in blocks, so that most requests cost no round
 * trip; a key known to be over its limit is refused without one until its window ends. While Redis is away each process
 * goes on counting by itself from where it stands. Redis emptied: the positions this process has handed out still count.
 */
export function createLeasedLimiter(deps: LimiterDeps) {
  const windows = new LRUCache<string, Window>({ max: MAX_KEYS });
  let restUntil = 0;

  function openWindow(key: string, endsAt: number): Window {
    const window: Window = { position: 0, leasedTo: 0, endsAt, waiting: 0, refill: undefined, local: false };
    windows.set(key, window);
    return window;
  }

  async function lease(key: string, window: Window, limit: number, windowMs: number): Promise<void> {
    const block = limit >= LEASED_FROM ? Math.ceil(limit / BLOCKS_PER_LIMIT) : window.waiting;
    try {
      const { total, ttlMs } = await deps.counter.add(key, block, windowMs);
      window.position = Math.max(window.position, total - block);
      window.leasedTo = Math.max(total, window.position + block);
      window.endsAt = deps.clock().getTime() + ttlMs;
      window.local = false;
    } catch (error) {
      restUntil = deps.clock().getTime() + REST_AFTER_FAILURE_MS;
      window.local = true;
      deps.onFailure(error);
    } finally {
      window.refill = undefined;
    }
  }

  function place(window: Window, now: number, local: boolean): Placement {
    window.position += 1;
    return { position: window.position, ttlMs: Math.max(0, window.endsAt - now), local };
  }

  async function wait(key: string, window: Window, limit: number, windowMs: number): Promise<Placement> {
    window.waiting += 1;
    try {
      do {
        window.refill ??= lease(key, window, limit, windowMs);
        await window.refill;
      } while (!window.local && window.position >= window.leasedTo && window.position <= limit);
      return place(window, deps.clock().getTime(), window.local);
    } finally {
      window.waiting -= 1;
    }
  }

  /** Synchronous where no round trip is needed, which is nearly always for a leased limit. */
  function take(key: string, limit: number, windowMs: number): Placement | Promise<Placement> {
    const now = deps.clock().getTime();
    const known = windows.get(key);
    const window = known === undefined || known.endsAt <= now ? openWindow(key, now + windowMs) : known;
    if (window.position < window.leasedTo || window.position > limit) return place(window, now, false);
    if (now < restUntil) return place(window, now, true);
    return wait(key, window, limit, windowMs);
  }

  /** Whether this process knows that the next request of a key would be over the limit. Counts nothing. */
  function isSpent(key: string, limit: number): boolean {
    const window = windows.peek(key);
    return window !== undefined && window.position >= limit && window.endsAt > deps.clock().getTime();
  }

  return { take, isSpent };
}

export type LeasedLimiter = ReturnType<typeof createLeasedLimiter>;
