import { type ServiceApp } from '@tributary/http-kit';
import { connectMessaging, createPublisher } from '@tributary/messaging';
import { createHealth, createLogger, createMetrics } from '@tributary/runtime';
import {
  createTestDatabase,
  identityHeaders,
  insertUser,
  testIdentityKey,
  testNats,
  type TestIdentity,
  type TestScope,
} from '@tributary/testkit';
import { connect, type Database } from '@tributary/schema';
import { buildApp, SERVICE } from '../src/app.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- what an answer holds is what the assertions check
type Json = any;

export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  text: string;
  /** Parsed; each test knows what it asked for. */
  body: Json;
}

export type Call = (
  method: 'GET' | 'POST' | 'PATCH',
  url: string,
  options?: { body?: unknown; as?: Partial<TestIdentity>; headers?: Record<string, string> },
) => Promise<Answer>;

interface StartOptions {
  readonly nats?: boolean;
  /** Where the service looks for its database, made of where that is. */
  readonly database?: (serviceUrl: string) => string;
}

/** The service on a database and NATS namespace of its own, and a way to call it as somebody. */
export async function startOperations(t: TestScope, { nats = true, database }: StartOptions = {}) {
  const { db, owner, serviceUrl } = await createTestDatabase(t);
  const used =
    database === undefined ? db : connect({ url: database(serviceUrl), applicationName: 'elsewhere' });
  // A database that is not there is what such a test is about.
  const logger = createLogger({ service: SERVICE, level: database === undefined ? 'error' : 'fatal' });
  const metrics = createMetrics({ service: SERVICE });
  const at = nats ? testNats(t) : { url: 'nats://127.0.0.1:1', namespace: 'nowhere' };
  const messaging = connectMessaging({ ...at, name: SERVICE, logger, metrics });
  const publisher = createPublisher({ messaging, db: used });
  const health = createHealth({
    checks: {
      postgres: { check: () => used.ping(), required: true },
      nats: { check: () => messaging.check() },
    },
  });
  const { app, forgetSettings } = await buildApp({
    db: used,
    messaging,
    logger,
    metrics,
    health,
    publish: (events) => publisher.publish(events),
    clock: () => new Date(),
    identityKey: testIdentityKey(SERVICE),
    reportingTimeZone: 'UTC',
  });
  t.teardown(async () => {
    await app.close();
    await publisher.stop();
    await messaging.close();
    if (used !== db) await used.close();
  });
  await app.ready();
  const user = await insertUser(db, { name: 'Ada Admin' });
  const call = callerOf(app, { id: user.id, name: user.name });
  return { app, db, owner, serviceUrl, messaging, metrics, user, call, forgetSettings };
}

function callerOf(app: ServiceApp, caller: { id: string; name: string }): Call {
  return async (method, url, { body, as = {}, headers = {} } = {}) => {
    const answer = await app.inject({
      method,
      url,
      headers: { ...identityHeaders({ service: SERVICE, ...caller, ...as }), ...headers },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    const json = String(answer.headers['content-type']).includes('json');
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text: answer.body,
      body: json ? JSON.parse(answer.body) : undefined,
    };
  };
}

export interface AuditRow {
  action: string;
  actor: string;
  userId: string | null;
  changes: { field: string; oldValue: unknown; newValue: unknown }[];
  ipAddress: string;
  userAgent: string;
}

/** What was recorded of one entity. */
export async function auditOf(db: Database, entityType: string, entityId: string) {
  return db.query<AuditRow>(
    `SELECT action, actor, user_id, changes, ip_address, user_agent FROM audit_logs
     WHERE entity_type = $1 AND entity_id = $2 ORDER BY id`,
    [entityType, entityId],
  );
}

/** The types of the events about one entity, in their order. */
export async function eventsOf(db: Database, key: string, id: string) {
  const rows = await db.query<{ type: string }>(
    `SELECT type FROM outbox_events WHERE subject ->> $1 = $2 ORDER BY id`,
    [key, id],
  );
  return rows.map(({ type }) => type);
}
