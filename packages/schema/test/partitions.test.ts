import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';
import { dropExpiredOutbox, ensurePartitions, sqlState } from '../src/index.ts';

const { db, owner } = await createTestDatabase(t);

const ID = '018f0000-0000-7000-8000-0000000000';

async function insertEvent(id: string, createdAt: Date, sentAt: Date | null): Promise<void> {
  await db.query(
    `insert into outbox_events (id, type, subject, actor, data, occurred_at, created_at, sent_at)
     values ($1, 'commission.paid', '{}', '{}', '{}', $2, $2, $3)`,
    [id, createdAt, sentAt],
  );
}

async function partitionOf(table: string, id: string): Promise<string | undefined> {
  const [row] = await db.query<{ name: string }>(
    `select tableoid::regclass::text as name from ${table} where id = $1`,
    [id],
  );
  return row?.name;
}

t.test('a migrated database has partitions for today and the week to come', async (t) => {
  const [row] = await owner.query<{ outbox: boolean; clicks: boolean }>(
    `select to_regclass('outbox_events_p' || to_char(now() at time zone 'UTC' + interval '6 days', 'YYYYMMDD')) is not null as outbox,
       to_regclass('referral_clicks_p' || to_char(now() at time zone 'UTC', 'YYYYMM')) is not null as clicks`,
  );
  t.same(row, { outbox: true, clicks: true });
});

t.test('partitions are made from the first moment to the last, once, in UTC', async (t) => {
  const at = new Date('2031-01-30T23:30:00Z');
  t.equal(await ensurePartitions(db, at, 3), 4 + 2);
  t.equal(await ensurePartitions(db, at, 3), 0);
  await insertEvent(`${ID}01`, new Date('2031-01-31T00:00:00.000Z'), null);
  await insertEvent(`${ID}02`, new Date('2031-01-30T23:59:59.999Z'), null);
  t.equal(await partitionOf('outbox_events', `${ID}01`), 'outbox_events_p20310131');
  t.equal(await partitionOf('outbox_events', `${ID}02`), 'outbox_events_p20310130');
});

t.test('rows without a partition are kept, and move into it when it is made', async (t) => {
  const at = new Date('2032-02-29T12:00:00Z');
  await insertEvent(`${ID}03`, at, null);
  await db.query(
    `insert into referral_clicks (id, referral_code, status, clicked_at) values ($1, 'CODE', 'invalid', $2)`,
    [`${ID}03`, at],
  );
  t.equal(await partitionOf('outbox_events', `${ID}03`), 'outbox_events_default');
  t.equal(await partitionOf('referral_clicks', `${ID}03`), 'referral_clicks_default');
  await ensurePartitions(db, at, 0);
  t.equal(await partitionOf('outbox_events', `${ID}03`), 'outbox_events_p20320229');
  t.equal(await partitionOf('referral_clicks', `${ID}03`), 'referral_clicks_p203202');
});

t.test('partitions that many make at once are made once', async (t) => {
  const at = new Date('2033-01-01T00:00:00Z');
  const made = await Promise.all(Array.from({ length: 6 }, () => ensurePartitions(db, at, 1)));
  t.equal(
    made.reduce((sum, count) => sum + count, 0),
    3,
  );
});

t.test('expired outbox partitions go, save those that hold an unsent event', async (t) => {
  await ensurePartitions(db, new Date('2020-05-01T00:00:00Z'), 2);
  const sent = new Date('2020-05-01T10:00:01Z');
  await insertEvent(`${ID}11`, new Date('2020-05-01T10:00:00Z'), sent);
  await insertEvent(`${ID}12`, new Date('2020-05-02T10:00:00Z'), null);
  await insertEvent(`${ID}13`, new Date('2020-05-03T10:00:00Z'), sent);
  await insertEvent(`${ID}14`, new Date('2019-05-03T10:00:00Z'), sent);
  await insertEvent(`${ID}15`, new Date('2019-05-03T10:00:00Z'), null);
  t.equal(await dropExpiredOutbox(db, new Date('2020-05-03T23:59:59Z')), 1);
  const left = `select right(id::text, 2) as id from outbox_events where created_at < '2021-01-01' order by id`;
  t.same(await db.query(left), [{ id: '12' }, { id: '13' }, { id: '15' }]);
  t.equal(await dropExpiredOutbox(db, new Date('2020-05-04T00:00:00Z')), 1);
  t.same(await db.query(left), [{ id: '12' }, { id: '15' }]);
});

t.test('events younger than 72 hours are never dropped', async (t) => {
  const error: unknown = await dropExpiredOutbox(db, new Date(Date.now() - 71 * 3_600_000)).catch(
    (reason: unknown) => reason,
  );
  t.equal(sqlState(error), '22023');
});

t.test('the services cannot make tables, nor partitions of other tables', async (t) => {
  for (const statement of [
    'create table own (id int)',
    `select add_partition('outbox_events', 'created_at', 'x', now(), now())`,
    'drop table outbox_events_default',
    'alter table commissions add column x int',
  ]) {
    const error: unknown = await db.query(statement).catch((reason: unknown) => reason);
    t.equal(sqlState(error), '42501', statement);
  }
});
