import { inHours } from './cover.ts';
import type { Cover, Span } from './cover.ts';
import {
  COMMISSION_FIGURES,
  CONVERSION_FIGURES,
  EARNING_FIGURES,
  figureNames,
  PAID_FIGURES,
  PARTNER_FIGURES,
} from './figures.ts';
import type { PartnerFigure } from './figures.ts';
import { rowsWithin } from './rows-within.ts';
import type { Statement } from './statement.ts';

/**
 * Relations of facts for a statement: rows that add up to the figures of its cover, whatever they come from. The only
 * place that knows which grain is read for what.
 */

const ALL = figureNames(PARTNER_FIGURES);
const EARNINGS = figureNames(EARNING_FIGURES);

/** `at`, `partner_id` and the figures asked for; narrowed to the statement's partner when it has one. */
export function partnerFacts(s: Statement, names: readonly PartnerFigure[] = ALL): string {
  const { days, hours } = s.cover;
  return union(s, 'partner_id', names, [
    ...rollup(s, { table: 'rollup_partner_days', moment: 'day', spans: days, names, id: 'partner_id' }),
    ...rollup(s, { table: 'rollup_partner_hours', moment: 'hour', spans: hours, names, id: 'partner_id' }),
    ...baseRows(s, names),
  ]);
}

/** The same for whoever does not ask by partner: `partner_id` is null where it comes from a rollup of the programme. */
export function programFacts(s: Statement, names: readonly PartnerFigure[] = ALL): string {
  if (s.scope.partnerId !== undefined) return partnerFacts(s, names);
  const { hours } = inHours(s.cover);
  return union(s, 'partner_id', names, [
    ...rollup(s, { table: 'rollup_program_hours', moment: 'hour', spans: hours, names, id: undefined }),
    ...baseRows(s, names),
  ]);
}

const CLICKS = ['valid_clicks'];

/** `at`, `partner_id`, `valid_clicks`. Clicks have no currency. */
export function clickFacts(s: Statement): string {
  const { days, hours } = s.cover;
  const part = { names: CLICKS, id: 'partner_id', anyCurrency: true } as const;
  return union(s, 'partner_id', CLICKS, [
    ...rollup(s, { ...part, table: 'rollup_click_days', moment: 'day', spans: days }),
    ...rollup(s, { ...part, table: 'rollup_click_hours', moment: 'hour', spans: hours }),
    ...clickRows(s),
  ]);
}

/** The same for whoever does not ask by partner: `partner_id` is null where it comes from a rollup of the programme. */
export function programClickFacts(s: Statement): string {
  if (s.scope.partnerId !== undefined) return clickFacts(s);
  const { hours: spans } = inHours(s.cover);
  const part = { names: CLICKS, id: undefined, anyCurrency: true };
  return union(s, 'partner_id', CLICKS, [
    ...rollup(s, { ...part, table: 'rollup_program_click_hours', moment: 'hour', spans }),
    ...clickRows(s),
  ]);
}

/** `policy_id` and the figures of earnings. A partner's are read row by row: no rollup is by policy and partner. */
export function policyFacts(s: Statement): string {
  const { days, hours, rows } = s.scope.partnerId === undefined ? s.cover : rowsOnly(s);
  const part = { names: EARNINGS, id: 'policy_id' } as const;
  return union(s, 'policy_id', EARNINGS, [
    ...rollup(s, { ...part, table: 'rollup_policy_days', moment: 'day', spans: days }),
    ...rollup(s, { ...part, table: 'rollup_policy_hours', moment: 'hour', spans: hours }),
    ...commissions(s, {
      rows,
      moment: 'created_at',
      select: `c.policy_id, ${expressions(EARNING_FIGURES, EARNINGS)}`,
      where: ` AND c.kind = 'earning' AND c.policy_id IS NOT NULL`,
    }),
  ]);
}

/** `product_id` and primary `conversions`. */
export function productFacts(s: Statement): string {
  const { days, hours, rows } = s.scope.partnerId === undefined ? s.cover : rowsOnly(s);
  const part = { names: ['conversions'], id: 'product_id' } as const;
  return union(s, 'product_id', part.names, [
    ...rollup(s, { ...part, table: 'rollup_product_days', moment: 'day', spans: days }),
    ...rollup(s, { ...part, table: 'rollup_product_hours', moment: 'hour', spans: hours }),
    ...conversions(s, { rows, select: 'e.product_id, 1 AS conversions', where: ' AND e.is_primary' }),
  ]);
}

