import { resolveDateRange, validationError, type FieldError } from '@tributary/http-kit';
import type {
  CommissionAttention,
  CommissionFilter,
  FilterColumns,
  Parameters,
} from '@tributary/commissions';
import type { ListSource } from '../lists/list-source.ts';
import { COMMISSION_LIST, PRESENT_COLUMNS, SHOWN, type CommissionSort } from './source.ts';

export interface AskedMoment {
  readonly asOf?: string | undefined;
  readonly attention?: CommissionAttention | undefined;
  readonly sort: CommissionSort | `-${CommissionSort}`;
}

export interface ReportingClock {
  readonly timeZone: string;
  readonly now: Date;
}

/** The moment that is asked for; undefined for now. A bare date is its midnight in the reporting time zone. */
export function momentOf(asOf: string | undefined, clock: ReportingClock): Date | undefined {
  return asOf === undefined ? undefined : resolveDateRange({ dateTo: asOf }, clock).to;
}

/**
 * The moment that a list is asked for.
 * @throws 400 for an order by amount, which at a past moment is in no index, and for what is wrong only now
 */
export function pastMoment({ asOf, attention, sort }: AskedMoment, clock: ReportingClock): Date | undefined {
  if (asOf === undefined) return undefined;
  const faults: FieldError[] = [];
  if (sort.endsWith('commissionAmount'))
    faults.push({ path: 'sort', message: 'commissionAmount is no order of a past moment (asOf)' });
  if (attention !== undefined)
    faults.push({ path: 'attention', message: 'is of now and not of a past moment (asOf)' });
  if (faults.length > 0) throw validationError(faults);
  return momentOf(asOf, clock);
}

/** Where commissions are read from: the table, or the table and its entries for a past moment. */
export interface CommissionView {
  readonly source: ListSource<CommissionSort>;
  /** The columns of `SHOWN`. */
  readonly shown: string;
  readonly filterColumns?: FilterColumns;
  readonly conditions: readonly string[];
}

const PRESENT: CommissionView = {
  source: COMMISSION_LIST,
  shown: PRESENT_COLUMNS,
  conditions: [],
};

const PRESENT_BY_STATUS: CommissionView = {
  ...PRESENT,
  source: { ...COMMISSION_LIST, chosenByIndex: true },
};

/**
 * Commissions as they were at a past moment: status, amount and version from the last entry by then. What happens to a
 * commission once (confirmation, payment, cancellation) is told by its time on the row; what may happen several times is looked
 * up among the entries, for the rows of the page alone. Pages walk the same indexes as those of now, and each row passed costs
 * a look into the key of `commission_entries`.
 */
export function commissionsAsOf(
  parameters: Parameters,
  asOf: Date | undefined,
  { sort, dateField, status }: Pick<AskedMoment, 'sort'> & Pick<CommissionFilter, 'dateField' | 'status'>,
): CommissionView {
  if (asOf === undefined) return status === undefined ? PRESENT : PRESENT_BY_STATUS;
  const then = parameters.add(asOf, 'timestamptz');
  const was = pastColumns(then);
  const shown = SHOWN.map((column) => `${was[column] ?? `c.${column}`} AS ${column}`).join(', ');
  const ordered = (field: string): boolean => dateField === field || sort.endsWith(`${field}At`);
  return {
    source: {
      ...PAST_LIST,
      from: `commissions c CROSS JOIN LATERAL (${entriesBy(then, 'h.status_after, h.amount_after, h.version, h.at')} ORDER BY h.version DESC LIMIT 1) e`,
      columns: `${shown}, ${metadataThen(then)} AS metadata`,
    },
    shown,
    filterColumns: { status: statusThen(then), amount: 'e.amount_after', refunded: refundedThen(then) },
    conditions: [
      `c.created_at <= ${then}`,
      ...['confirmed', 'paid'].filter(ordered).map((field) => `c.${field}_at <= ${then}`),
    ],
  };
}

const entriesBy = (then: string, what: string): string =>
  `SELECT ${what} FROM commission_entries h WHERE h.program_id = c.program_id AND h.commission_id = c.id AND h.at <= ${then}`;

/** What a row said depends on the moment too: it is not to be remembered. */
const { revision: _revision, ...PAST_LIST } = COMMISSION_LIST;

