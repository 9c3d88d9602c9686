import { readPolicies } from '@tributary/commissions';
import type { Actor } from '@tributary/event-catalog';
import { connectMessaging, createPublisher, type Messaging } from '@tributary/messaging';
import { createLogger, createMetrics } from '@tributary/runtime';
import { connect, type Database, DEFAULT_PROGRAM, ensurePartitions } from '@tributary/schema';

import { storeCatalogue } from './catalogue/store-catalogue.ts';
import { DAYS, firstDayBefore, momentOf } from './history/calendar.ts';
import { planHistory } from './history/plan.ts';
import { playDay } from './history/play-day.ts';
import type { Scene } from './history/scene.ts';
import type { SeedOptions } from './index.ts';
import { OPERATOR_ADDRESS, OPERATOR_AGENT, type Operator } from './operator.ts';
import { PATIENT } from './patience.ts';
import { type Progress, writeProgress } from './progress.ts';

/** Partners are replayed side by side; on two cores more connections than this only wait for one another. */
const CONNECTIONS = 6;
const NATS_PATIENCE_MS = 5_000;
const FLUSH_TIMEOUT_MS = 20_000;
const DAYS_PER_LINE = 20;

/**
 * Commits of the seeding do not wait for the disk: a crash takes the newest away, in order, and with them the note that
 * their day is done; so the next start goes on from there.
 */
function connectPatiently(serviceUrl: string): Database {
  const url = new URL(serviceUrl);
  url.searchParams.set('synchronous_commit', 'off');
  for (const limit of ['statement_timeout', 'lock_timeout']) url.searchParams.set(limit, '60s');
  return connect({
    url: url.href,
    applicationName: 'tributary-demonstration',
    maxConnections: CONNECTIONS,
    ...PATIENT,
  });
}

const FIND_OPERATOR = 'SELECT id, name FROM users WHERE program_id = $1 AND lower(email) = lower($2)';
const FIND_SHOP = `SELECT id, name FROM api_keys WHERE program_id = $1 AND prefix = left($2, length(prefix)) ORDER BY created_at LIMIT 1`;

async function findActors(
  owner: Database,
  { admin, apiKey }: SeedOptions['accounts'],
): Promise<{ operator: Operator; shop: Actor }> {
  const [user] = await owner.query<{ id: string; name: string }>(FIND_OPERATOR, [
    DEFAULT_PROGRAM,
    admin.email,
  ]);
  const [key] = await owner.query<{ id: string; name: string }>(FIND_SHOP, [DEFAULT_PROGRAM, apiKey]);
  if (user === undefined || key === undefined) throw new Error('the demonstration lacks its accounts');
  return {
    operator: { ...user, ipAddress: OPERATOR_ADDRESS, userAgent: OPERATOR_AGENT },
    shop: { kind: 'api_key', ...key },
  };
}

/** Clicks lie in a partition per month. */
async function makePartitions(owner: Database, firstDay: Date): Promise<void> {
  const months = new Set<string>();
  for (let day = 0; day < DAYS; day += 1) months.add(momentOf(firstDay, day).toISOString().slice(0, 7));
  for (const month of months) await ensurePartitions(owner, new Date(`${month}-01T00:00:00Z`), 0);
}

async function connectNats({ natsUrl, natsNamespace }: SeedOptions): Promise<Messaging> {
  const messaging = connectMessaging({
    url: natsUrl,
    name: 'demonstration',
    namespace: natsNamespace,
    logger: createLogger({ service: 'devstack', level: 'silent' }),
    metrics: createMetrics({ service: 'devstack' }),
  });
  // Without NATS the events wait in the outbox, and the services' sweeper sends them.
  await messaging.whenLive(AbortSignal.timeout(NATS_PATIENCE_MS));
  return messaging;
}

interface Play {
  readonly owner: Database;
  readonly db: Database;
  readonly messaging: Messaging;
  readonly loginPartnerId: string;
  readonly progress: Progress | undefined;
}

async function playHistory(options: SeedOptions, play: Play): Promise<void> {
  const { owner, db, messaging, loginPartnerId } = play;
  const firstDay = new Date(play.progress?.firstDay ?? firstDayBefore(options.now ?? new Date()));
  let progress = play.progress ?? { firstDay: firstDay.toISOString(), daysDone: 0, shown: false };
  await writeProgress(owner, progress);
  const { operator, shop } = await findActors(owner, options.accounts);
  await makePartitions(owner, firstDay);
  const catalogue = await storeCatalogue({ db: owner, firstDay, operator }, loginPartnerId);
  const publisher = createPublisher({ messaging, db });
  const policies = await readPolicies(db, DEFAULT_PROGRAM);
  const source = { current: () => Promise.resolve(policies), forget: () => undefined };
  const deps: Scene['deps'] = { db, publish: (events) => publisher.publish(events), policies: source };
  const scene: Scene = { deps, catalogue, operator, shop };
  for (const plan of planHistory(firstDay).slice(progress.daysDone)) {
    if (options.signal?.aborted === true) break;
    await playDay(scene, plan);
    progress = { ...progress, daysDone: plan.day + 1 };
    await writeProgress(db, progress);
    if (progress.daysDone % DAYS_PER_LINE === 0) {
      options.log(`  ${progress.daysDone} of ${DAYS} days ...`);
      // Autovacuum comes a minute too late: until then all plans, the dashboards' first ones too, were made for empty tables.
      await owner.query('ANALYZE');
    }
  }
  await publisher.flush(FLUSH_TIMEOUT_MS);
  await publisher.stop();
  // The one commit that waits for the disk takes all before it along.
  await writeProgress(owner, progress);
}

/** Makes the demonstration programme, or goes on where an interrupted start left it. */
export async function seedProgramme(
  options: SeedOptions,
  found: Pick<Play, 'owner' | 'loginPartnerId' | 'progress'>,
): Promise<void> {
  const again = found.progress === undefined ? 'Making' : 'Going on to make';
  options.log(`${again} a demonstration programme: sixty days of clicks, orders and commissions ...`);
  const db = connectPatiently(options.serviceUrl);
  const messaging = await connectNats(options);
  try {
    await playHistory(options, { ...found, db, messaging });
  } finally {
    await messaging.close();
    await db.close();
  }
}
