import { currencyDecimals } from '@tributary/schema';
import { Decimal, plainText } from '../money/decimal.ts';
import { allot, money, roundMoney, ZERO_MONEY, type Money } from '../money/index.ts';
import { bandFor, describeBand } from './bands.ts';
import type { CommissionLine, Policy } from './types.ts';

/** One step of the arithmetic: what went in and came out as decimal text, and the same as a sentence. */
export interface ArithmeticStep {
  step:
    | 'percentage'
    | 'fixed'
    | 'band_rate'
    | 'band_amount'
    | 'minimum'
    | 'maximum'
    | 'sum'
    | 'cap'
    | 'remaining'
    | 'round';
  policyCode: string | null;
  values: Record<string, string>;
  result: string;
  sentence: string;
}

export interface Calculation {
  amount: Money;
  /** The winner's percent: its rate, or its band's; null where it pays an amount. */
  rate: string | null;
  /** Each used policy's part of the amount, in the order given, by largest remainder: they add up to it. */
  parts: Money[];
  steps: ArithmeticStep[];
}

interface Priced {
  value: Decimal;
  rate: string | null;
  steps: ArithmeticStep[];
}

/**
 * Prices a line with the policies that are used on it, the winner first: each one's amount within its own minimum and
 * maximum, then the sum, capped at the attributed amount, reduced to what refunds have left, and rounded once.
 * @throws {MoneyError} when the attributed amount is finer than its currency
 */
export function calculateCommission(policies: readonly Policy[], line: CommissionLine): Calculation {
  const priced = policies.map((policy) => priceWithin(policy, line));
  const steps = priced.flatMap((price) => price.steps);
  let value = priced.reduce((sum, price) => sum.plus(price.value), new Decimal(0));
  if (priced.length > 1) steps.push(sumStep(priced, value, line));

  const cap = new Decimal(money(line.attributedAmount, line.currency));
  if (value.gt(cap)) {
    steps.push(capStep(value, cap, line));
    value = cap;
  }
  if (line.remaining !== undefined && line.remaining.left !== line.remaining.of) {
    const step = remainingStep(value, line.remaining, line.currency);
    steps.push(step.record);
    value = step.value;
  }
  const amount = roundMoney(value, line.currency);
  if (!value.eq(amount)) steps.push(roundStep(value, amount, line.currency));
  return { amount, rate: priced[0]?.rate ?? null, parts: partsOf(amount, priced, line.currency), steps };
}

function priceWithin(policy: Policy, line: CommissionLine): Priced {
  const priced = price(policy, line);
  const minimum = scaled(policy.minCommission, line);
  const maximum = scaled(policy.maxCommission, line);
  let { value } = priced;
  const steps = [...priced.steps];
  if (minimum !== undefined && value.lt(minimum)) {
    steps.push(boundStep('minimum', { policy, value, bound: minimum, line }));
    value = minimum;
  }
  // Should the two contradict each other, the programme's money is the safer side: the maximum has the last word.
  if (maximum !== undefined && value.gt(maximum)) {
    steps.push(boundStep('maximum', { policy, value, bound: maximum, line }));
    value = maximum;
  }
  return { ...priced, value, steps };
}

function price(policy: Policy, line: CommissionLine): Priced {
  switch (policy.type) {
    case 'percentage':
      return percentOf({ policy, line, rate: required(policy.rate, policy), step: 'percentage', where: '' });
    case 'fixed':
      return fixedAmount(policy, line);
    case 'tiered':
      return bandPrice(policy, line);
  }
}

function percentOf(input: {
  policy: Policy;
  line: CommissionLine;
  rate: string;
  step: 'percentage' | 'band_rate';
  where: string;
}): Priced {
  const { policy, line, step, where } = input;
  const rate = plainText(new Decimal(input.rate));
  const value = new Decimal(line.attributedAmount).times(rate).dividedBy(100);
  const record: ArithmeticStep = {
    step,
    policyCode: policy.code,
    values: { rate, attributedAmount: line.attributedAmount },
    result: plainText(value),
    sentence: `${policy.code}: ${where}${rate} % of ${line.attributedAmount} is ${inCurrency(value, line)}.`,
  };
  return { value, rate, steps: [record] };
}

function fixedAmount(policy: Policy, line: CommissionLine): Priced {
  const amount = required(policy.amount, policy);
  const value = new Decimal(amount).times(line.quantity).times(line.attributionWeight);
  const record: ArithmeticStep = {
    step: 'fixed',
    policyCode: policy.code,
    values: { amount, quantity: String(line.quantity), weight: line.attributionWeight },
    result: plainText(value),
    sentence: `${policy.code}: ${amount} x ${line.quantity}${weightFactor(line)} is ${inCurrency(value, line)}.`,
  };
  return { value, rate: null, steps: [record] };
}

