import { stored, type Programme } from './programme.ts';
import type { ModelState } from './state.ts';

/** Everything that a programme's tables hold, by id, in the form that `expectedBooks` makes of the model. */
const BOOKS = `
  SELECT
    (SELECT coalesce(json_object_agg(c.id, json_build_object('partner', c.partner_id, 'kind', c.kind, 'status', c.status,
      'amount', c.commission_amount::text, 'clawedBack', c.clawed_back_amount::text, 'held', c.review_hold,
      'version', c.version, 'refunded', c.refunded_at IS NOT NULL, 'original', c.original_commission_id)), '{}') FROM commissions c WHERE c.program_id = $1) AS commissions,
    (SELECT coalesce(json_object_agg(x.commission_id, x.entries), '{}') FROM (
      SELECT commission_id, json_agg(json_build_object('action', action, 'delta', amount_delta::text,
        'after', amount_after::text, 'statusBefore', status_before, 'statusAfter', status_after) ORDER BY version) AS entries
      FROM commission_entries WHERE program_id = $1 GROUP BY 1) x) AS entries,
    (SELECT coalesce(json_object_agg(x.entity_id, x.actions), '{}') FROM (
      SELECT entity_id, json_agg(action ORDER BY id) AS actions FROM audit_logs
      WHERE program_id = $1 AND (entity_type, entity_id) IN (SELECT 'commission', id::text FROM commissions WHERE program_id = $1
        UNION ALL SELECT 'conversion', id::text FROM conversion_events WHERE program_id = $1) GROUP BY 1) x) AS audit,
    (SELECT coalesce(json_object_agg(x.id, x.events), '{}') FROM (
      SELECT coalesce(subject ->> 'commissionId', subject ->> 'conversionId') AS id, json_agg(split_part(type, '.', 2)
        || CASE WHEN data ? 'commissionId' THEN ' ' || ((data #>> '{after,commissionAmount}')::numeric(14,2)) || ' '
          || (data #>> '{after,status}') ELSE '' END ORDER BY id) AS events
      FROM outbox_events WHERE program_id = $1 AND sent_at IS NULL AND created_at >= $2 GROUP BY 1) x) AS events,
    (SELECT coalesce(json_object_agg(v.id, json_build_object('status', v.status, 'weight', v.attribution_weight::text,
      'attributed', v.attributed_amount::text, 'refunded', v.refunded_amount::text, 'line', l.refunded_amount::text)), '{}')
     FROM conversion_events v JOIN order_lines l ON l.program_id = v.program_id AND l.id = v.order_line_id
     WHERE v.program_id = $1) AS conversions,
    (SELECT coalesce(json_agg(x.sums ORDER BY x.sums), '[]') FROM (
      SELECT o.refunded_amount::text || ' ' || (SELECT sum(l.refunded_amount)::text FROM order_lines l
        WHERE l.program_id = o.program_id AND l.order_id = o.id) || ' ' || coalesce((SELECT sum(r.amount)::text FROM refunds r
        WHERE r.program_id = o.program_id AND r.order_row_id = o.id), '0.00') AS sums
      FROM orders o WHERE o.program_id = $1) x WHERE split_part(x.sums, ' ', 1) <> split_part(x.sums, ' ', 2)
        OR split_part(x.sums, ' ', 1) <> split_part(x.sums, ' ', 3)) AS unbalanced_orders,
    (SELECT coalesce(json_agg(x.commission_id), '[]') FROM (
      SELECT commission_id, array_agg(actor ORDER BY version) AS actors FROM commission_entries WHERE program_id = $1 GROUP BY 1) x
     CROSS JOIN LATERAL (SELECT array_agg(actor ORDER BY id) AS actors FROM audit_logs
      WHERE entity_type = 'commission' AND entity_id = x.commission_id::text) a
     WHERE a.actors IS DISTINCT FROM x.actors) AS different_actors`;

export async function readBooks({ db, programId, since }: Programme): Promise<object> {
  const [books] = await db.query<Record<string, unknown>>(BOOKS, [programId, since]);
  return books ?? {};
}

/** What the tables must hold by the model. */
export function expectedBooks(programme: Programme): object {
  const { state } = programme;
  const byId = <Row extends { id: string }, Value>(rows: readonly Row[], value: (row: Row) => Value) =>
    Object.fromEntries(rows.map((row) => [row.id, value(row)]));
  const parts = partsOf(state);
  const histories = [
    ...state.commissions.map(({ id, history }) => [id, history.map(({ action }) => action)] as const),
    ...parts.map(({ id, history }) => [id, history] as const),
  ];
  return {
    commissions: byId(state.commissions, (commission) => ({
      partner: programme.partners[commission.partner],
      kind: commission.kind,
      status: commission.status,
      amount: stored(commission.amount, commission.currency),
      clawedBack: stored(commission.clawedBack, commission.currency),
      held: commission.held,
      version: commission.history.length,
      refunded: commission.bornRefunded || commission.history.some(({ action }) => action === 'refunded'),
      original: commission.original?.id ?? null,
    })),
    entries: byId(state.commissions, ({ history, currency }) =>
      history.map(({ delta, after, ...entry }) => ({
        ...entry,
        delta: stored(delta, currency),
        after: stored(after, currency),
      })),
    ),
    audit: Object.fromEntries(histories),
    events: {
      ...Object.fromEntries(histories),
      ...byId(state.commissions, ({ history, currency }) =>
        history.map(
          ({ action, after, statusAfter }) => `${action} ${stored(after, currency)} ${statusAfter}`,
        ),
      ),
    },
    conversions: byId(parts, ({ line, weight, attributed, refunded }) => ({
      status: line.status,
      weight: `${weight / 1_000_000n}.${String(weight % 1_000_000n).padStart(6, '0')}`,
      attributed: stored(attributed, line.currency),
      refunded: stored(refunded, line.currency),
      line: stored(line.refunded, line.currency),
    })),
    unbalancedOrders: [],
    differentActors: [],
  };
}

const partsOf = (state: ModelState) =>
  state.lines.flatMap((line) => line.parts.map((part) => ({ ...part, line })));

/** Laws that hold whatever the model says; answers those that are broken. */
export function brokenLaws(state: ModelState): string[] {
  const broken: string[] = [];
  for (const line of state.lines) {
    const sum = (of: (part: (typeof line.parts)[number]) => bigint) =>
      line.parts.reduce((total, part) => total + of(part), 0n);
    if (sum(({ attributed }) => attributed) !== line.commissionable) broken.push('attributed amounts add up');
    if (sum(({ refunded }) => refunded) !== line.refunded) broken.push('refunded amounts add up');
    if (line.refunded > line.amount) broken.push('no more is refunded than was sold');
  }
  for (const commission of state.commissions) {
    if (commission.history.reduce((total, { delta }) => total + delta, 0n) !== commission.amount) {
      broken.push('entries add up to the amount');
    }
    const taken = state.commissions
      .filter(({ original }) => original === commission)
      .reduce((total, { amount }) => total - amount, 0n);
    if (taken !== commission.clawedBack) broken.push('claw-backs add up');
    if (taken > commission.amount && taken > 0n) broken.push('no more is clawed back than was paid');
  }
  return broken;
}

export function assertSame(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [textOf(actual), textOf(expected)];
  if (found !== wanted) throw new Error(`${what}: the tables say\n${found}\nthe model\n${wanted}`);
}

export const sameAs = (actual: unknown, expected: unknown): boolean => textOf(actual) === textOf(expected);

const textOf = (value: unknown): string => JSON.stringify(sorted(value));

/** Keys in order, so that equal things have equal texts. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
