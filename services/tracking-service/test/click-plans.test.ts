import type { QueryParam, ReadDatabase } from '@tributary/schema';
import { createTestDatabase, insertPartner } from '@tributary/testkit';
import t from 'tap';
import { SHOP, startTracking } from './tracking-under-test.ts';

const { db, owner } = await createTestDatabase(t);
const { id, referralCode } = await insertPartner(db);

/** Of two hundred partners, one of whom exists: as many clicks as make a look at all of them the wrong plan. */
const CLICKS = `
  INSERT INTO referral_clicks (id, partner_id, referral_code, sub_id, status, clicked_at)
  SELECT uuidv7(), CASE WHEN n % 200 = 0 THEN $1::uuid ELSE md5((n % 200)::text)::uuid END,
    CASE WHEN n % 200 = 0 THEN $2 ELSE 'CODE-' || n % 200 END, CASE WHEN n % 2 = 0 THEN 'mail-' || n % 1000 END, 'valid',
    date_trunc('month', now(), 'UTC') + n * interval '1 second'
  FROM generate_series(1, 20000) n`;
await owner.query(CLICKS, [id, referralCode]);
await owner.query('ANALYZE referral_clicks');

/** The plans of what a list asks of Postgres, which is asked to explain it rather than to do it. */
const plans: string[] = [];
async function explain<Row extends object>(text: string, params: readonly QueryParam[] = []): Promise<Row[]> {
  const lines = await owner.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, params);
  plans.push(lines.map((line) => Object.values(line).join('')).join('\n'));
  return db.query<Row>(text, params);
}
const reads: ReadDatabase = {
  query: explain,
  stream: (text, params, size) => db.stream(text, params, size),
};
const tracking = await startTracking(t, { db, reads });

async function planOf(path: string): Promise<string> {
  plans.length = 0;
  t.match(await tracking.get(path, SHOP), { status: 200 });
  return plans.join('\n');
}

/** The first day of a month that has a partition, however few of its hours have passed. */
const month = new Date();
month.setUTCHours(0, 0, 0, 0);
month.setUTCDate(1);
const RANGE = `dateFrom=${month.toISOString()}&dateTo=${new Date(month.getTime() + 86_400_000).toISOString()}`;

t.test('a sub-id and a code are found by an index, in lists and in statistics', async (t) => {
  for (const path of ['/tracking/clicks', '/tracking/clicks/stats']) {
    const bySubId = await planOf(`${path}?subId=mail-998&${RANGE}`);
    t.match(bySubId, /_sub_id_/);
    t.notMatch(bySubId, /Seq Scan on referral_clicks_p/);
    const byCode = await planOf(`${path}?referralCode=${referralCode}&${RANGE}`);
    t.match(byCode, /_partner_id_/);
    t.notMatch(byCode, /Seq Scan on referral_clicks_p/);
  }
});