function bandPrice(policy: Policy, line: CommissionLine): Priced {
  const band = bandFor(policy.tiers ?? [], line.commissionableAmount);
  if (band === undefined)
    throw new RangeError(`Policy ${policy.code} has no band for ${line.commissionableAmount}`);
  const where = `${line.commissionableAmount} is in the band ${describeBand(band)}: `;
  if (band.rate !== undefined) {
    return percentOf({ policy, line, rate: String(band.rate), step: 'band_rate', where });
  }
  const amount = String(required(band.amount ?? null, policy));
  const value = new Decimal(amount).times(line.attributionWeight);
  const record: ArithmeticStep = {
    step: 'band_amount',
    policyCode: policy.code,
    values: { amount, weight: line.attributionWeight },
    result: plainText(value),
    sentence: `${policy.code}: ${where}${amount}${weightFactor(line)} is ${inCurrency(value, line)}.`,
  };
  return { value, rate: null, steps: [record] };
}

function boundStep(
  step: 'minimum' | 'maximum',
  input: { policy: Policy; value: Decimal; bound: Decimal; line: CommissionLine },
): ArithmeticStep {
  const { policy, value, bound, line } = input;
  const term = (step === 'minimum' ? policy.minCommission : policy.maxCommission) ?? '';
  const verb = step === 'minimum' ? 'raised' : 'lowered';
  return {
    step,
    policyCode: policy.code,
    values: { value: plainText(value), [step]: term, weight: line.attributionWeight },
    result: plainText(bound),
    sentence: `${policy.code}: ${verb} to its ${step} ${term}${weightFactor(line)}, ${inCurrency(bound, line)}.`,
  };
}

function sumStep(priced: readonly Priced[], sum: Decimal, line: CommissionLine): ArithmeticStep {
  const terms = priced.map(({ value }) => plainText(value));
  return {
    step: 'sum',
    policyCode: null,
    values: Object.fromEntries(terms.map((term, index) => [`term${index + 1}`, term])),
    result: plainText(sum),
    sentence: `Together ${terms.join(' + ')} is ${inCurrency(sum, line)}.`,
  };
}

function capStep(value: Decimal, cap: Decimal, line: CommissionLine): ArithmeticStep {
  return {
    step: 'cap',
    policyCode: null,
    values: { value: plainText(value), attributedAmount: line.attributedAmount },
    result: plainText(cap),
    sentence: `Never more than the attributed amount: ${plainText(value)} becomes ${inCurrency(cap, line)}.`,
  };
}

function remainingStep(
  value: Decimal,
  remaining: { left: Money; of: Money },
  currency: string,
): { value: Decimal; record: ArithmeticStep } {
  const { left, of } = remaining;
  const [part, whole] = [new Decimal(left), new Decimal(of)];
  if (whole.lte(0) || part.lt(0) || part.gt(whole)) throw new RangeError(`${left} cannot be left of ${of}`);
  const reduced = value.times(part).dividedBy(whole);
  const sentence = `Refunds have left ${left} of ${of}: ${plainText(value)} x ${left} / ${of} is ${plainText(reduced)} ${currency}.`;
  const values = { value: plainText(value), left, of };
  return {
    value: reduced,
    record: { step: 'remaining', policyCode: null, values, result: plainText(reduced), sentence },
  };
}

function roundStep(value: Decimal, amount: Money, currency: string): ArithmeticStep {
  const decimals = currencyDecimals(currency);
  return {
    step: 'round',
    policyCode: null,
    values: { value: plainText(value), decimals: String(decimals) },
    result: amount,
    sentence: `Rounded half away from zero to ${decimals} decimals: ${new Decimal(amount).toFixed(decimals)} ${currency}.`,
  };
}

function partsOf(amount: Money, priced: readonly Priced[], currency: string): Money[] {
  const weights = priced.map(({ value }) => value);
  if (!weights.some((weight) => weight.gt(0))) return priced.map(() => ZERO_MONEY);
  return allot(amount, weights, currencyDecimals(currency)).map((part) => money(part, currency));
}

function scaled(bound: Money | null, line: CommissionLine): Decimal | undefined {
  return bound === null ? undefined : new Decimal(bound).times(line.attributionWeight);
}

function weightFactor(line: CommissionLine): string {
  const weight = new Decimal(line.attributionWeight);
  return weight.eq(1) ? '' : ` x weight ${plainText(weight)}`;
}

function inCurrency(value: Decimal, line: CommissionLine): string {
  return `${plainText(value)} ${line.currency}`;
}

/** `matchPolicy` lets no policy pass that lacks what its type needs. */
function required<Term>(term: Term | null, policy: Policy): Term {
  if (term === null) throw new RangeError(`Policy ${policy.code} lacks a term of its type ${policy.type}`);
  return term;
}
