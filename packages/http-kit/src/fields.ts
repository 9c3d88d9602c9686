import { CurrencyError, currencyDecimals, isCurrency, REASON_CODES } from '@tributary/schema';
import { z } from 'zod';
import type { FieldError } from './errors.ts';

/** The largest amount that numeric(14,2) holds. */
export const MAX_AMOUNT = 999_999_999_999.99;

/**
 * True when the number is the nearest double to a decimal with that many places, so that nothing is rounded by storing
 * it. `toFixed` prints the exact binary value, and is exact in this range.
 */
export function hasDecimals(amount: number, decimals: number): boolean {
  return Number(amount.toFixed(decimals)) === amount;
}

function amount() {
  return z
    .number()
    .max(MAX_AMOUNT)
    .refine((value) => hasDecimals(value, 2), 'must have at most two decimals');
}

/** An amount of money, a JSON number >= 0 with at most two decimals. Its currency may allow fewer: `moneyFaults`. */
export const money = amount().min(0);

/** An amount of money above 0. */
export const positiveMoney = amount().positive();

/** A money amount in an answer; claw-backs are negative. */
export const moneyAnswer = z.number();

/** An upper-case ISO 4217 code with at most two decimals. */
export const currencyCode = z
  .string()
  .max(20)
  .superRefine((code, context) => {
    if (!isCurrency(code)) context.addIssue({ code: 'custom', message: new CurrencyError(code).message });
  })
  .meta({ description: 'ISO 4217 code with at most two decimals', examples: ['USD'] });

/** Names each amount that has more decimals than its currency: `moneyFaults('JPY', { price: 1.5 })`. */
export function moneyFaults(
  currency: string,
  amounts: Readonly<Record<string, number | null | undefined>>,
): FieldError[] {
  const decimals = currencyDecimals(currency);
  return Object.entries(amounts)
    .filter(([, value]) => typeof value === 'number' && !hasDecimals(value, decimals))
    .map(([path]) => ({ path, message: `must have at most ${decimals} decimals in ${currency}` }));
}

/** Why somebody did something: 1 to 1,000 characters after trimming. */
export const reason = z.string().trim().min(1).max(1_000);

/** The fields of every action that must be justified, to be spread into a strict body. */
export const reasonFields = { reason, reasonCode: z.enum(REASON_CODES).optional() };

/** An id as a client writes it: in small letters from here on, as Postgres writes them, whatever the client does. */
export const idField = z.uuid().toLowerCase();

/** `/:id` */
export const idParams = z.strictObject({ id: idField });
