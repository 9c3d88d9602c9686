import { setTimeout as pause } from 'node:timers/promises';

import { exampleEvent, type EventEnvelope, type StoredEvent } from '@tributary/event-catalog';
import { connectMessaging, createPublisher, publishUnrecorded } from '@tributary/messaging';
import { createLogger, createMetrics } from '@tributary/runtime';
import { connect, type Database } from '@tributary/schema';
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

export async function startEventFeed({ environment, serviceUrl }: BenchServers): Promise<EventFeed> {
  const logger = createLogger({ service: 'bench', level: 'warn' });
  const messaging = connectMessaging({
    url: environment['NATS_URL'] ?? '',
    name: 'bench',
    logger,
    metrics: createMetrics({ service: 'bench' }),
  });
  const db: Database = connect({ url: serviceUrl, applicationName: 'bench-feed' });
  await messaging.whenLive(AbortSignal.timeout(10_000));
  const publisher = createPublisher({ messaging, db });
  return {
    publish: async (events) =>
      void (await Promise.all(events.map((event) => publishUnrecorded(messaging, event)))),
    async commit(events) {
      const rows = await db.query<{ id: string; createdAt: Date }>(COMMIT, [events]);
      const at = performance.timeOrigin + performance.now();
      const createdAt = rows[0]?.createdAt ?? new Date();
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

/** Calls `send` with numbers from 0, evenly, so often a second for so many seconds. Does not wait for what it calls. */
export async function atRate(
  perSecond: number,
  seconds: number,
  send: (index: number) => Promise<unknown>,
): Promise<void> {
  const began = performance.now();
  const sent: Promise<unknown>[] = [];
  while (sent.length < perSecond * seconds) {
    const due = Math.min(((performance.now() - began) / 1_000) * perSecond, perSecond * seconds);
    while (sent.length < due) sent.push(send(sent.length));
    await pause(1);
  }
  await Promise.all(sent);
}
