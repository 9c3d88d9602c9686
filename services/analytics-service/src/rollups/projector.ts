import { defineConsumer, runConsumer } from '@tributary/messaging';
import type { ConsumerDefinition, Messaging } from '@tributary/messaging';
import { createLease, runWithLease } from '@tributary/runtime';
import type { LeasedLoop, Logger } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { recompute } from '@tributary/rollups';
import type { KeySet } from '@tributary/rollups';
import {
  addOriginals,
  addRefunded,
  COMMISSION_EVENTS,
  CONVERSION_EVENTS,
  keysOfCommissions,
  keysOfConversions,
} from './dirty-keys.ts';
import { followProgress } from './progress.ts';
import { queueRebuildWhereBehind } from './definition.ts';

export interface ProjectorDeps {
  readonly db: Database;
  readonly messaging: Messaging;
  readonly logger: Logger;
  /** Unique per process; names the holder of the lease. */
  readonly holder: string;
  readonly leaseTtlMs?: number;
}

/**
 * Events wait this long for company: a hot key is then recomputed twice a second at most, and a change is in the
 * figures within a second: 500 ms here, 20 ms from commit to broker, and 50 to 150 ms for each of two recomputations.
 */
const GATHER_MS = 500;

/** A backlog is read in batches of this size, without waiting. */
const BATCH_SIZE = 5_000;

const LEASE_TTL_MS = 3_000;

/**
 * Keeps the rollups up to date from events, in one process at a time. Correctness does not hang on the lease (see the
 * functions' lock): it only saves two processes from recomputing the same keys.
 */
export function startProjector(deps: ProjectorDeps): LeasedLoop {
  const { db, messaging, logger, holder, leaseTtlMs: ttlMs = LEASE_TTL_MS } = deps;
  const lease = createLease({ db, name: 'analytics-projector', holder, ttlMs });
  const consumers = projections(db);
  return runWithLease({
    lease,
    logger,
    retryMs: Math.ceil(ttlMs / 3),
    run: async (_held, signal) => {
      await queueRebuildWhereBehind(db, logger);
      const running = consumers.map((definition) => runConsumer({ messaging, db }, definition));
      const progress = followProgress({ db, messaging, logger, consumers }, signal);
      try {
        await aborted(signal);
      } finally {
        await Promise.all([progress, ...running.map((consumer) => consumer.stop())]);
      }
    },
  });
}

/** A batch is acknowledged once its keys are recomputed, and an event that is delivered again only costs time. */
function projections(db: Database): ConsumerDefinition[] {
  const shared = { gatherMs: GATHER_MS, batchSize: BATCH_SIZE };
  return [
    defineConsumer({
      ...shared,
      name: 'analytics-commissions',
      types: COMMISSION_EVENTS,
      handleBatch: async (events) => {
        const keys = keysOfCommissions(events);
        await addOriginals(db, events, keys);
        await recomputeAll(db, keys);
      },
    }),
    defineConsumer({
      ...shared,
      name: 'analytics-conversions',
      types: CONVERSION_EVENTS,
      handleBatch: async (events) => {
        const keys = keysOfConversions(events);
        await addRefunded(db, events, keys);
        await recomputeAll(db, keys);
      },
    }),
  ];
}

async function recomputeAll(db: Database, byProgram: ReadonlyMap<string, KeySet>): Promise<void> {
  for (const [programId, keys] of byProgram) await recompute(db, programId, keys);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
