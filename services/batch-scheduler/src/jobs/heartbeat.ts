import type { Logger } from '@tributary/runtime';
import type { Interruption } from './declaration.ts';
import type { HeldJob } from './job-store.ts';

export interface Heartbeat {
  /** The lease was just renewed by another statement. */
  renewed(): void;
  stop(): void;
}

export interface HeartbeatDeps {
  readonly logger: Logger;
  readonly leaseMs: number;
  readonly renew: () => Promise<HeldJob | undefined>;
  readonly interrupt: (interruption: Interruption) => void;
}

/**
 * Renews a job's lease at a third of it and hears of cancellation. Two thirds after the last success the work is told to stop,
 * whatever the reason (Postgres away, a renewal without answer): the last third is its time to do so.
 */
export function startHeartbeat({ logger, leaseMs, renew, interrupt }: HeartbeatDeps): Heartbeat {
  let renewedAt = performance.now();
  let asking = false;

  async function ask(): Promise<void> {
    asking = true;
    const askedAt = performance.now();
    try {
      const held = await renew();
      if (held === undefined) return interrupt('lost');
      renewedAt = Math.max(renewedAt, askedAt);
      if (held.cancelRequested) interrupt('cancelled');
    } catch (err) {
      logger.warn({ err }, 'the lease of a job could not be renewed; tried again');
    } finally {
      asking = false;
    }
  }

  const timer = setInterval(() => {
    const age = performance.now() - renewedAt;
    if (age >= (leaseMs * 2) / 3) interrupt('lost');
    else if (age >= leaseMs / 3 && !asking) void ask();
  }, leaseMs / 12);
  return {
    renewed: () => {
      renewedAt = performance.now();
    },
    stop: () => clearInterval(timer),
  };
}
