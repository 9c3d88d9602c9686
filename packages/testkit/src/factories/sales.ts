import type { Database } from '@tributary/schema';
import { uuidv7 } from 'uuidv7';

import { uniqueName } from '../unique.ts';
import { insertPartner, insertProduct } from './catalog.ts';
import { insertRow, type NewRow, type Row } from './insert-row.ts';

/** A valid click of a new visitor, now; the partner is made when none is named. */
export async function insertClick(
  db: Database,
  values: Partial<NewRow<'referralClicks'>> = {},
): Promise<Row<'referralClicks'>> {
  const { partnerId = (await insertPartner(db)).id } = values;
  return insertRow(db, 'referralClicks', {
    id: uuidv7(),
    referralCode: 'unknown',
    status: 'valid',
    source: 'web',
    visitorHash: uniqueName('visitor-'),
    clickedAt: new Date(),
    ...values,
    partnerId,
  });
}

/**
 * A pending conversion of 100.00 USD with its order and order line, credited wholly to one partner. Partner and product
 * are made when none is named. `orderAmount` is the line's; `orderId` the shop's own id.
 */
export async function insertConversion(
  db: Database,
  values: Partial<NewRow<'conversionEvents'>> = {},
): Promise<Row<'conversionEvents'>> {
  const { partnerId = (await insertPartner(db)).id, productId = (await insertProduct(db)).id } = values;
  const { orderAmount: amount = '100.00', currency = 'USD', orderId = uniqueName('order-') } = values;
  const { quantity = 1, convertedAt = new Date(), refundedAmount = '0' } = values;
  const attributedAmount = values.attributedAmount ?? amount;
  const credit = {
    partnerId,
    weight: '1.000000',
    isPrimary: true,
    clickId: null,
    referralCode: null,
    subId: null,
    clickedAt: null,
  };
  const order = await insertRow(db, 'orders', {
    id: values.orderRowId ?? uuidv7(),
    externalId: orderId,
    currency,
    amount,
    refundedAmount,
    attribution: { model: 'last_touch', source: 'referral_code', credits: [credit], path: [] },
    placedAt: convertedAt,
  });
  const line = await insertRow(db, 'orderLines', {
    id: values.orderLineId ?? uuidv7(),
    orderId: order.id,
    productId,
    quantity,
    amount,
    commissionableAmount: attributedAmount,
    refundedAmount,
  });
  return insertRow(db, 'conversionEvents', {
    id: uuidv7(),
    attributionModel: 'last_touch',
    attributionWeight: '1',
    attributionPath: [],
    isPrimary: true,
    isNewCustomer: false,
    idempotencyKey: uniqueName('conversion-'),
    ...values,
    orderRowId: order.id,
    orderLineId: line.id,
    orderId,
    partnerId,
    productId,
    quantity,
    currency,
    convertedAt,
    refundedAmount,
    orderAmount: amount,
    attributedAmount,
  });
}
