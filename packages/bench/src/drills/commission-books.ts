import type { Database } from '@tributary/schema';

export interface ExpectedBooks {
  readonly commissionId: string;
  readonly conversionId: string;
  /** Changes of the commission that were answered with 200, refunds apart. */
  readonly changes: number;
  /** Refunds of one unit that were answered with 200. */
  readonly refunds: number;
}

interface Books {
  status: string;
  amount: string;
  version: number;
  refunded: string;
  entries: string[];
  versions: number[];
  endings: number;
  lastAmount: string;
  sumOfDeltas: string;
  audit: string[];
  events: string[];
}

const BOOKS = `
  SELECT c.status, c.commission_amount AS amount, c.version, v.refunded_amount AS refunded, e.*,
    (SELECT json_agg(a.action ORDER BY a.id) FROM audit_logs a
      WHERE a.entity_type = 'commission' AND a.entity_id = c.id::text) AS audit,
    (SELECT json_agg(replace(o.type, 'commission.', '') ORDER BY (o.data ->> 'version')::int) FROM outbox_events o
      WHERE o.subject ->> 'commissionId' = c.id::text AND o.type LIKE 'commission.%') AS events
  FROM commissions c
  JOIN conversion_events v ON v.program_id = c.program_id AND v.id = c.conversion_id
  CROSS JOIN LATERAL (
    SELECT json_agg(action ORDER BY version) AS entries, json_agg(version ORDER BY version) AS versions,
      (count(*) FILTER (WHERE status_after IN ('paid', 'cancelled')))::int AS endings,
      (array_agg(amount_after ORDER BY version DESC))[1] AS last_amount, sum(amount_delta) AS sum_of_deltas
    FROM commission_entries WHERE program_id = c.program_id AND commission_id = c.id) e
  WHERE c.program_id = 'default' AND c.id = $1`;

/** What in a commission's row, entries, audit rows and events contradicts the answers or each other; empty where all is well. */
export async function brokenBooks(owner: Database, expected: ExpectedBooks): Promise<string[]> {
  const [books] = await owner.query<Books>(BOOKS, [expected.commissionId]);
  if (books === undefined) return ['the commission is gone'];
  const { entries, audit, events, versions, endings, version } = books;
  const changes = entries.filter((action) => !['created', 'refunded'].includes(action)).length;
  const refunded = entries.filter((action) => action === 'refunded').length;
  const laws: Record<string, boolean> = {
    [`one ending, not ${endings}`]: endings === 1 && ['paid', 'cancelled'].includes(books.status),
    'the ending is the last entry': ['paid', 'cancelled'].includes(entries.at(-1) ?? ''),
    'audit rows are the entries': same(audit, entries),
    'events are the entries': same(events, entries),
    'versions are without a gap':
      same(
        versions,
        entries.map((_, index) => index + 1),
      ) && versions.at(-1) === version,
    'the amount is that of the last entry':
      books.amount === books.lastAmount && books.amount === books.sumOfDeltas,
    // The confirmation before the race is the one change that was not answered in it.
    [`${expected.changes} changes were answered, ${changes - 1} recorded`]: changes - 1 === expected.changes,
    [`${expected.refunds} refunds were answered, ${books.refunded} refunded`]:
      Number(books.refunded) === expected.refunds && refunded <= expected.refunds,
  };
  return Object.entries(laws)
    .filter(([, holds]) => !holds)
    .map(([law]) => `broken: ${law}`);
}

const same = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  JSON.stringify(one) === JSON.stringify(other);
