import type { Span } from './cover.ts';
import {
  COMMISSION_FIGURES,
  CONVERSION_FIGURES,
  EARNING_FIGURES,
  figureNames,
  PAID_FIGURES,
  PARTNER_FIGURES,
} from './figures.ts';
import { inHours } from './cover.ts';
import type { Statement } from './statement.ts';

/**
 * Relations of facts for a statement: rows that add up to the figures of its cover, whatever they come from. The only
 * place that knows which grain is read for what.
 */

/** `at`, `partner_id` and every figure of partners; narrowed to the statement's partner when it has one. */
export function partnerFacts(s: Statement): string {
  const names = figureNames(PARTNER_FIGURES);
  return [
    rollup(s, { table: 'rollup_partner_days', moment: 'day', spans: s.cover.days, names, id: 'partner_id' }),
    rollup(s, {
      table: 'rollup_partner_hours',
      moment: 'hour',
      spans: s.cover.hours,
      names,
      id: 'partner_id',
    }),
    ...baseRows(s),
  ].join('\nUNION ALL\n');
}

/** The same for whoever does not ask by partner: `partner_id` is null where it comes from a rollup of the programme. */
export function programFacts(s: Statement): string {
  if (s.scope.partnerId !== undefined) return partnerFacts(s);
  const names = figureNames(PARTNER_FIGURES);
  const { hours } = inHours(s.cover);
  return [
    rollup(s, { table: 'rollup_program_hours', moment: 'hour', spans: hours, names, id: undefined }),
    ...baseRows(s),
  ].join('\nUNION ALL\n');
}

/** `at`, `partner_id`, `valid_clicks`. Clicks have no currency. */
export function clickFacts(s: Statement): string {
  const names = ['valid_clicks'];
  const id = 'partner_id';
  const anyCurrency = true;
  const where = `c.status = 'valid'${ownPartner(s, 'c')}`;
  return [
    rollup(s, { table: 'rollup_click_days', moment: 'day', spans: s.cover.days, names, id, anyCurrency }),
    rollup(s, { table: 'rollup_click_hours', moment: 'hour', spans: s.cover.hours, names, id, anyCurrency }),
    `SELECT c.clicked_at AS at, c.partner_id, 1 AS valid_clicks
     FROM ${rowsIn(s, { table: 'referral_clicks', alias: 'c', moment: 'clicked_at', rows: s.cover.rows, where })}`,
  ].join('\nUNION ALL\n');
}

/** `policy_id` and the figures of earnings. A partner's are read row by row: no rollup is by policy and partner. */
export function policyFacts(s: Statement): string {
  const { hours, rows } = s.scope.partnerId === undefined ? inHours(s.cover) : rowsOnly(s);
  const names = figureNames(EARNING_FIGURES);
  return [
    rollup(s, { table: 'rollup_policy_hours', moment: 'hour', spans: hours, names, id: 'policy_id' }),
    `SELECT c.created_at AS at, c.policy_id, ${expressions(EARNING_FIGURES, names)}
     FROM ${commissionsIn(s, rows, 'created_at')}
     WHERE c.kind = 'earning' AND c.policy_id IS NOT NULL`,
  ].join('\nUNION ALL\n');
}

/** `product_id` and primary `conversions`. */
export function productFacts(s: Statement): string {
  const { hours, rows } = s.scope.partnerId === undefined ? inHours(s.cover) : rowsOnly(s);
  return [
    rollup(s, {
      table: 'rollup_product_hours',
      moment: 'hour',
      spans: hours,
      names: ['conversions'],
      id: 'product_id',
    }),
    `SELECT e.converted_at AS at, e.product_id, 1 AS conversions FROM ${conversionsIn(s, rows)} WHERE e.is_primary`,
  ].join('\nUNION ALL\n');
}

