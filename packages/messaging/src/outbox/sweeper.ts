import { STREAMS } from '@tributary/event-catalog';
import { createLease, newId, runWithLease } from '@tributary/runtime';
import type { Database } from '@tributary/schema';

import type { Messaging } from '../connection.ts';
import { atMostEvery, pause } from '../pause.ts';
import { publishGroup } from '../transport.ts';
import { markSent } from './sent-marks.ts';
import { assessStream, notePosition, observeStreams } from './stream-losses.ts';
import { countUnsent, listUnsent, markUnsentSince, SWEEP_START, type SweepPosition } from './unsent.ts';
import { managerOf } from '../streams.ts';

export interface SweeperDeps {
  readonly messaging: Messaging;
  readonly db: Pick<Database, 'query'>;
}

export interface Sweeper {
  stop(): Promise<void>;
}

const BATCH = 500;
const SWEEP_EVERY_MS = 1_000;
const OBSERVE_EVERY_MS = 10_000;
const LEASE_TTL_MS = 10_000;
const LOG_EVERY_MS = 30_000;

/**
 * Publishes what the processes that wrote it did not: after a crash, an outage of NATS, or the loss of a stream's end.
 * Every process may start one; a lease lets one work at a time.
 */
export function startSweeper(deps: SweeperDeps): Sweeper {
  const { messaging, db } = deps;
  const holder = `${messaging.names.namespace}:${newId()}`;
  const lease = createLease({ db, name: leaseName(messaging), holder, ttlMs: LEASE_TTL_MS });
  return runWithLease({
    lease,
    logger: messaging.logger,
    retryMs: SWEEP_EVERY_MS * 2,
    run: (_held, signal) => sweepUntil(deps, signal),
  });
}

/** Processes with another namespace publish the same rows elsewhere, so they must not hinder one another. */
function leaseName(messaging: Messaging): string {
  const { namespace } = messaging.names;
  return namespace === '' ? 'outbox-sweeper' : `outbox-sweeper:${namespace}`;
}

async function sweepUntil(deps: SweeperDeps, signal: AbortSignal): Promise<void> {
  const { messaging, db } = deps;
  const sayFailed = atMostEvery(LOG_EVERY_MS);
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (err) {
      sayFailed(() =>
        messaging.logger.warn({ err }, 'the sweep of the outbox failed; tried again in a second'),
      );
    }
  };
  const repair = repairWhenDue(deps, signal);
  try {
    while (!signal.aborted) {
      // Apart, so that trouble with a stream's description never keeps events from being sent.
      await attempt(repair);
      await attempt(() => sweepOnce(deps, signal));
      await attempt(async () => messaging.metrics.outboxPending.set(await countUnsent(db)));
      await pause(SWEEP_EVERY_MS, signal);
    }
  } finally {
    messaging.metrics.outboxPending.set(0);
  }
}

/** Looks at the streams every ten seconds, and at once after each time the connection came up. */
function repairWhenDue(deps: SweeperDeps, signal: AbortSignal): () => Promise<void> {
  const { messaging } = deps;
  let observedEpoch: number | undefined;
  let observedAt = -Infinity;
  return async () => {
    const { epoch, live } = messaging;
    const suspicious = epoch !== observedEpoch;
    if (live === undefined || (!suspicious && performance.now() - observedAt < OBSERVE_EVERY_MS)) return;
    await repairStreams(deps, suspicious, signal);
    observedEpoch = epoch;
    observedAt = performance.now();
  };
}

/**
 * Publishes all unsent rows once, oldest first, in groups of 500. What fails (too large for the server, say) is passed by
 * and stays for the next sweep.
 * @returns how many were acknowledged
 */
export async function sweepOnce({ messaging, db }: SweeperDeps, signal: AbortSignal): Promise<number> {
  let position: SweepPosition = SWEEP_START;
  let total = 0;
  while (!signal.aborted && messaging.live !== undefined) {
    const { live: connection, epoch } = messaging;
    const events = await listUnsent(db, position, BATCH);
    const last = events.at(-1);
    if (last === undefined) break;
    const sent = await publishGroup(messaging, connection, events);
    const failed = sent.find((one) => one.outcome === 'failed');
    if (failed !== undefined) {
      const { event, error: err } = failed;
      messaging.logger.warn(
        { err, eventId: event.id, type: event.type },
        'the outbox holds an event that was not taken',
      );
    }
    if (messaging.epoch !== epoch) break;
    const acknowledged = sent.filter((one) => one.outcome === 'acknowledged').map((one) => one.event);
    await markSent(db, acknowledged);
    total += acknowledged.length;
    if (acknowledged.length === 0 || events.length < BATCH) break;
    position = { createdAt: last.createdAt, id: last.id };
  }
  return total;
}

/**
 * Compares the streams with what is noted of them, marks what they lost as unsent, and notes how they stand now.
 * @param suspicious the server, or this process, was away since the last look
 */
export async function repairStreams(
  { messaging, db }: SweeperDeps,
  suspicious: boolean,
  signal: AbortSignal,
): Promise<void> {
  const connection = messaging.live;
  if (connection === undefined) return;
  // Someone may have deleted a stream while the connection lasted.
  await messaging.provision();
  const jsm = await managerOf(connection);
  for (const { name, info, position } of await observeStreams(db, jsm, messaging.names)) {
    const loss = await assessStream(jsm, info, position, suspicious);
    if (loss.outcome === 'lost') {
      const since = loss.since instanceof Date ? loss.since.toISOString() : loss.since;
      const families = STREAMS[name].subjects.map((subject) => subject.split('.')[0] ?? subject);
      const events = await markUnsentSince(db, { since, families }, signal);
      if (signal.aborted) return;
      messaging.logger.info(
        { stream: name, since, events },
        'events may be missing from a stream and are published again',
      );
    }
    await notePosition(db, info);
  }
}
