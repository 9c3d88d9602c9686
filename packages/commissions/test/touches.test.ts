import type { Database } from '@tributary/schema';
import { createTestDatabase, insertPartner } from '@tributary/testkit';
import t from 'tap';
import { z } from 'zod';

import { findTouches } from '../src/orders/find-touches.ts';

const CLICKS = 20_000;

const planSchema = z.object({
  'Relation Name': z.string().optional(),
  'Actual Rows': z.number().default(0),
  'Actual Loops': z.number().default(0),
  'Rows Removed by Filter': z.number().default(0),
  get Plans() {
    return z.array(planSchema).default([]);
  },
});
type Plan = z.output<typeof planSchema>;
const explained = z.tuple([z.object({ Plan: planSchema })]);

/** Rows of clicks that a plan has looked at, those included that it then left out. */
function clicksRead(plan: Plan): number {
  const own = plan['Relation Name']?.startsWith('referral_clicks') === true;
  const read = (plan['Actual Rows'] + plan['Rows Removed by Filter']) * plan['Actual Loops'];
  return plan.Plans.reduce((sum, child) => sum + clicksRead(child), own ? read : 0);
}

t.test('the touches of an order are looked up, however many clicks its window has', async (t) => {
  const { owner } = await createTestDatabase(t);
  const { id: partnerId } = await insertPartner(owner, {});
  await owner.query(
    `INSERT INTO referral_clicks (id, partner_id, referral_code, status, visitor_hash, fingerprint_hash, clicked_at)
     SELECT uuidv7(), $1, 'CODE', 'valid', 'visitor-' || g, 'print-' || g, now() - g * interval '0.1 seconds'
     FROM generate_series(1, ${CLICKS}) AS g`,
    [partnerId],
  );
  await owner.query('ANALYZE referral_clicks');
  const [click] = await owner.query<{ id: string }>(
    `SELECT id FROM referral_clicks WHERE visitor_hash = 'visitor-7000'`,
  );
  const query = {
    clickId: click?.id,
    sessionHash: 'visitor-9',
    customerRefHash: 'nobody',
    from: new Date(Date.now() - 30 * 86_400_000),
    to: new Date(),
  };
  const [touches] = await findTouches(owner, 'default', [query]);
  t.equal(touches?.length, 2, 'the named click and that of the session');

  let read = Number.NaN;
  const explaining: Pick<Database, 'query'> = {
    async query(text, params) {
      const [row] = await owner.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, params);
      const [{ Plan: plan }] = explained.parse(Object.values(row ?? {})[0]);
      read = clicksRead(plan);
      return [];
    },
  };
  await findTouches(explaining, 'default', [query, query]);
  t.ok(read <= 10, `${read} of ${CLICKS} clicks were read`);
});
