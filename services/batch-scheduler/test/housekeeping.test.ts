import {
  createTestDatabase,
  insertClick,
  insertCommission,
  insertPartner,
  insertRow,
  insertUser,
  waitFor,
} from '@tributary/testkit';
import { newId } from '@tributary/commissions';
import { createMetrics } from '@tributary/runtime';
import t from 'tap';
import { keepMeasuring } from '../src/gauges/keep-measuring.ts';
import { measureWhole, wholeGauges } from '../src/gauges/measure.ts';
import { ada, logger, queueJob, readJob, startRunner, untilEnded } from './harness.ts';

const DAY_MS = 86_400_000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS);

t.test('partitions are made days ahead, and outbox days that all streams have had are dropped', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  const partitions = async () => {
    const rows = await owner.query<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'outbox_events'::regclass ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  };
  const dayOf = (date: Date) => date.toISOString().slice(0, 10).replaceAll('-', '');
  await db.query('SELECT ensure_partitions($1, 1)', [daysAgo(6)]);
  startRunner(t, db);
  const today = await untilEnded(db, await queueJob(db, 'maintain-partitions'));
  t.match(today, { status: 'succeeded', stats: { dropped: 2 } });
  t.notOk((await partitions()).includes(`outbox_events_p${dayOf(daysAgo(6))}`));
  t.ok((await partitions()).includes(`outbox_events_p${dayOf(daysAgo(0))}`));
  t.ok((await partitions()).includes(`outbox_events_p${dayOf(new Date(Date.now() + 7 * DAY_MS))}`));
});

t.test('what is kept for a time only goes, the rest stays', async (t) => {
  const { db } = await createTestDatabase(t);
  const user = await insertUser(db);
  const key = { principal: 'p', method: 'POST', path: '/x', bodyHash: 'h', status: 200, answer: {} };
  await insertRow(db, 'idempotencyKeys', { ...key, key: 'old', createdAt: daysAgo(1.1) });
  await insertRow(db, 'idempotencyKeys', { ...key, key: 'new', createdAt: daysAgo(0.9) });
  await insertRow(db, 'consumedEvents', { consumer: 'old', eventId: newId(), consumedAt: daysAgo(41) });
  await insertRow(db, 'consumedEvents', { consumer: 'new', eventId: newId(), consumedAt: daysAgo(39) });
  const token = { userId: user.id, familyId: newId() };
  await insertRow(db, 'refreshTokens', { ...token, id: newId(), tokenHash: 'old', expiresAt: daysAgo(8) });
  await insertRow(db, 'refreshTokens', { ...token, id: newId(), tokenHash: 'new', expiresAt: daysAgo(6) });
  const ended = {
    status: 'succeeded' as const,
    actor: ada,
    trigger: 'api' as const,
    name: 'bulk-commissions',
  };
  const old = await insertRow(db, 'jobs', {
    ...ended,
    id: newId(),
    createdAt: daysAgo(182),
    finishedAt: daysAgo(181),
  });
  const recent = await insertRow(db, 'jobs', {
    ...ended,
    id: newId(),
    createdAt: daysAgo(182),
    finishedAt: daysAgo(1),
  });
  await insertRow(db, 'jobResults', { jobId: old.id, itemId: 'a', success: true });
  await insertRow(db, 'jobResults', { jobId: recent.id, itemId: 'b', success: true });
  startRunner(t, db);
  const id = await queueJob(db, 'purge-expired');
  const job = await untilEnded(db, id);
  t.match(job, {
    status: 'succeeded',
    stats: {
      idempotency_keys: 1,
      consumed_events: 1,
      refresh_tokens: 1,
      webhook_deliveries: 0,
      job_results: 1,
      jobs: 1,
    },
  });
  t.match(await db.query('SELECT key FROM idempotency_keys'), [{ key: 'new' }]);
  t.match(await db.query('SELECT consumer FROM consumed_events'), [{ consumer: 'new' }]);
  t.match(await db.query('SELECT token_hash FROM refresh_tokens'), [{ tokenHash: 'new' }]);
  t.match(await db.query('SELECT item_id FROM job_results'), [{ itemId: 'b' }]);
  await t.rejects(readJob(db, old.id));
  t.match(await readJob(db, recent.id), { status: 'succeeded' });
});

