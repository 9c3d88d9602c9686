import { createHash } from 'node:crypto';

import type { Database } from '@tributary/schema';
import { createTestDatabase, testNats, waitFor } from '@tributary/testkit';
import t from 'tap';

import { firstDayBefore } from '../src/demo/history/calendar.ts';
import { planHistory } from '../src/demo/history/plan.ts';
import { seedDemo } from '../src/demo/index.ts';

type Test = Parameters<typeof createTestDatabase>[0];

const NOW = new Date('2026-03-18T09:00:00Z');

const accounts = {
  admin: { email: 'admin@tributary.example', password: 'first password' },
  partner: { email: 'partner@tributary.example', password: 'second password' },
  apiKey: 'tb_live_0123456789abcdef',
};

/** All that the programme comes to, without the ids and the moments of writing that differ each time. */
const FIGURES = `SELECT
  (SELECT json_agg(r) FROM (SELECT status, count(*), count(DISTINCT visitor_hash) AS visitors FROM referral_clicks
    GROUP BY status ORDER BY status) r) AS clicks,
  (SELECT sum(valid_clicks)::int FROM rollup_click_hours) AS counted_clicks,
  (SELECT sum(valid_clicks)::int FROM rollup_click_days) AS counted_by_day,
  (SELECT count(*)::int FROM referral_clicks WHERE status = 'valid') AS valid_clicks,
  (SELECT json_agg(r) FROM (SELECT p.name, v.status, count(*), sum(v.attributed_amount), sum(v.refunded_amount) AS refunded
    FROM conversion_events v JOIN partners p ON p.id = v.partner_id GROUP BY 1, 2 ORDER BY 1, 2) r) AS conversions,
  (SELECT json_agg(r) FROM (SELECT o.code, c.kind, c.status, count(*), sum(c.commission_amount), sum(c.clawed_back_amount) AS clawed
    FROM commissions c LEFT JOIN commission_policies o ON o.id = c.policy_id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3) r) AS commissions,
  (SELECT json_agg(r) FROM (SELECT date_trunc('day', at, 'UTC') AS day, action, count(*), sum(amount_delta) FROM commission_entries
    GROUP BY 1, 2 ORDER BY 1, 2) r) AS entries,
  (SELECT json_agg(r) FROM (SELECT entity_type, action, actor, count(*) FROM audit_logs
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3) r) AS audit,
  (SELECT json_agg(r) FROM (SELECT type, count(*) FROM outbox_events GROUP BY 1 ORDER BY 1) r) AS events,
  (SELECT json_agg(r) FROM (SELECT name, scheduled_for, succeeded FROM jobs ORDER BY scheduled_for) r) AS jobs,
  (SELECT sum(used)::int FROM policy_usage) AS uses`;

interface Figures extends Record<string, unknown> {
  readonly countedClicks: number;
  readonly countedByDay: number;
  readonly validClicks: number;
}

async function figuresOf(db: Database): Promise<Figures> {
  const [figures] = await db.query<Figures>(FIGURES);
  if (figures === undefined) throw new Error('no figures');
  return figures;
}

/** Commissions whose entries, audit rows and events do not tell the same story, or whose amounts do not add up. */
const CONTRADICTIONS = `WITH
  entries AS (SELECT commission_id AS id, count(*) AS n, sum(amount_delta) AS amount,
    (array_agg(status_after ORDER BY version DESC))[1] AS status FROM commission_entries GROUP BY 1),
  audits AS (SELECT entity_id::uuid AS id, count(*) AS n FROM audit_logs WHERE entity_type = 'commission' GROUP BY 1),
  events AS (SELECT (subject ->> 'commissionId')::uuid AS id, count(*) AS n FROM outbox_events WHERE type LIKE 'commission.%' GROUP BY 1),
  clawed AS (SELECT original_commission_id AS id, -sum(commission_amount) AS amount FROM commissions WHERE kind = 'clawback' GROUP BY 1)
  SELECT c.id FROM commissions c LEFT JOIN entries e USING (id) LEFT JOIN audits a USING (id) LEFT JOIN events o USING (id)
    LEFT JOIN clawed b USING (id)
  WHERE (e.n, e.n, e.amount, e.status, c.clawed_back_amount)
    IS DISTINCT FROM (a.n, o.n, c.commission_amount, c.status, coalesce(b.amount, 0))`;

