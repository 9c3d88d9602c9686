import { createHash } from 'node:crypto';

import { attributeClicks, attributeCode, recordConversion, type Touch } from '@tributary/commissions';

import type { NumberedOrder } from './plan.ts';
import { idOf, mustBe, type Scene, shopContext } from './scene.ts';

const MODEL = 'last_touch';
/** From the order in the shop to the call of its back end. */
const POSTED_AFTER_MS = 4_000;

const decimals = (cents: number): string => (cents / 100).toFixed(2);

const attributionOf = ({ catalogue }: Scene, { coupon, journey, partner }: NumberedOrder) => {
  if (coupon !== null) {
    const code = { partnerId: idOf(catalogue.partners, partner.code), referralCode: coupon };
    return attributeCode(MODEL, code);
  }
  const touches = journey.map(({ id, at, partnerCode, subId }): Touch => {
    const partnerId = idOf(catalogue.partners, partnerCode);
    return { clickId: id, partnerId, clickedAt: at, referralCode: partnerCode, subId };
  });
  return attributeClicks(MODEL, touches);
};

/** Posts an order as the shop's back end does. Posted again, it changes nothing. */
export async function postOrder(scene: Scene, order: NumberedOrder): Promise<void> {
  const now = new Date(order.at.getTime() + POSTED_AFTER_MS);
  const result = await recordConversion(scene.deps, shopContext(scene, now, `demo-${order.id}`), {
    orderId: order.id,
    currency: 'USD',
    placedAt: order.at,
    customerRefHash: createHash('sha256').update(order.customer).digest('hex'),
    confirmed: order.confirmed,
    lines: order.lines.map(({ sku, quantity, amount, commissionable }) => ({
      productId: idOf(scene.catalogue.products, sku),
      quantity,
      amount: decimals(amount),
      commissionableAmount: decimals(commissionable),
    })),
    metadata: {},
    attribute: () => Promise.resolve(attributionOf(scene, order)),
  });
  mustBe(`order ${order.id}`, result, 'recorded', 'repeated');
}
