import type { PostedOrderLine } from '@tributary/commissions';
import { currencyCode, idField, money, positiveMoney } from '@tributary/http-kit';
import type { Clock } from '@tributary/runtime';
import { z } from 'zod';
import { ruleFaults } from './order-rules.ts';

const MAX_LINES = 200;
const MAX_QUANTITY = 1_000_000;
/** Characters of JSON: it travels with every conversion of the order. */
const MAX_METADATA = 4_000;

const reference = z.string().trim().min(1).max(200);
const quantity = z.int().min(1).max(MAX_QUANTITY);

const line = z.strictObject({
  productId: idField.optional(),
  sku: reference.optional(),
  amount: positiveMoney,
  commissionableAmount: money.optional(),
  quantity: quantity.optional(),
});

const fields = z.strictObject({
  orderId: reference,
  productId: idField.optional(),
  sku: reference.optional(),
  orderAmount: positiveMoney.optional(),
  commissionableAmount: money.optional(),
  quantity: quantity.optional(),
  lines: z.array(line).min(1).max(MAX_LINES).optional(),
  currency: currencyCode,
  clickId: idField.optional(),
  sessionId: reference.optional(),
  referralCode: z.string().trim().min(1).max(50).optional(),
  customerRef: reference.optional(),
  isNewCustomer: z.boolean().optional(),
  convertedAt: z.iso.datetime({ offset: true }).optional(),
  confirmed: z.boolean().optional(),
  metadata: z
    .record(z.string().max(100), z.unknown())
    .refine(
      (value) => JSON.stringify(value).length <= MAX_METADATA,
      `must be at most ${MAX_METADATA} characters of JSON`,
    )
    .optional(),
});

export type PostedConversion = z.output<typeof fields>;

/**
 * A conversion as a shop posts it: one product and its amount, or `lines`. The rules that go beyond single fields are part of it and
 * looked at even where a field is wrong by itself, so that one answer names all that is.
 */
export const postedConversionAt = (clock: Clock) =>
  fields.superRefine(
    (sent, context) => {
      const wrong = new Set(context.issues.map(({ path = [] }) => path.join('.')));
      for (const { path, message } of ruleFaults(sent, clock())) {
        if (!wrong.has(path)) context.addIssue({ code: 'custom', path: path.split('.'), message });
      }
    },
    { when: () => true },
  );

export type PostedConversionSchema = ReturnType<typeof postedConversionAt>;

/** The lines of a posted conversion. */
export function linesOf(posted: PostedConversion): PostedOrderLine[] {
  return posted.lines === undefined ? [singleLine(posted)] : posted.lines.map(listedLine);
}

function singleLine({
  productId,
  sku,
  orderAmount = 0,
  commissionableAmount,
  quantity = 1,
}: PostedConversion): PostedOrderLine {
  const amount = orderAmount;
  return { productId, sku, amount, commissionableAmount: commissionableAmount ?? amount, quantity, path: '' };
}

function listedLine(listed: z.output<typeof line>, index: number): PostedOrderLine {
  const { productId, sku, amount, commissionableAmount = amount, quantity = 1 } = listed;
  return { productId, sku, amount, commissionableAmount, quantity, path: `lines.${index}.` };
}
