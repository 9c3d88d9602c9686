import type { Span } from './cover.ts';
import type { Statement } from './statement.ts';

export interface RowsWithin {
  readonly table: string;
  readonly alias: string;
  /** The column that the spans are of. */
  readonly moment: string;
  readonly spans: readonly Span[];
  readonly select: string;
  /** Further conditions, each begun with AND. */
  readonly where: string;
}

/** More than the two ends of a range have: only series in zones with half hours do. */
const MANY_SPANS = 6;

/**
 * Selects the rows of a table within spans. A few spans are told by their bounds, from which Postgres sees how few rows
 * there are, and in which partitions. Many are a relation, kept outside by OFFSET 0: joined, each would count as a ninth of
 * the table, and minutes of rows would be looked for by reading all of it.
 */
export function rowsWithin(s: Statement, rows: RowsWithin): string[] {
  const { table, alias, moment, spans, select, where } = rows;
  const of = (from: string, to: string): string =>
    `${alias}.program_id = ${s.programId}${where} AND ${alias}.${moment} >= ${from} AND ${alias}.${moment} < ${to}`;
  if (spans.length <= MANY_SPANS) {
    return spans.map(
      (span) =>
        `SELECT ${select} FROM ${table} ${alias} WHERE ${of(`${s.bind(span.from)}::timestamptz`, `${s.bind(span.to)}::timestamptz`)}`,
    );
  }
  const relation = s.spans(spans, 'part');
  return [
    `SELECT ${select} FROM ${relation} CROSS JOIN LATERAL (
       SELECT * FROM ${table} ${alias} WHERE ${of('part.from_at', 'part.to_at')} OFFSET 0) AS ${alias}`,
  ];
}
