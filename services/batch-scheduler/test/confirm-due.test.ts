import { newId } from '@tributary/commissions';
import { createTestDatabase, insertCommission, insertRow, waitFor } from '@tributary/testkit';
import type { Database } from '@tributary/schema';
import t from 'tap';
import { CONFIRM_DUE } from '../src/confirm-due/job.ts';
import {
  confirmedOnce,
  countConfirmed,
  insertDueCommissions,
  obstruct,
  queueJob,
  readResults,
  startRunner,
  untilEnded,
} from './harness.ts';

const HOUR_MS = 3_600_000;
const anHourAgo = () => new Date(Date.now() - HOUR_MS);

t.test(
  'confirms what is due and nothing else, by system:confirm-due-commissions, and says how many',
  async (t) => {
    const { db } = await createTestDatabase(t);
    await insertDueCommissions(db, 2_345);
    const early = await insertCommission(db, { holdUntil: new Date(Date.now() + HOUR_MS) });
    const held = await insertCommission(db, { holdUntil: anHourAgo(), reviewHold: true });
    startRunner(t, db);
    const id = await queueJob(db, CONFIRM_DUE, { trigger: 'manual' });
    const job = await untilEnded(db, id);
    t.match(job, { status: 'succeeded', total: 2_345, succeeded: 2_345, failed: 0, skipped: 0 });
    t.match(job.stats, { total: 2_345, confirmed: 2_345, failed: 0, skipped: 0, durationMs: Number });
    t.strictSame(await countConfirmed(db), confirmedOnce(2_345));
    const actors = await db.query(
      `SELECT DISTINCT actor, job_id FROM audit_logs WHERE entity_type = 'commission' AND action = 'confirmed'`,
    );
    t.same(actors, [{ actor: 'system:confirm-due-commissions', jobId: id }]);
    const rest = await db.query<{ id: string }>(
      `SELECT id FROM commissions WHERE status = 'pending' ORDER BY id`,
    );
    t.same(new Set(rest.map((row) => row.id)), new Set([early.id, held.id]));
  },
);

t.test(
  'a run by hand and a scheduled one at once, on two processes, confirm each commission once',
  async (t) => {
    const { db } = await createTestDatabase(t);
    await insertDueCommissions(db, 3_000);
    startRunner(t, db);
    startRunner(t, db);
    const ids = await Promise.all([
      queueJob(db, CONFIRM_DUE, { trigger: 'manual' }),
      queueJob(db, CONFIRM_DUE, { trigger: 'schedule' }),
    ]);
    const jobs = await Promise.all(ids.map((id) => untilEnded(db, id)));
    t.strictSame(await countConfirmed(db), confirmedOnce(3_000));
    t.equal(
      jobs.reduce((sum, { succeeded }) => sum + succeeded, 0),
      3_000,
    );
    // What the other has locked as one looks for the last time counts as skipped there.
    t.ok(jobs.every(({ failed }) => failed === 0));
  },
);

t.test(
  'commissions that cannot be confirmed keep no other from it, and are named in the results',
  async (t) => {
    const { db } = await createTestDatabase(t);
    await insertDueCommissions(db, 1_500);
    const [first, middle] = await Promise.all(
      [0, 700].map(async (offset) => {
        const [row] = await db.query<{ id: string; partnerId: string }>(
          'SELECT id, partner_id FROM commissions ORDER BY hold_until, id OFFSET $1 LIMIT 1',
          [offset],
        );
        if (row === undefined) throw new Error('no commission');
        await obstruct(db, row);
        return row.id;
      }),
    );
    startRunner(t, db);
    const id = await queueJob(db, CONFIRM_DUE);
    t.match(await untilEnded(db, id), {
      status: 'succeeded',
      total: 1_500,
      succeeded: 1_498,
      failed: 2,
      skipped: 0,
    });
    t.strictSame(await countConfirmed(db), confirmedOnce(1_498));
    const results = await readResults(db, id);
    t.same(new Set(results.map(({ itemId }) => itemId)), new Set([first, middle]));
    t.match(results[0], { success: false, code: 'RULE_VIOLATED', detail: /commission_entries/ });
  },
);