t.test('clicks older than 90 days lose what could tell of a person, and keep what counts', async (t) => {
  const { db } = await createTestDatabase(t);
  const partner = await insertPartner(db);
  const personal = {
    userAgent: 'Mozilla',
    referrer: 'https://blog.example',
    visitorHash: 'v',
    fingerprintHash: 'f',
  };
  const click = (age: number) =>
    insertClick(db, { partnerId: partner.id, clickedAt: daysAgo(age), ...personal, subId: 's' });
  const [old, older, young] = [await click(91), await click(200), await click(89)];
  startRunner(t, db);
  t.match(await untilEnded(db, await queueJob(db, 'anonymise-clicks')), {
    status: 'succeeded',
    succeeded: 2,
  });
  const read = async (id: string) => {
    const [row] = await db.query(
      'SELECT user_agent, referrer, visitor_hash, fingerprint_hash, sub_id FROM referral_clicks WHERE id = $1',
      [id],
    );
    return row;
  };
  const nothing = { userAgent: null, referrer: null, visitorHash: null, fingerprintHash: null, subId: 's' };
  t.same(await read(old.id), nothing);
  t.same(await read(older.id), nothing);
  t.match(await read(young.id), personal);
  const late = await click(97);
  t.match(await untilEnded(db, await queueJob(db, 'anonymise-clicks')), {
    status: 'succeeded',
    succeeded: 1,
  });
  t.same(await read(late.id), nothing, 'one that was stored after the last run');
});

t.test('the gauges of the whole say what the tables say', async (t) => {
  const { db } = await createTestDatabase(t);
  await insertCommission(db);
  await insertCommission(db, { holdUntil: daysAgo(1) });
  await insertCommission(db, { status: 'confirmed' });
  await insertCommission(db, { status: 'paid' });
  const clicked = await insertPartner(db);
  const quiet = await insertPartner(db);
  const hour = (date: Date) => new Date(Math.floor(date.getTime() / 3_600_000) * 3_600_000);
  await insertRow(db, 'rollupClickHours', { hour: hour(daysAgo(29)), partnerId: clicked.id, validClicks: 3 });
  await insertRow(db, 'rollupClickHours', { hour: hour(daysAgo(31)), partnerId: quiet.id, validClicks: 3 });
  const metrics = createMetrics({ service: 'test' });
  const gauges = wholeGauges(metrics);
  await measureWhole(db, gauges, () => new Date());
  const text = await metrics.expose();
  t.match(text, /commissions_pending\{service="test"\} 2/);
  t.match(text, /commissions_in_progress\{service="test"\} 3/);
  t.match(text, /commissions_due_unconfirmed\{service="test"\} 1/);
  t.match(
    text,
    /active_partners_count\{service="test"\} 5/,
    'four partners who sold and one who was clicked',
  );
});

t.test('of two processes one measures, and the other takes over when it stops', async (t) => {
  const { db } = await createTestDatabase(t);
  await insertCommission(db);
  const processes = ['one', 'two'].map((holder) => {
    const metrics = createMetrics({ service: holder });
    const gauges = wholeGauges(metrics);
    const loop = keepMeasuring({ db, logger, clock: () => new Date(), holder, gauges });
    t.teardown(() => loop.stop());
    return { loop, pending: async () => (await gauges.pending.get()).values[0]?.value ?? 0 };
  });
  const sum = async () => {
    const values = await Promise.all(processes.map(({ pending }) => pending()));
    return values.reduce((total, value) => total + value, 0);
  };
  await waitFor(async () => (await sum()) === 1);
  const [first, second] = processes;
  const holder = (await first?.pending()) === 1 ? first : second;
  await holder?.loop.stop();
  t.equal(await holder?.pending(), 0);
  await waitFor(async () => (await sum()) === 1);
});
