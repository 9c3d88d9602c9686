import { currencyDecimals } from '@tributary/schema';
import { Decimal, type DecimalInput } from './decimal.ts';

/**
 * An amount as Postgres writes numeric(14,2): two decimals whatever the currency ("12.30", "-5.00", "1200.00" KRW).
 * It always stands beside its currency; on the wire it is a number (`toWire`).
 */
export type Money = string;

/** The largest amount that numeric(14,2) holds. */
export const MAX_MONEY: Money = '999999999999.99';

export const ZERO_MONEY: Money = '0.00';

const STORED_DECIMALS = 2;

/** An amount that is none: not finite, too large for numeric(14,2), or finer than its currency. */
export class MoneyError extends RangeError {
  override readonly name = 'MoneyError';
}

/**
 * Rounds a computed value half away from zero to the currency's decimals: the one rounding of a calculation.
 * @throws {MoneyError} beyond numeric(14,2)
 */
export function roundMoney(value: DecimalInput, currency: string): Money {
  return stored(decimalOf(value).toDecimalPlaces(currencyDecimals(currency)));
}

export type ParsedMoney = { ok: true; money: Money } | { ok: false; message: string };

/**
 * Reads an amount given from outside (a JSON number or decimal text). Nothing is rounded: what the currency cannot
 * hold is refused, with a message fit for a 400.
 */
export function parseMoney(value: number | string, currency: string): ParsedMoney {
  const decimals = currencyDecimals(currency);
  if (!isDecimalText(String(value))) return { ok: false, message: 'must be a number' };
  // The text of a JSON number is its shortest exact spelling, so 12.3 arrives as 12.3 and not as its binary value.
  const decimal = new Decimal(value);
  if (decimal.decimalPlaces() > decimals) {
    const limit = decimals === 0 ? 'no decimals' : `at most ${decimals} decimals`;
    return { ok: false, message: `must have ${limit} in ${currency}` };
  }
  if (decimal.abs().gt(MAX_MONEY)) return { ok: false, message: `must not be beyond ${MAX_MONEY}` };
  return { ok: true, money: stored(decimal) };
}

/** As `parseMoney`, for values that have been checked before. @throws {MoneyError} */
export function money(value: number | string, currency: string): Money {
  const parsed = parseMoney(value, currency);
  if (!parsed.ok) throw new MoneyError(`${value} ${currency} ${parsed.message}`);
  return parsed.money;
}

/** The JSON number of an amount. Fourteen digits fit a double, so reading it back gives the same amount. */
export function toWire(amount: Money): number {
  return Number(amount);
}

/** @throws {MoneyError} beyond numeric(14,2) */
export function addMoney(...amounts: readonly Money[]): Money {
  return stored(amounts.reduce((sum, amount) => sum.plus(decimalOf(amount)), new Decimal(0)));
}

/** @throws {MoneyError} beyond numeric(14,2) */
export function subtractMoney(from: Money, amount: Money): Money {
  return stored(decimalOf(from).minus(decimalOf(amount)));
}

export function negateMoney(amount: Money): Money {
  return stored(decimalOf(amount).negated());
}

/** Below 0 when `left` is the smaller, 0 when both are the same amount, above 0 otherwise. */
export function compareMoney(left: Money, right: Money): number {
  return decimalOf(left).comparedTo(decimalOf(right));
}

/**
 * What an amount becomes when only part of its base is left: amount x left / leftAtAmount, rounded once. `amount` is
 * the commission at its creation or last adjustment and `leftAtAmount` what was left of the line then, so that
 * repeated refunds compute the total due and never add up rounded parts.
 * @throws {RangeError} unless 0 <= left <= leftAtAmount and leftAtAmount > 0
 */
export function proportion(
  amount: Money,
  left: DecimalInput,
  leftAtAmount: DecimalInput,
  currency: string,
): Money {
  const [part, whole] = [decimalOf(left), decimalOf(leftAtAmount)];
  if (whole.lte(0) || part.lt(0) || part.gt(whole)) {
    throw new RangeError(`No proportion: ${part.toFixed()} left of ${whole.toFixed()}`);
  }
  return roundMoney(decimalOf(amount).times(part).dividedBy(whole), currency);
}

function stored(value: Decimal): Money {
  if (value.abs().gt(MAX_MONEY)) throw new MoneyError(`${value.toFixed()} is beyond ${MAX_MONEY}`);
  return value.toFixed(STORED_DECIMALS);
}

/** decimal.js also reads hexadecimal, exponents of a million and Infinity: none of them is an amount. */
function isDecimalText(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(text);
}

function decimalOf(value: DecimalInput): Decimal {
  if (typeof value === 'string' && !isDecimalText(value)) {
    throw new MoneyError(`${JSON.stringify(value)} is not a decimal number`);
  }
  return new Decimal(value);
}