t.test('what is put under review while others are confirmed one by one stays as it is', async (t) => {
  const { db } = await createTestDatabase(t);
  await insertDueCommissions(db, 30);
  const [obstacle, held] = await db.query<{ id: string; partnerId: string }>(
    'SELECT id, partner_id FROM commissions ORDER BY hold_until, id LIMIT 2',
  );
  if (obstacle === undefined || held === undefined) throw new Error('no commissions');
  await obstruct(db, obstacle);
  const putUnderReview = (reviewHold: boolean) =>
    db.query('UPDATE commissions SET review_hold = $2, version = version + 1 WHERE id = $1', [
      held.id,
      reviewHold,
    ]);
  // Out of every chunk's reach, due when the page is read that it is on, and under review again right after that.
  await putUnderReview(true);
  const interrupted: Database = {
    ...db,
    async query<Row extends object>(...[text, params]: Parameters<Database['query']>) {
      const isPage = text.includes('(hold_until, id) >');
      if (isPage) await putUnderReview(false);
      const rows = await db.query<Row>(text, params);
      if (isPage) await putUnderReview(true);
      return rows;
    },
  };
  startRunner(t, interrupted);
  const job = await untilEnded(db, await queueJob(db, CONFIRM_DUE));
  t.match(job, { status: 'succeeded', failed: 1, succeeded: 28 });
  const [row] = await db.query('SELECT status, review_hold FROM commissions WHERE id = $1', [held.id]);
  t.same(row, { status: 'pending', reviewHold: true });
});

t.test('a commission that somebody holds locked is passed by and counted as skipped', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  await insertDueCommissions(db, 20);
  const [locked] = await db.query<{ id: string }>('SELECT id FROM commissions ORDER BY hold_until LIMIT 1');
  const lock = owner.query(
    'SELECT pg_sleep(60) FROM (SELECT id FROM commissions WHERE id = $1 FOR UPDATE) locked',
    [locked?.id ?? ''],
  );
  lock.catch(() => undefined);
  const [{ pid } = { pid: 0 }] = await waitFor(async () => {
    const rows = await owner.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()
       AND wait_event = 'PgSleep'`,
    );
    return rows.length > 0 ? rows : undefined;
  });
  startRunner(t, db);
  const job = await untilEnded(db, await queueJob(db, CONFIRM_DUE));
  t.match(job, { status: 'succeeded', total: 20, succeeded: 19, skipped: 1, failed: 0 });
  await owner.query('SELECT pg_terminate_backend($1)', [pid]);
  t.match(
    await untilEnded(db, await queueJob(db, CONFIRM_DUE)),
    { total: 1, succeeded: 1 },
    'the next run has it',
  );
});

t.test('a resumed run counts what was confirmed before its process was killed, said or not', async (t) => {
  const { db } = await createTestDatabase(t);
  await insertDueCommissions(db, 400);
  const id = newId();
  startRunner(t, db);
  await queueJob(db, CONFIRM_DUE, { id });
  await untilEnded(db, id);
  // As if the process had been killed after its last chunk, before saying so.
  await db.query(
    `UPDATE jobs SET status = 'running', finished_at = NULL, succeeded = 150, lease_until = now() - interval '1 second' WHERE id = $1`,
    [id],
  );
  const job = await untilEnded(db, id);
  t.match(job, { status: 'succeeded', attempts: 2, total: 400, succeeded: 400 });
  t.match(job.stats, { confirmed: 400 });
  t.strictSame(await countConfirmed(db), confirmedOnce(400));
});

t.test('while the switch is on, nothing is confirmed', async (t) => {
  const { db } = await createTestDatabase(t);
  await insertDueCommissions(db, 10);
  await insertRow(db, 'settings', { key: 'pauseBatchConfirmation', value: true });
  startRunner(t, db);
  const paused = await untilEnded(db, await queueJob(db, CONFIRM_DUE));
  t.match(paused, { status: 'succeeded', total: 10, succeeded: 0, stats: { paused: true, confirmed: 0 } });
  t.equal((await countConfirmed(db)).confirmed, 0);
  await db.query(`UPDATE settings SET value = 'false' WHERE key = 'pauseBatchConfirmation'`);
  t.match(await untilEnded(db, await queueJob(db, CONFIRM_DUE)), { succeeded: 10 });
});
