import { findUnstorable, validationError, type FieldError } from '@tributary/http-kit';
import type { ImportedLine } from '@tributary/schema/tables';
import { orderOf } from '../conversions/post-conversion.ts';
import type { PostedConversionSchema } from '../conversions/posted-conversion.ts';
import type { KeyedHashes } from '../privacy/keyed-hashes.ts';
import { CSV_COLUMNS, csvFields, csvValues } from './csv.ts';
import { readLines, type UploadedLine } from './read-lines.ts';

export type UploadFormat = 'ndjson' | 'csv';

export interface ParseDeps {
  readonly hashes: KeyedHashes;
  /** What a line has to be. */
  readonly schema: PostedConversionSchema;
  /** When an order was placed that does not say. */
  readonly now: Date;
}

/**
 * The orders of an upload as it comes. What is wrong with one line is told of that line; neither sessions nor customers are
 * named any more in what is answered.
 * @throws 400 for a CSV header that is none
 */
export async function* parseUpload(
  deps: ParseDeps,
  format: UploadFormat,
  body: AsyncIterable<Buffer>,
): AsyncIterable<ImportedLine> {
  const lines = readLines(body, { quoted: format === 'csv' });
  if (format === 'ndjson') {
    for await (const line of lines) yield importedLine(deps, line.line, () => JSON.parse(line.text));
    return;
  }
  let header: string[] | undefined;
  for await (const record of lines) {
    if (header === undefined) header = headerOf(record);
    else yield csvLine(deps, header, record);
  }
}

function headerOf({ text }: UploadedLine): string[] {
  const header = csvFields(text) ?? [];
  const unknown = header.filter((name) => !CSV_COLUMNS.includes(name));
  if (header.length > 0 && unknown.length === 0 && new Set(header).size === header.length) return header;
  const message = `must name columns once each, of ${CSV_COLUMNS.join(', ')}`;
  throw validationError([{ path: 'header', message }]);
}

function csvLine(deps: ParseDeps, header: readonly string[], { line, text }: UploadedLine): ImportedLine {
  const fields = csvFields(text);
  if (fields === undefined) return { line, fault: 'its quotes do not match' };
  if (fields.length !== header.length)
    return { line, fault: `it has ${fields.length} fields and the header has ${header.length}` };
  return importedLine(deps, line, () => csvValues(header, fields));
}

function importedLine({ hashes, schema, now }: ParseDeps, line: number, read: () => unknown): ImportedLine {
  let value: unknown;
  try {
    value = read();
  } catch {
    return { line, fault: 'it is not valid JSON' };
  }
  const unstorable = findUnstorable(value);
  if (unstorable.length > 0) return { line, fault: sentence(unstorable) };
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
    return { line, fault: sentence(faults) };
  }
  return { line, order: { ...orderOf(hashes, parsed.data, now) } };
}

/** A line could otherwise be told of at a thousand times its length. */
const MAX_NAMED = 5;
const MAX_PATH = 200;

/** Names the fields and never their values, which may be anybody's. */
function sentence(faults: readonly FieldError[]): string {
  const named = faults
    .slice(0, MAX_NAMED)
    .map(({ path, message }) => `${path.slice(0, MAX_PATH)} ${message}`.trim());
  const more = faults.length > MAX_NAMED ? [`and ${faults.length - MAX_NAMED} more`] : [];
  return [...named, ...more].join('; ');
}
