import { newId } from '@tributary/commissions';
import {
  createTestDatabase,
  insertCommission,
  insertPartner,
  insertRow,
  insertUser,
} from '@tributary/testkit';
import { DatabaseUnavailableError, type Database } from '@tributary/schema';
import t from 'tap';
import { ada, obstruct, queueJob, readResults, startRunner, untilEnded } from './harness.ts';

const { db } = await createTestDatabase(t);
const scheduler = startRunner(t, db);

const bulk = (parameters: Record<string, unknown>, values = {}) =>
  queueJob(db, 'bulk-commissions', { parameters, ...values });

const historyOf = (database: Database, commissionId: string) =>
  database.query<Record<string, unknown>>(
    `SELECT a.action, a.actor, a.user_id, a.ip_address, a.user_agent, a.request_id, a.job_id, a.reason, e.job_id AS entry_job,
       e.actor AS entry_actor, o.actor ->> 'name' AS event_actor
     FROM audit_logs a JOIN commission_entries e ON e.commission_id::text = a.entity_id AND e.action = a.action
     JOIN outbox_events o ON o.subject ->> 'commissionId' = a.entity_id AND o.type = 'commission.' || a.action
     WHERE a.entity_id = $1 ORDER BY a.id`,
    [commissionId],
  );

t.test('bad items fail by code and stop nobody; what is done carries who asked', async (t) => {
  const good = await insertCommission(db);
  const paid = await insertCommission(db, { status: 'paid' });
  const missing = newId();
  const params = { reason: 'Fraud ring', reasonCode: 'fraud' };
  const id = await bulk({
    action: 'cancel',
    params,
    dryRun: false,
    ids: [paid.id, missing, good.id, good.id],
  });
  t.match(await untilEnded(db, id), { status: 'succeeded', total: 3, succeeded: 1, failed: 2 });
  t.same(
    (await readResults(db, id)).map(({ itemId, success, code }) => [itemId, success, code]),
    [
      [good.id, true, null],
      [paid.id, false, 'COMMISSION_ALREADY_PAID'],
      [missing, false, 'COMMISSION_NOT_FOUND'],
    ].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  );
  t.same(await historyOf(db, good.id), [
    {
      action: 'cancelled',
      actor: ada.name,
      userId: null,
      ipAddress: ada.ipAddress,
      userAgent: ada.userAgent,
      requestId: ada.requestId,
      jobId: id,
      reason: 'Fraud ring',
      entryJob: id,
      entryActor: ada.name,
      eventActor: ada.name,
    },
  ]);
  t.ok(scheduler.published.some(({ subject }) => subject['commissionId'] === good.id));
});

t.test('a user who asked is named by id as well, and by name alone once the account is gone', async (t) => {
  const user = await insertUser(db);
  const actor = { ...ada, kind: 'user', id: user.id, name: user.name };
  const [first, second] = [await insertCommission(db), await insertCommission(db)];
  const parameters = { action: 'confirm', params: { reason: 'Checked' }, dryRun: false };
  await untilEnded(db, await bulk({ ...parameters, ids: [first.id] }, { actor }));
  t.match(await historyOf(db, first.id), [{ userId: user.id, actor: user.name }]);
  await db.query('DELETE FROM users WHERE id = $1', [user.id]);
  t.match(await untilEnded(db, await bulk({ ...parameters, ids: [second.id] }, { actor })), { succeeded: 1 });
  t.match(await historyOf(db, second.id), [{ userId: null, actor: user.name }]);
});

t.test('a dry run says what would happen and how much money it concerns, and changes nothing', async (t) => {
  const partner = await insertPartner(db);
  const confirmed = { partnerId: partner.id, status: 'confirmed' } as const;
  const [first] = await Promise.all([
    insertCommission(db, { ...confirmed, commissionAmount: '10.05' }),
    insertCommission(db, { ...confirmed, commissionAmount: '20.10' }),
    insertCommission(db, {
      ...confirmed,
      commissionAmount: '900.00',
      currency: 'JPY',
      orderAmount: '9000.00',
    }),
    insertCommission(db, { partnerId: partner.id }),
  ]);
  const filter = { partnerId: partner.id, dateField: 'created', from: '2000-01-01T00:00:00.000Z' };
  const params = { paymentMethod: 'sepa', paymentReference: 'run-7' };
  const id = await bulk({ action: 'pay', params, dryRun: true, filter });
  const job = await untilEnded(db, id);
  t.match(job, { status: 'succeeded', total: 4, succeeded: 3, failed: 1 });
  t.match(job.stats, { dryRun: true, amounts: { USD: '30.15', JPY: '900.00' } });
  const codes = (await readResults(db, id)).map(({ code }) => code);
  t.same(
    codes.filter((code) => code !== null),
    ['COMMISSION_NOT_CONFIRMED'],
  );
  t.same(await historyOf(db, first.id), []);

  const adjust = {
    action: 'adjust',
    params: { newAmount: 8, reason: 'Agreed' },
    dryRun: true,
    ids: [first.id],
  };
  t.match(await untilEnded(db, await bulk(adjust)), { stats: { amounts: { USD: '-2.05' } } });
  t.match(await untilEnded(db, await bulk({ ...adjust, dryRun: false })), { succeeded: 1, failed: 0 });
  t.match(await historyOf(db, first.id), [{ action: 'adjusted' }]);
});

