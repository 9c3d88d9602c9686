import { filterConditions, Parameters, type CommissionFilter } from '@tributary/commissions';
import { validationError } from '@tributary/http-kit';
import type { QueryParam, ReadDatabase } from '@tributary/schema';
import type { commissions } from '@tributary/schema/tables';
import { fingerprintOf, readCursor } from '../lists/cursor.ts';
import { after, orderOf } from '../lists/list-page.ts';
import { commissionsAsOf } from './as-of.ts';
import { csvLine, plainCell, textCell } from './csv.ts';
import { COMMISSION_LIST, type CommissionSort } from './source.ts';

type Row = Pick<
  typeof commissions.$inferSelect,
  | 'id'
  | 'kind'
  | 'partnerId'
  | 'productId'
  | 'policyId'
  | 'policyVersion'
  | 'policyType'
  | 'conversionId'
  | 'originalCommissionId'
  | 'orderId'
  | 'referralCode'
  | 'subId'
  | 'status'
  | 'commissionAmount'
  | 'clawedBackAmount'
  | 'orderAmount'
  | 'commissionRate'
  | 'currency'
  | 'reviewHold'
  | 'holdUntil'
  | 'paymentMethod'
  | 'paymentReference'
  | 'version'
  | 'createdAt'
  | 'confirmedAt'
  | 'paidAt'
  | 'cancelledAt'
  | 'refundedAt'
> & { partnerName: string };

/** The columns in their order, and how each is written. */
const COLUMNS: Readonly<Record<keyof Row, (row: Row) => string>> = {
  id: (row) => plainCell(row.id),
  kind: (row) => plainCell(row.kind),
  status: (row) => plainCell(row.status),
  partnerId: (row) => plainCell(row.partnerId),
  partnerName: (row) => textCell(row.partnerName),
  productId: (row) => plainCell(row.productId),
  policyId: (row) => plainCell(row.policyId),
  policyVersion: (row) => plainCell(row.policyVersion),
  policyType: (row) => plainCell(row.policyType),
  conversionId: (row) => plainCell(row.conversionId),
  originalCommissionId: (row) => plainCell(row.originalCommissionId),
  orderId: (row) => textCell(row.orderId),
  referralCode: (row) => textCell(row.referralCode),
  subId: (row) => textCell(row.subId),
  commissionAmount: (row) => plainCell(row.commissionAmount),
  clawedBackAmount: (row) => plainCell(row.clawedBackAmount),
  orderAmount: (row) => plainCell(row.orderAmount),
  commissionRate: (row) => plainCell(row.commissionRate),
  currency: (row) => plainCell(row.currency),
  reviewHold: (row) => plainCell(row.reviewHold),
  holdUntil: (row) => plainCell(row.holdUntil),
  paymentMethod: (row) => textCell(row.paymentMethod),
  paymentReference: (row) => textCell(row.paymentReference),
  version: (row) => plainCell(row.version),
  createdAt: (row) => plainCell(row.createdAt),
  confirmedAt: (row) => plainCell(row.confirmedAt),
  paidAt: (row) => plainCell(row.paidAt),
  cancelledAt: (row) => plainCell(row.cancelledAt),
  refundedAt: (row) => plainCell(row.refundedAt),
};

const NAMES = Object.keys(COLUMNS) as (keyof Row)[];

/** The first line of every export, and all there is of one without rows. */
export const HEADER_LINE = csvLine(NAMES);

/** Rows per fetch: about 200 kB of text, so that memory stays flat however slow the reader is. */
const BATCH = 500;

export interface ExportRequest {
  readonly programId: string;
  readonly filter: CommissionFilter;
  readonly sort: CommissionSort | `-${CommissionSort}`;
  /** Of the list with the same order and filter, or the id of the last complete row of an earlier download. */
  readonly cursor?: string | undefined;
  /** The filter as the client wrote it, which list cursors are bound to. */
  readonly asked: unknown;
  /** Undefined for now. */
  readonly moment?: Date | undefined;
}

/** The lines of the export in pieces of one batch, the header first, read through a cursor of the database. */
export async function* exportLines(db: ReadDatabase, request: ExportRequest): AsyncGenerator<string, void> {
  const { text, params } = await statement(db, request);
  yield HEADER_LINE;
  for await (const rows of db.stream<Row>(text, params, BATCH)) {
    yield rows.map((row) => csvLine(NAMES.map((name) => COLUMNS[name](row)))).join('');
  }
}

async function statement(
  db: ReadDatabase,
  request: ExportRequest,
): Promise<{ text: string; params: QueryParam[] }> {
  const { programId, filter, sort, moment } = request;
  const parameters = new Parameters();
  const view = commissionsAsOf(parameters, moment, { ...filter, sort });
  const order = orderOf(COMMISSION_LIST, sort);
  const conditions = [
    ...filterConditions(parameters, programId, filter, view.filterColumns),
    ...view.conditions,
    ...order.conditions,
  ];
  const position = await positionOf(db, request);
  if (position !== undefined)
    conditions.push(after(COMMISSION_LIST, { query: { sort }, parameters }, position));
  const text = `
    SELECT ${view.shown}, p.name AS partner_name FROM ${view.source.from}
    JOIN partners p ON p.program_id = c.program_id AND p.id = c.partner_id
    WHERE ${conditions.join(' AND ')} ORDER BY ${order.by}`;
  return { text, params: parameters.values };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

async function positionOf(
  db: ReadDatabase,
  { programId, sort, cursor, asked }: ExportRequest,
): Promise<{ value: string; id: string } | undefined> {
  if (cursor === undefined) return undefined;
  if (!UUID.test(cursor)) return readCursor(cursor, fingerprintOf(sort, asked));
  const { expression } = orderOf(COMMISSION_LIST, sort);
  const [row] = await db.query<{ value: string | null }>(
    `SELECT ${expression}::text AS value FROM commissions c WHERE c.program_id = $1 AND c.id = $2`,
    [programId, cursor],
  );
  if (row === undefined || row.value === null) {
    throw validationError([{ path: 'cursor', message: 'names no commission in this order' }]);
  }
  return { value: row.value, id: cursor };
}
