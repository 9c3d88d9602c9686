import { z } from 'zod';

/** Turns text into a number only when it is one: `''`, `' 1'`, `0x10` and `1e3` are faults, not numbers. */
function asNumber(pattern: RegExp) {
  return (value: unknown) => (typeof value === 'string' && pattern.test(value) ? Number(value) : value);
}

/** A whole number in a query string. */
export function queryInteger(min: number, max: number) {
  return z.preprocess(asNumber(/^-?\d{1,15}$/), z.int().min(min).max(max));
}

/** An amount of money in a query string: up to two decimals, may be negative. */
export function queryAmount() {
  return z.preprocess(asNumber(/^-?\d{1,12}(\.\d{1,2})?$/), z.number());
}

/** `true` or `false` in a query string. */
export function queryBoolean() {
  return z.preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), z.boolean());
}