t.test('a filter means the rows that stood there when it was asked for, found page by page', async (t) => {
  const partner = await insertPartner(db);
  // Every second one has the amount asked for, every third the order id: 200 of 1,203 have both.
  await db.query(
    `INSERT INTO commissions (id, partner_id, kind, status, commission_amount, order_amount, basis_amount, basis_left, currency,
       order_id, created_at)
     SELECT uuidv7(), $1, 'bonus', 'confirmed', CASE n % 2 WHEN 0 THEN 10 ELSE 99 END, 100, 10, 100, 'USD',
       CASE n % 3 WHEN 0 THEN '50%_' ELSE 'other-' END || n, '2026-03-02T10:00:00Z' FROM generate_series(1, 1203) n`,
    [partner.id],
  );
  const wanted = 200;
  const filter = {
    partnerId: partner.id,
    status: 'confirmed',
    kind: 'bonus',
    dateField: 'created',
    from: '2026-03-02T10:00:00.000Z',
    to: '2026-03-02T10:00:00.001Z',
    minAmount: 5,
    maxAmount: 50,
    search: '0%_',
  };
  const params = { paymentMethod: 'sepa', paymentReference: 'run-8' };
  const matched = await untilEnded(db, await bulk({ action: 'pay', params, dryRun: false, filter }));
  t.match(matched, { status: 'succeeded', total: wanted, succeeded: wanted });
  const everyone = { partnerId: partner.id, dateField: 'created', from: '2026-03-02T10:00:00.000Z' };
  const all = await untilEnded(db, await bulk({ action: 'pay', params, dryRun: false, filter: everyone }));
  t.match(all, { total: 1_203, succeeded: 1_203 - wanted, failed: wanted });
});

t.test(
  'a filter means nothing that was created, and pays nothing that was confirmed, after it was asked for',
  async (t) => {
    const partner = await insertPartner(db);
    const hours = (count: number): Date => new Date(Date.now() + count * 3_600_000);
    const confirmed = { partnerId: partner.id, status: 'confirmed' } as const;
    const rows = await Promise.all([
      insertCommission(db, { ...confirmed, createdAt: hours(-3), confirmedAt: hours(-1) }),
      insertCommission(db, { ...confirmed, createdAt: hours(-3), confirmedAt: hours(1) }),
      insertCommission(db, { ...confirmed, createdAt: hours(1), confirmedAt: hours(1) }),
    ]);
    const params = { paymentMethod: 'sepa', paymentReference: 'run-10' };
    for (const dateField of ['created', 'confirmed']) {
      const filter = { partnerId: partner.id, status: 'confirmed', dateField, from: '2000-01-01T00:00:00Z' };
      const asked = { action: 'pay', params, dryRun: dateField === 'created' };
      const job = await untilEnded(
        db,
        await bulk({ ...asked, filter: { ...filter, to: hours(24).toISOString() } }),
      );
      t.match(job, { status: 'succeeded', total: 1, succeeded: 1, failed: 0 }, dateField);
      t.match(await readResults(db, job.id), [{ itemId: rows[0].id, success: true }]);
    }
    const filter = { partnerId: partner.id, dateField: 'created', from: '2000-01-01T00:00:00Z' };
    const cancel = { action: 'cancel', params: { reason: 'Fraud ring' }, dryRun: true };
    const id = await bulk({ ...cancel, filter: { ...filter, to: hours(24).toISOString() } });
    t.match(await untilEnded(db, id), { total: 2 }, 'the end that was named lies ahead');
  },
);

