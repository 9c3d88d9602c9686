/** Fields of a CSV record (RFC 4180); undefined where its quotes do not match. */
export function csvFields(record: string): string[] | undefined {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    const field = record[at] === '"' ? quotedField(record, at) : plainField(record, at);
    if (field === undefined) return undefined;
    fields.push(field.value);
    if (field.end >= record.length) return fields;
    if (record[field.end] !== ',') return undefined;
    at = field.end + 1;
  }
}

interface Field {
  readonly value: string;
  readonly end: number;
}

function plainField(record: string, start: number): Field | undefined {
  const comma = record.indexOf(',', start);
  const end = comma === -1 ? record.length : comma;
  const value = record.slice(start, end);
  return value.includes('"') ? undefined : { value: value.trim(), end };
}

function quotedField(record: string, start: number): Field | undefined {
  let value = '';
  for (let at = start + 1; at < record.length; at += 1) {
    if (record[at] !== '"') value += record[at];
    else if (record[at + 1] === '"') {
      value += '"';
      at += 1;
    } else return { value, end: at + 1 };
  }
  return undefined;
}

type FieldKind = 'text' | 'number' | 'boolean' | 'json';

/** The columns that a file may have: the fields of a posted conversion without `lines`. */
const COLUMNS: Readonly<Record<string, FieldKind>> = {
  orderId: 'text',
  productId: 'text',
  sku: 'text',
  orderAmount: 'number',
  commissionableAmount: 'number',
  quantity: 'number',
  currency: 'text',
  clickId: 'text',
  sessionId: 'text',
  referralCode: 'text',
  customerRef: 'text',
  isNewCustomer: 'boolean',
  convertedAt: 'text',
  confirmed: 'boolean',
  metadata: 'json',
};

export const CSV_COLUMNS = Object.keys(COLUMNS);

const NUMBER = /^-?\d+(\.\d+)?$/;

/** A record as the body of `POST /tracking/conversion` would be. What is no number or truth value stays text, to be refused. */
export function csvValues(header: readonly string[], fields: readonly string[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [index, name] of header.entries()) {
    const text = fields[index] ?? '';
    if (text !== '') values[name] = valueOf(COLUMNS[name] ?? 'text', text);
  }
  return values;
}

function valueOf(kind: FieldKind, text: string): unknown {
  if (kind === 'number' && NUMBER.test(text)) return Number(text);
  if (kind === 'boolean' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if (kind !== 'json') return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
