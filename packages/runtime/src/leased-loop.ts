import { setTimeout as delay } from 'node:timers/promises';
import type { HeldLease, Lease } from './lease.ts';
import type { Logger } from './logger.ts';

export interface LeasedWork {
  readonly lease: Lease;
  readonly logger: Logger;
  /**
   * The work, for as long as it likes. It must end soon after `signal` aborts: the lease is then lost or the process
   * is stopping. When it returns or throws, the lease is given back and sought again after `retryMs`.
   */
  readonly run: (held: HeldLease, signal: AbortSignal) => Promise<void>;
  /** How long to wait before trying for the lease again; a third of its ttl by default. */
  readonly retryMs?: number;
}

export interface LeasedLoop {
  /** Aborts the work, waits for it to end and gives the lease back. */
  stop(): Promise<void>;
}

/** Keeps `run` running in exactly one of the processes that call this with the same lease. */
export function runWithLease(work: LeasedWork): LeasedLoop {
  const stopping = new AbortController();
  const finished = seek(work, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await finished;
    },
  };
}

async function seek(work: LeasedWork, stopping: AbortSignal): Promise<void> {
  const { lease, logger } = work;
  const retryMs = work.retryMs ?? Math.ceil(lease.ttlMs / 3);
  while (!stopping.aborted) {
    try {
      const held = await lease.acquire();
      if (held !== undefined) await hold(work, held, stopping);
    } catch (err) {
      logger.warn({ err, lease: lease.name }, 'leased work failed and is tried again');
    }
    await pause(retryMs, stopping);
  }
}

async function hold(work: LeasedWork, held: HeldLease, stopping: AbortSignal): Promise<void> {
  const lost = new AbortController();
  const signal = AbortSignal.any([stopping, lost.signal]);
  const done = new AbortController();
  const renewing = keepRenewing(work, held, { lost, until: done.signal });
  try {
    await work.run(held, signal);
  } finally {
    done.abort();
    await renewing;
    if (!lost.signal.aborted) await giveBack(work, held);
  }
}

/**
 * Renews at a third of the ttl. Two thirds after the last success the work is told to stop, whatever the reason
 * (Postgres away, a stalled event loop): the last third is its time to do so before another may begin.
 */
async function keepRenewing(
  { lease, logger }: LeasedWork,
  held: HeldLease,
  { lost, until }: { lost: AbortController; until: AbortSignal },
): Promise<void> {
  const giveUpAfterMs = (lease.ttlMs * 2) / 3;
  let renewedAt = performance.now();
  while (!until.aborted && !lost.signal.aborted) {
    const leftMs = renewedAt + giveUpAfterMs - performance.now();
    // A timer may fire a little early: then it is only that little which is waited for once more, not another third.
    await pause(Math.max(0, Math.min(lease.ttlMs / 3, leftMs)), until);
    if (until.aborted) return;
    const askedAt = performance.now();
    const outcome = await renewWithin(lease, held, giveUpAfterMs - (askedAt - renewedAt));
    if (outcome === 'renewed') renewedAt = askedAt;
    if (outcome === 'taken' || performance.now() - renewedAt >= giveUpAfterMs) {
      logger.warn({ lease: lease.name, outcome }, 'lease lost');
      lost.abort(new Error(`lease ${lease.name} lost`));
    }
  }
}

async function renewWithin(
  lease: Lease,
  held: HeldLease,
  ms: number,
): Promise<'renewed' | 'taken' | 'failed'> {
  const tooLate = new AbortController();
  const renewal = lease.renew(held).then(
    (kept) => (kept ? ('renewed' as const) : ('taken' as const)),
    () => 'failed' as const,
  );
  const timeout = pause(Math.max(0, ms), tooLate.signal).then(() => 'failed' as const);
  const outcome = await Promise.race([renewal, timeout]);
  tooLate.abort();
  return outcome;
}

async function giveBack({ lease, logger }: LeasedWork, held: HeldLease): Promise<void> {
  try {
    await lease.release(held);
  } catch (err) {
    logger.warn({ err, lease: lease.name }, 'lease could not be given back and will expire');
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // Aborted: the caller looks at the signal.
  }
}