t.test('an attempt after a crash tells of all that a filter led to, though it matches no more', async (t) => {
  const { db: own } = await createTestDatabase(t);
  const partner = await insertPartner(own);
  const rows = await Promise.all([1, 2, 3].map(() => insertCommission(own, { partnerId: partner.id })));
  let failed = false;
  // Postgres goes away between the change and the report of it.
  const interrupted: Database = {
    ...own,
    async query<Row extends object>(...[text, params]: Parameters<Database['query']>) {
      const tells = text.includes('INTO job_results') && params?.some((value) => isAbout(value, rows.length));
      if (!failed && tells === true) {
        failed = true;
        throw new DatabaseUnavailableError('gone');
      }
      return own.query<Row>(text, params);
    },
  };
  startRunner(t, interrupted);
  const filter = {
    partnerId: partner.id,
    status: 'pending',
    dateField: 'created',
    from: '2000-01-01T00:00:00Z',
  };
  const parameters = { action: 'confirm', params: { reason: 'Checked' }, dryRun: false, filter };
  const id = await queueJob(own, 'bulk-commissions', { parameters });
  t.match(await untilEnded(own, id), { status: 'succeeded', total: 3, succeeded: 3, failed: 0 });
  t.ok(failed);
  t.equal((await readResults(own, id)).filter(({ success }) => success).length, 3);
  const changed = await own.query('SELECT DISTINCT version, status FROM commissions');
  t.same(changed, [{ version: 2, status: 'confirmed' }]);
});

const isAbout = (value: unknown, count: number): boolean => Array.isArray(value) && value.length === count;

t.test('an attempt after a crash repeats nothing: what was changed unsaid counts as done', async (t) => {
  const [first, second] = [await insertCommission(db), await insertCommission(db)];
  const ids = [first.id, second.id].sort();
  const parameters = { action: 'adjust', params: { newAmount: 12.5, reason: 'Agreed' }, dryRun: false, ids };
  const id = await bulk(parameters);
  await untilEnded(db, id);
  await db.query('DELETE FROM job_results WHERE job_id = $1', [id]);
  // As if the process had been killed between its statement and its report, and somebody had set another amount since.
  await db.query(`UPDATE commissions SET commission_amount = 11 WHERE id = $1`, [first.id]);
  await db.query(
    `UPDATE jobs SET status = 'running', finished_at = NULL, succeeded = 0, checkpoint = NULL, lease_until = now() - interval '1 second'
     WHERE id = $1`,
    [id],
  );
  t.match(await untilEnded(db, id), { status: 'succeeded', attempts: 2, succeeded: 2, failed: 0 });
  const amounts = await db.query(
    'SELECT commission_amount, version FROM commissions WHERE id = ANY($1::uuid[]) ORDER BY commission_amount',
    [ids],
  );
  t.same(amounts, [
    { commissionAmount: '11.00', version: 2 },
    { commissionAmount: '12.50', version: 2 },
  ]);
});

t.test('one commission that breaks a rule of the database fails alone', async (t) => {
  const rows = await Promise.all(Array.from({ length: 7 }, () => insertCommission(db)));
  const bad = rows[3];
  if (bad === undefined) throw new Error('no row');
  await obstruct(db, bad);
  const ids = rows.map((row) => row.id);
  const id = await bulk({ action: 'confirm', params: { reason: 'Checked' }, dryRun: false, ids });
  t.match(await untilEnded(db, id), { status: 'succeeded', succeeded: 6, failed: 1 });
  const failed = (await readResults(db, id)).filter(({ success }) => !success);
  t.match(failed, [{ itemId: bad.id, code: 'RULE_VIOLATED' }]);
});

t.test(
  'parameters that cannot be meant, and payments while they are paused, fail with a sentence',
  async (t) => {
    const { id: commissionId } = await insertCommission(db, { status: 'confirmed' });
    const params = { paymentMethod: 'sepa', paymentReference: 'run-9' };
    const unknown = { dateField: 'created', from: '2026-03-02T10:00:00.000Z', colour: 'red' };
    for (const parameters of [
      { action: 'pay', params, dryRun: false },
      { action: 'pay', params: {}, dryRun: false, ids: [commissionId] },
      { action: 'pay', params, dryRun: false, filter: unknown },
    ]) {
      t.match(await untilEnded(db, await bulk(parameters)), {
        status: 'failed',
        error: /the parameters are wrong/,
      });
    }
    await insertRow(db, 'settings', { key: 'pausePayments', value: true });
    const paused = await untilEnded(
      db,
      await bulk({ action: 'pay', params, dryRun: false, ids: [commissionId] }),
    );
    t.match(paused, { status: 'failed', succeeded: 0, error: /PAYMENTS_PAUSED/ });
  },
);
