import { CLOCK_SKEW_MS, type PostedOrderLine } from '@tributary/commissions';
import {
  currencyCode,
  idField,
  moneyFaults,
  money,
  positiveMoney,
  validationError,
  type FieldError,
} from '@tributary/http-kit';
import { z } from 'zod';

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

/** A conversion as a shop posts it: one product and its amount, or `lines`. */
export const postedConversion = z.strictObject({
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

export type PostedConversion = z.output<typeof postedConversion>;

const EARLIEST_MS = Date.UTC(1970, 0, 1);

/**
 * The lines of a posted conversion, by the rules that go beyond single fields.
 * @throws 400 that names every field at fault
 */
export function linesOf(posted: PostedConversion, now: Date): PostedOrderLine[] {
  const lines = posted.lines === undefined ? [singleLine(posted)] : posted.lines.map(listedLine);
  const faults = [
    ...shapeFaults(posted),
    ...timeFaults(posted, now),
    ...lines.flatMap((posted_) => lineFaults(posted_, posted)),
  ];
  if (faults.length > 0) throw validationError(faults);
  return lines;
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

const SINGLE_FIELDS = ['productId', 'sku', 'orderAmount', 'commissionableAmount', 'quantity'] as const;

function shapeFaults(posted: PostedConversion): FieldError[] {
  if (posted.lines === undefined) {
    return posted.orderAmount === undefined
      ? [{ path: 'orderAmount', message: 'is required where there are no lines' }]
      : [];
  }
  return SINGLE_FIELDS.filter((field) => posted[field] !== undefined).map((path) => ({
    path,
    message: 'must not stand beside lines',
  }));
}

function timeFaults({ convertedAt }: PostedConversion, now: Date): FieldError[] {
  if (convertedAt === undefined) return [];
  const at = Date.parse(convertedAt);
  if (at > now.getTime() + CLOCK_SKEW_MS)
    return [{ path: 'convertedAt', message: 'must not be in the future' }];
  return at < EARLIEST_MS ? [{ path: 'convertedAt', message: 'must not be before 1970' }] : [];
}

function lineFaults(posted: PostedOrderLine, { currency, lines }: PostedConversion): FieldError[] {
  const { path, productId, sku, amount, commissionableAmount } = posted;
  const faults: FieldError[] = [];
  if (productId === undefined && sku === undefined) {
    faults.push({ path: `${path}productId`, message: 'is required, or sku' });
  }
  if (productId !== undefined && sku !== undefined) {
    faults.push({ path: `${path}sku`, message: 'must not stand beside productId' });
  }
  if (commissionableAmount > amount) {
    faults.push({ path: `${path}commissionableAmount`, message: 'must not be more than the amount' });
  }
  const amountField = lines === undefined ? 'orderAmount' : 'amount';
  const named = moneyFaults(currency, { [amountField]: amount, commissionableAmount });
  faults.push(...named.map((fault) => ({ ...fault, path: `${path}${fault.path}` })));
  return faults;
}
