import { setTimeout as pause } from 'node:timers/promises';

import { exampleEvent, type EventEnvelope, type StoredEvent } from '@tributary/event-catalog';
import { connectMessaging, createPublisher, publishUnrecorded } from '@tributary/messaging';
import { createLogger, createMetrics } from '@tributary/runtime';
import { connect, DatabaseUnavailableError, type Database } from '@tributary/schema';
import { uuidv7 } from 'uuidv7';

import type { BenchServers } from '../rows/bench-servers.ts';

/** What the services that change commissions do for webhooks: events committed to the outbox, then published. */
export interface EventFeed {
  /** Straight to their stream. */
  publish(events: readonly EventEnvelope[]): Promise<void>;
  /** Commits to the outbox, then hands over to the product's publisher; answers when the commit was known, on the clock of arrivals. */
  commit(events: readonly EventEnvelope[]): Promise<number>;
  stop(): Promise<void>;
}

const COMMIT = `
  INSERT INTO outbox_events (id, type, subject, actor, data, occurred_at)
  SELECT id, type, subject, actor, data, "occurredAt"
  FROM jsonb_to_recordset($1::jsonb)
    AS e (id uuid, type text, subject jsonb, actor jsonb, data jsonb, "occurredAt" timestamptz)
  RETURNING id, created_at`;

const FIND = 'SELECT id, created_at FROM outbox_events WHERE id = ANY ($1::uuid[])';

const LIVE_WITHIN_MS = 60_000;
const RETRY_MS = 100;

export async function startEventFeed({ environment, serviceUrl }: BenchServers): Promise<EventFeed> {
  const logger = createLogger({ service: 'bench', level: 'warn' });
  const messaging = connectMessaging({
    url: environment['NATS_URL'] ?? '',
    name: 'bench',
    logger,
    metrics: createMetrics({ service: 'bench' }),
  });
  const db: Database = connect({ url: serviceUrl, applicationName: 'bench-feed' });
  const live = await messaging.whenLive(AbortSignal.timeout(LIVE_WITHIN_MS));
  if (live === undefined) throw new Error(`NATS did not answer within ${LIVE_WITHIN_MS} ms`);
  const publisher = createPublisher({ messaging, db });
  return {
    publish: async (events) =>
      void (await Promise.all(events.map((event) => publishUnrecorded(messaging, event)))),
    async commit(events) {
      const createdAt = await commitInTheEnd(db, events);
      const at = performance.timeOrigin + performance.now();
      publisher.publish(events.map((event): StoredEvent => ({ ...event, createdAt })));
      return at;
    },
    async stop() {
      await publisher.stop();
      await messaging.close();
      await db.close();
    },
  };
}

/** However busy the database is: what is measured starts with the commit, so waiting for it changes no figure. */
async function commitInTheEnd(db: Database, events: readonly EventEnvelope[]): Promise<Date> {
  let mayBeThere = false;
  for (;;) {
    try {
      const ids = events.map(({ id }) => id);
      const found = mayBeThere ? await db.query<{ createdAt: Date }>(FIND, [ids]) : [];
      const rows = found.length > 0 ? found : await db.query<{ createdAt: Date }>(COMMIT, [events]);
      return rows[0]?.createdAt ?? new Date();
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError)) throw error;
      mayBeThere ||= error.outcomeUnknown;
      await pause(RETRY_MS);
    }
  }
}

/** The catalogue's example of an adjustment, as something that happened to this partner now. */
export function adjustmentOf(partnerId: string): EventEnvelope {
  const example = exampleEvent('commission.adjusted');
  return {
    ...example,
    id: uuidv7(),
    occurredAt: new Date().toISOString(),
    subject: { ...example.subject, partnerId },
    data: { ...example.data, partnerId },
  };
}

/**
 * Calls `send` with numbers from 0, evenly, so often a second for so many seconds. Does not wait for what it calls until all
 * are made.
 * @throws what the first of them that failed threw, at the end
 */
export async function atRate(
  perSecond: number,
  seconds: number,
  send: (index: number) => Promise<unknown>,
): Promise<void> {
  const began = performance.now();
  const sent: Promise<unknown>[] = [];
  while (sent.length < perSecond * seconds) {
    const due = Math.min(((performance.now() - began) / 1_000) * perSecond, perSecond * seconds);
    while (sent.length < due) {
      const sending = send(sent.length);
      // Seen at the end; a rejection that nobody awaits meanwhile would end the process.
      sending.catch(() => undefined);
      sent.push(sending);
    }
    await pause(1);
  }
  await Promise.all(sent);
}