/** What differs from the row of now. */
function pastColumns(then: string): Readonly<Record<string, string>> {
  const since = (time: string, value = time): string => `CASE WHEN ${time} <= ${then} THEN ${value} END`;
  return {
    status: 'e.status_after',
    commission_amount: 'e.amount_after',
    version: 'e.version',
    updated_at: 'e.at',
    confirmed_at: since('c.confirmed_at'),
    paid_at: since('c.paid_at'),
    cancelled_at: since('c.cancelled_at'),
    refunded_at: `coalesce((${entriesBy(then, 'max(h.at)')} AND h.action = 'refunded'),
      CASE WHEN ${BORN_REFUNDED} THEN c.created_at END)`,
    payment_method: since('c.paid_at', 'c.payment_method'),
    payment_reference: since('c.paid_at', 'c.payment_reference'),
    payout_id: since('c.paid_at', 'c.payout_id'),
    review_hold: `coalesce((${entriesBy(then, "h.action = 'held'")} AND h.action IN ('held', 'released')
        ORDER BY h.version DESC LIMIT 1), false)`,
    clawed_back_amount: `CASE WHEN c.clawed_back_amount = 0 THEN c.clawed_back_amount ELSE coalesce((
        SELECT -sum(k.commission_amount) FROM commissions k WHERE k.program_id = c.program_id
          AND k.original_commission_id = c.id AND k.created_at <= ${then}), 0.00) END`,
  };
}

/** Part of its line had been refunded when it was created: none of its entries tells of that. */
const BORN_REFUNDED = `(c.refunded_at IS NOT NULL AND (c.refunded_at = c.created_at OR EXISTS (SELECT FROM conversion_events v
        JOIN refunds f ON f.program_id = v.program_id AND f.order_line_id = v.order_line_id AND f.created_at <= c.created_at
        WHERE v.program_id = c.program_id AND v.id = c.conversion_id OFFSET 0)))`;

/**
 * The status as the row's times tell it, which equals that of the last entry by then: each status comes once. Rows of another
 * one are passed by without a look at their entries, and Postgres knows how many they are.
 */
function statusThen(then: string): FilterColumns['status'] {
  const since = (time: string): string => `c.${time}_at <= ${then}`;
  const notYet = (time: string): string => `(c.${time}_at IS NULL OR c.${time}_at > ${then})`;
  const conditions = {
    pending: [notYet('confirmed'), notYet('cancelled')],
    confirmed: [since('confirmed'), notYet('paid'), notYet('cancelled')],
    // Nothing leaves these two, and of what is in them an index tells.
    paid: ["c.status = 'paid'", since('paid')],
    cancelled: ["c.status = 'cancelled'", since('cancelled')],
  };
  return (status) => conditions[status].join(' AND ');
}

/**
 * As the filter of now: a refund of the unpaid, or one that was there before it, or a claw-back of the paid whose line had a
 * refund by then. Each is asked for the row at hand: without OFFSET Postgres would prepare for all rows and read the entries whole.
 */
const refundedThen = (
  then: string,
): string => `(EXISTS (${entriesBy(then, '')} AND h.action = 'refunded' OFFSET 0) OR ${BORN_REFUNDED}
    OR (EXISTS (SELECT FROM commissions k WHERE k.program_id = c.program_id AND k.original_commission_id = c.id
        AND k.created_at <= ${then} OFFSET 0)
      AND EXISTS (SELECT FROM conversion_events v
        JOIN refunds f ON f.program_id = v.program_id AND f.order_line_id = v.order_line_id AND f.created_at <= ${then}
        WHERE v.program_id = c.program_id AND v.id = c.conversion_id AND v.refunded_amount > 0 OFFSET 0)))`;

/** Without what later changes added, and without the decision, as in every list. */
const metadataThen = (then: string): string => `(
    SELECT coalesce(jsonb_object_agg(m.key, CASE m.key WHEN 'adjustmentHistory' THEN h.adjustments ELSE m.value END), '{}')
    FROM jsonb_each(c.metadata) m, (
      SELECT jsonb_agg(a ORDER BY place) AS adjustments
      FROM jsonb_array_elements(c.metadata -> 'adjustmentHistory') WITH ORDINALITY AS one(a, place)
      WHERE (a ->> 'adjustedAt')::timestamptz <= ${then}) h
    WHERE m.key <> 'decision' AND (m.key <> 'adjustmentHistory' OR h.adjustments IS NOT NULL)
      AND (m.key NOT IN ('cancelledBy', 'cancellationReason') OR c.cancelled_at <= ${then}))`;