function seedInto(t: Test, database: { ownerUrl: string; serviceUrl: string }, signal?: AbortSignal) {
  const { url: natsUrl, namespace: natsNamespace } = testNats(t);
  const { ownerUrl, serviceUrl } = database;
  const urls = { ownerUrl, serviceUrl, natsUrl, natsNamespace };
  const log: string[] = [];
  const options = {
    ...urls,
    accounts,
    programme: true,
    log: (line: string) => void log.push(line),
    now: NOW,
  };
  return seedDemo(signal === undefined ? options : { ...options, signal }).then(() => log);
}

/** Aborts once so many commissions are there: in the middle of some day, and of its commands. */
async function abortAt(db: Database, commissions: number, abort: () => void): Promise<void> {
  const isReached = async (): Promise<boolean> => {
    const [row] = await db.query<{ n: number }>('SELECT count(*)::int AS n FROM commissions');
    return (row?.n ?? 0) >= commissions;
  };
  await waitFor(isReached, { timeoutMs: 60_000, intervalMs: 20, what: `${commissions} commissions` });
  abort();
}

t.test('the same day always brings the same plan, and a weekday more changes its rhythm only', (t) => {
  const digest = (now: Date): string =>
    createHash('sha256')
      .update(JSON.stringify(planHistory(firstDayBefore(now))))
      .digest('hex');
  t.equal(digest(NOW), digest(new Date('2026-03-18T23:59:59Z')));
  t.not(digest(NOW), digest(new Date('2026-03-19T00:00:00Z')));
  const plan = planHistory(firstDayBefore(NOW));
  t.equal(plan[0]?.midnight.toISOString(), '2026-01-17T00:00:00.000Z');
  const moments = plan.flatMap(({ clicks, orders, actions }) =>
    [...clicks, ...orders, ...actions].map(({ at }) => at),
  );
  t.ok(
    moments.every((at) => at >= new Date('2026-01-17T00:00:00Z') && at < new Date('2026-03-18T00:00:00Z')),
  );
  t.end();
});

t.test('a seeding that was broken off is completed, to the same numbers as one that was not', async (t) => {
  const [whole, broken] = await Promise.all([createTestDatabase(t), createTestDatabase(t)]);
  const breakOff = new AbortController();
  await Promise.all([
    seedInto(t, whole),
    // The connections are cut as well, so that the day is not finished.
    seedInto(t, broken, breakOff.signal).catch(() => undefined),
    abortAt(broken.db, 400, () => breakOff.abort()).then(() =>
      broken.owner.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'tributary-demonstration'`,
      ),
    ),
  ]);
  const [half] = await broken.db.query<{ n: number }>('SELECT count(*)::int AS n FROM orders');
  t.ok((half?.n ?? 0) > 0 && (half?.n ?? 0) < 1_300, 'it was broken off in the middle');
  t.match(await seedInto(t, broken), ['Going on to make a demonstration programme']);

  const figures = await figuresOf(whole.db);
  t.same(await figuresOf(broken.db), figures);
  t.same(await whole.db.query(CONTRADICTIONS), []);
  t.same(await broken.db.query(CONTRADICTIONS), []);
  t.equal(figures.countedClicks, figures.validClicks);
  t.equal(figures.countedByDay, figures.validClicks);

  t.same(await seedInto(t, whole), [], 'a later start has nothing to make');
  t.same(await figuresOf(whole.db), figures);
});

t.test('a programme that somebody keeps already is left alone', async (t) => {
  const { owner, ...database } = await createTestDatabase(t);
  await owner.query(
    `INSERT INTO products (id, sku, name, price, currency) VALUES (uuidv7(), 'OWN-1', 'Own', 5, 'USD')`,
  );
  t.same(await seedInto(t, database), []);
  t.same(await owner.query('SELECT sku FROM products'), [{ sku: 'OWN-1' }]);
});
