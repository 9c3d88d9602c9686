import {
  createTestDatabase,
  insertPartner,
  insertPolicy,
  insertProduct,
  type TestScope,
} from '@tributary/testkit';
import { click, SHOP, startTracking, type Answer } from './tracking-under-test.ts';

export interface Conversion {
  id: string;
  partnerId: string;
  productId: string;
  orderAmount: number;
  attributedAmount: number;
  attributionWeight: number;
}

export interface Commission {
  id: string;
  partnerId: string;
  commissionAmount: number;
}

interface Settled {
  conversions: Conversion[];
  commissions: Commission[];
}

/** What recording, confirming and cancelling answer. */
export const settled = ({ body }: Answer): Settled => body.data;

/** A programme with two partners, two products and ten percent of everything, and a shop that posts to it. */
export async function openShop(t: TestScope) {
  const { db } = await createTestDatabase(t);
  const tracking = await startTracking(t, { db });
  const [ann, bob, product, lamp] = await Promise.all([
    insertPartner(db),
    insertPartner(db),
    insertProduct(db),
    insertProduct(db, { sku: 'LAMP-1' }),
  ]);
  await insertPolicy(db);
  let orders = 0;
  return {
    db,
    tracking,
    ann,
    bob,
    product,
    lamp,
    /** A new order of 100.00 USD, with these fields instead. */
    order: (fields: object = {}) => {
      orders += 1;
      return { orderId: `SO-${orders}`, productId: product.id, orderAmount: 100, currency: 'USD', ...fields };
    },
    post: (body: object) => tracking.post('/tracking/conversion', body, SHOP),
    clickOf: (partner: { referralCode: string }, sessionId: string, more: object = {}) =>
      click(tracking, { referralCode: partner.referralCode, sessionId, ...more }),
    /** As if the click had been made so many days earlier. */
    age: (clickId: string, days: number) =>
      db.query(
        'UPDATE referral_clicks SET clicked_at = clicked_at - make_interval(days => $2::int) WHERE id = $1',
        [clickId, days],
      ),
  };
}
