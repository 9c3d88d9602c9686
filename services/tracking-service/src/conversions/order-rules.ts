import { CLOCK_SKEW_MS } from '@tributary/commissions';
import { hasDecimals, moneyFaults, type FieldError } from '@tributary/http-kit';
import { isCurrency } from '@tributary/schema';

/** What was sent, whatever it is: its fields may be wrong each by itself, and are judged together all the same. */
type Sent = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Sent =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Of what is null the field itself says that it must not be. */
const isAbsent = (value: unknown): boolean => value === undefined || value === null;

const SINGLE_FIELDS = ['productId', 'sku', 'orderAmount', 'commissionableAmount', 'quantity'] as const;
const EARLIEST_MS = Date.UTC(1970, 0, 1);

/**
 * What is wrong with a posted conversion by the rules that go beyond single fields, as far as can be told: what breaks a rule of
 * its own is compared with nothing.
 */
export function ruleFaults(sent: unknown, now: Date): FieldError[] {
  if (!isObject(sent)) return [];
  return [...shapeFaults(sent), ...timeFaults(sent, now), ...linesOf(sent).flatMap(lineFaults)];
}

function shapeFaults(sent: Sent): FieldError[] {
  if (isAbsent(sent['lines'])) {
    const isMissing = sent['orderAmount'] === undefined;
    return isMissing ? [{ path: 'orderAmount', message: 'is required where there are no lines' }] : [];
  }
  return SINGLE_FIELDS.filter((field) => !isAbsent(sent[field])).map((path) => ({
    path,
    message: 'must not stand beside lines',
  }));
}

function timeFaults({ convertedAt }: Sent, now: Date): FieldError[] {
  if (typeof convertedAt !== 'string') return [];
  const at = Date.parse(convertedAt);
  if (at > now.getTime() + CLOCK_SKEW_MS)
    return [{ path: 'convertedAt', message: 'must not be in the future' }];
  return at < EARLIEST_MS ? [{ path: 'convertedAt', message: 'must not be before 1970' }] : [];
}

interface SentLine {
  readonly line: Sent;
  readonly amountField: 'amount' | 'orderAmount';
  readonly currency: unknown;
  /** Of its fields: `lines.0.`, or empty. */
  readonly path: string;
}

function linesOf(sent: Sent): SentLine[] {
  const { currency, lines } = sent;
  if (isAbsent(lines)) return [{ line: sent, amountField: 'orderAmount', currency, path: '' }];
  if (!Array.isArray(lines)) return [];
  return lines.flatMap((line: unknown, index) =>
    isObject(line) ? [{ line, amountField: 'amount', currency, path: `lines.${index}.` }] : [],
  );
}

function lineFaults({ line, amountField, currency, path }: SentLine): FieldError[] {
  const { productId, sku } = line;
  const amount = amountOf(line[amountField]);
  const commissionableAmount = amountOf(line['commissionableAmount']);
  const faults: FieldError[] = [];
  if (isAbsent(productId) && isAbsent(sku))
    faults.push({ path: 'productId', message: 'is required, or sku' });
  if (!isAbsent(productId) && !isAbsent(sku))
    faults.push({ path: 'sku', message: 'must not stand beside productId' });
  if (amount !== undefined && commissionableAmount !== undefined && commissionableAmount > amount)
    faults.push({ path: 'commissionableAmount', message: 'must not be more than the amount' });
  if (typeof currency === 'string' && isCurrency(currency))
    faults.push(...moneyFaults(currency, { [amountField]: amount, commissionableAmount }));
  return faults.map((fault) => ({ ...fault, path: `${path}${fault.path}` }));
}

/** Of an amount that is none, the field itself says so. */
const amountOf = (value: unknown): number | undefined =>
  typeof value === 'number' && hasDecimals(value, 2) ? value : undefined;