/** Everything row by row. */
function rowsOnly({ cover }: Statement): Cover {
  return { days: [], hours: [], rows: [...cover.days, ...cover.hours, ...cover.rows] };
}

type Id = 'partner_id' | 'policy_id' | 'product_id';

/** Of an empty range there are no parts, and yet it has columns, and its placeholder a type. */
function union(s: Statement, id: Id, names: readonly string[], parts: readonly string[]): string {
  if (parts.length > 0) return parts.join('\nUNION ALL\n');
  const zeros = names.map((name) => `0 AS ${name}`).join(', ');
  return `SELECT NULL::timestamptz AS at, NULL::uuid AS ${id}, ${zeros} WHERE ${s.programId} IS NULL`;
}

interface RollupPart {
  readonly table: string;
  readonly moment: 'day' | 'hour';
  readonly spans: readonly Span[];
  readonly names: readonly string[];
  readonly id: Id | undefined;
  readonly anyCurrency?: boolean;
}

function rollup(s: Statement, part: RollupPart): string[] {
  const { table, moment, spans, names, id, anyCurrency = false } = part;
  if (spans.length === 0) return [];
  const currency = anyCurrency ? '' : ` AND r.currency = ${s.bind(s.scope.currency)}`;
  const own = id === 'partner_id' ? ownPartner(s, 'r') : '';
  const idColumn = id === undefined ? 'NULL::uuid AS partner_id' : `r.${id}`;
  const select = `r.${moment} AS at, ${idColumn}, ${names.map((name) => `r.${name}`).join(', ')}`;
  return rowsWithin(s, { table, alias: 'r', moment, spans, select, where: currency + own });
}

/** Parts of hours, from the base tables; those that know any of the figures. */
function baseRows(s: Statement, names: readonly PartnerFigure[]): string[] {
  const { rows } = s.cover;
  const knows = (known: object): boolean => names.some((name) => name in known);
  const figures = (known: Readonly<Record<string, string>>, alias: string): string =>
    `${alias}.partner_id, ${expressions(known, names)}`;
  return [
    ...(knows(CONVERSION_FIGURES)
      ? conversions(s, { rows, select: figures(CONVERSION_FIGURES, 'e'), where: '' })
      : []),
    ...(knows(COMMISSION_FIGURES)
      ? commissions(s, {
          rows,
          moment: 'created_at',
          select: figures(COMMISSION_FIGURES, 'c'),
          where: '',
        })
      : []),
    ...(knows(PAID_FIGURES)
      ? commissions(s, { rows, moment: 'paid_at', select: figures(PAID_FIGURES, 'c'), where: '' })
      : []),
  ];
}

function clickRows(s: Statement): string[] {
  const { rows: spans } = s.cover;
  if (spans.length === 0) return [];
  return rowsWithin(s, {
    table: 'referral_clicks',
    alias: 'c',
    moment: 'clicked_at',
    spans,
    select: 'c.clicked_at AS at, c.partner_id, 1 AS valid_clicks',
    where: ` AND c.status = 'valid'${ownPartner(s, 'c')}`,
  });
}

interface BasePart {
  readonly rows: readonly Span[];
  readonly select: string;
  readonly where: string;
}

function conversions(s: Statement, { rows, select, where }: BasePart): string[] {
  if (rows.length === 0) return [];
  return rowsWithin(s, {
    table: 'conversion_events',
    alias: 'e',
    moment: 'converted_at',
    spans: rows,
    select: `e.converted_at AS at, ${select}`,
    where: ` AND e.currency = ${s.bind(s.scope.currency)}${ownPartner(s, 'e')}${where}`,
  });
}

function commissions(
  s: Statement,
  { rows, moment, select, where }: BasePart & { readonly moment: 'created_at' | 'paid_at' },
): string[] {
  if (rows.length === 0) return [];
  return rowsWithin(s, {
    table: 'commissions',
    alias: 'c',
    moment,
    spans: rows,
    select: `c.${moment} AS at, ${select}`,
    where: ` AND c.currency = ${s.bind(s.scope.currency)}${ownPartner(s, 'c')}${where}`,
  });
}

function ownPartner(s: Statement, alias: string): string {
  const { partnerId } = s.scope;
  return partnerId === undefined ? '' : ` AND ${alias}.partner_id = ${s.bind(partnerId)}::uuid`;
}

/** Every figure in the order of `names`; those that this kind of row knows nothing of are 0. */
function expressions(known: Readonly<Record<string, string>>, names: readonly string[]): string {
  return names.map((name) => `${known[name] ?? '0'} AS ${name}`).join(', ');
}
