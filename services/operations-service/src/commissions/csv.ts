/** Spreadsheets take a cell that begins like this for a formula, quoted or not. */
const FORMULA_START = /^[=+\-@\t\r\n\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}]/u;
const NEEDS_QUOTES = /[",\r\n]/;

/** Text that somebody else chose: what would be a formula gets an apostrophe, which spreadsheets show as plain text. */
export function textCell(value: string | null): string {
  if (value === null) return '';
  const safe = FORMULA_START.test(value.trimStart()) || FORMULA_START.test(value) ? `'${value}` : value;
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Decimal text of Postgres, ids and times: nothing in it needs care, and a negative amount must stay a number. */
export function plainCell(value: string | number | boolean | Date | null): string {
  if (value === null) return '';
  return value instanceof Date ? value.toISOString() : String(value);
}

/** RFC 4180: lines end with CR LF. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.join(',')}\r\n`;
}
