/** Sums by currency, as decimal text with two decimals. */
export type Amounts = Readonly<Record<string, string>>;

/** Adds to the sum of a currency. */
export function addAmount(amounts: Amounts, currency: string, amount: string): Amounts {
  return { ...amounts, [currency]: toText(hundredths(amounts[currency] ?? '0.00') + hundredths(amount)) };
}

export const differenceOf = (amount: string, before: string): string =>
  toText(hundredths(amount) - hundredths(before));

/** numeric(14,2) as Postgres writes it always has two decimals; a sum of many may be too large for a double. */
function hundredths(amount: string): bigint {
  if (!/^-?\d+\.\d{2}$/.test(amount)) throw new Error(`not an amount with two decimals: ${amount}`);
  return BigInt(amount.replace('.', ''));
}

function toText(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(3, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