function rowsOnly({ cover }: Statement): { hours: Span[]; rows: readonly Span[] } {
  const spans = [...cover.days, ...cover.hours, ...cover.rows];
  return { hours: [], rows: spans };
}

interface RollupPart {
  readonly table: string;
  readonly moment: 'day' | 'hour';
  readonly spans: readonly Span[];
  readonly names: readonly string[];
  readonly id: 'partner_id' | 'policy_id' | 'product_id' | undefined;
  readonly anyCurrency?: boolean;
}

function rollup(s: Statement, { table, moment, spans, names, id, anyCurrency = false }: RollupPart): string {
  const currency = anyCurrency ? '' : ` AND r.currency = ${s.bind(s.scope.currency)}`;
  const own = id === 'partner_id' ? ownPartner(s, 'r') : '';
  const idColumn = id === undefined ? 'NULL::uuid AS partner_id' : `r.${id}`;
  return `SELECT r.${moment} AS at, ${idColumn}, ${names.map((name) => `r.${name}`).join(', ')}
     FROM ${s.spans(spans, 'part')} JOIN ${table} r ON r.program_id = ${s.programId}${currency}
       AND r.${moment} >= part.from_at AND r.${moment} < part.to_at${own}`;
}

/** Parts of hours, from the base tables: conversions, commissions by creation, commissions by payment. */
function baseRows(s: Statement): string[] {
  const names = figureNames(PARTNER_FIGURES);
  const { rows } = s.cover;
  return [
    `SELECT e.converted_at AS at, e.partner_id, ${expressions(CONVERSION_FIGURES, names)} FROM ${conversionsIn(s, rows)}`,
    `SELECT c.created_at AS at, c.partner_id, ${expressions(COMMISSION_FIGURES, names)}
     FROM ${commissionsIn(s, rows, 'created_at')}`,
    `SELECT c.paid_at AS at, c.partner_id, ${expressions(PAID_FIGURES, names)} FROM ${commissionsIn(s, rows, 'paid_at')}`,
  ];
}

function conversionsIn(s: Statement, rows: readonly Span[]): string {
  const inCurrency = `e.currency = ${s.bind(s.scope.currency)}${ownPartner(s, 'e')}`;
  return rowsIn(s, {
    table: 'conversion_events',
    alias: 'e',
    moment: 'converted_at',
    rows,
    where: inCurrency,
  });
}

function commissionsIn(s: Statement, rows: readonly Span[], moment: 'created_at' | 'paid_at'): string {
  const inCurrency = `c.currency = ${s.bind(s.scope.currency)}${ownPartner(s, 'c')}`;
  return rowsIn(s, { table: 'commissions', alias: 'c', moment, rows, where: inCurrency });
}

interface BaseRows {
  readonly table: string;
  readonly alias: string;
  readonly moment: string;
  readonly rows: readonly Span[];
  readonly where: string;
}

/**
 * The rows of a base table within spans. OFFSET 0 keeps the spans outside: joined, each would count as a ninth of the table,
 * and minutes of rows would be looked for by reading all of it.
 */
function rowsIn(s: Statement, { table, alias, moment, rows, where }: BaseRows): string {
  return `${s.spans(rows, 'part')} CROSS JOIN LATERAL (
       SELECT * FROM ${table} ${alias} WHERE ${alias}.program_id = ${s.programId} AND ${where}
         AND ${alias}.${moment} >= part.from_at AND ${alias}.${moment} < part.to_at OFFSET 0) AS ${alias}`;
}

function ownPartner(s: Statement, alias: string): string {
  const { partnerId } = s.scope;
  return partnerId === undefined ? '' : ` AND ${alias}.partner_id = ${s.bind(partnerId)}::uuid`;
}

/** Every figure in the order of `names`; those that this kind of row knows nothing of are 0. */
function expressions(known: Readonly<Record<string, string>>, names: readonly string[]): string {
  return names.map((name) => `${known[name] ?? '0'} AS ${name}`).join(', ');
}
