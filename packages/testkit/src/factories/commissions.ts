import type { Database } from '@tributary/schema';
import { uuidv7 } from 'uuidv7';

import { insertPartner } from './catalog.ts';
import { insertRow, type NewRow, type Row } from './insert-row.ts';
import { insertConversion } from './sales.ts';

type CommissionValues = Partial<NewRow<'commissions'>>;

const DAY_MS = 86_400_000;

/** What the checks of the table demand of each status. */
function statusValues(status: Row<'commissions'>['status'], at: Date): CommissionValues {
  switch (status) {
    case 'pending':
      return { holdUntil: new Date(at.getTime() + 7 * DAY_MS) };
    case 'confirmed':
      return { confirmedAt: at };
    case 'paid':
      return {
        confirmedAt: at,
        paidAt: at,
        paymentMethod: 'bank_transfer',
        paymentReference: 'test-payment',
      };
    case 'cancelled':
      return { cancelledAt: at };
  }
  return status;
}

async function originOf(
  db: Database,
  values: CommissionValues,
  partnerId: string,
): Promise<CommissionValues> {
  if ((values.kind ?? 'earning') !== 'earning') return {};
  if (values.conversionId !== undefined) return {};
  const { orderAmount, currency, orderId, productId, referralCode } = values;
  const conversion = await insertConversion(db, {
    partnerId,
    status: 'confirmed',
    ...(orderAmount === undefined ? {} : { orderAmount }),
    ...(currency === undefined ? {} : { currency }),
    ...(typeof orderId === 'string' ? { orderId } : {}),
    ...(typeof productId === 'string' ? { productId } : {}),
    ...(referralCode === undefined ? {} : { referralCode }),
  });
  return { conversionId: conversion.id, productId: conversion.productId, orderId: conversion.orderId };
}

/**
 * A pending earning of 10.00 USD on an order of 100.00, with its conversion, and with the entry of its creation (version
 * 1). Partner and conversion are made when none is named; a policy is not. Other statuses get the times and payment
 * fields that the table asks for.
 */
export async function insertCommission(
  db: Database,
  values: CommissionValues = {},
): Promise<Row<'commissions'>> {
  const partnerId = values.partnerId ?? (await insertPartner(db)).id;
  const { status = 'pending', commissionAmount = '10.00', orderAmount = '100.00' } = values;
  const createdAt = values.createdAt ?? new Date();
  const commission = await insertRow(db, 'commissions', {
    id: uuidv7(),
    currency: 'USD',
    policyType: 'percentage',
    createdAt,
    ...statusValues(status, createdAt),
    ...(await originOf(db, values, partnerId)),
    ...values,
    partnerId,
    status,
    commissionAmount,
    orderAmount,
    basisAmount: values.basisAmount ?? commissionAmount,
    basisLeft: values.basisLeft ?? orderAmount,
  });
  await insertRow(db, 'commissionEntries', {
    commissionId: commission.id,
    version: commission.version,
    partnerId,
    kind: commission.kind,
    currency: commission.currency,
    action: 'created',
    amountDelta: commission.commissionAmount,
    amountAfter: commission.commissionAmount,
    statusAfter: commission.status,
    actor: 'system:test',
    at: createdAt,
  });
  return commission;
}
