import type { Database } from '@tributary/schema';

type Db = Pick<Database, 'query'>;

/** Half a second's reading: far below what a statement may take, however long the policy has been in use. */
const ROWS_AT_ONCE = 250_000;

/** In what order of time uses are kept, and where. `used_at` and `id` are read onward from where a chunk ended. */
const SOURCES = [
  {
    from: `commissions WHERE program_id = $1 AND policy_id = $2 AND kind = 'earning'`,
    usedAt: 'created_at',
    id: 'id',
  },
  {
    from: 'policy_stacked_uses WHERE program_id = $1 AND policy_id = $2',
    usedAt: 'used_at',
    id: 'commission_id',
  },
].map(
  ({ from, usedAt, id }) => `
  WITH chunk AS MATERIALIZED (
    SELECT partner_id, ${usedAt} AS used_at, ${id} AS id FROM ${from}
      AND ${usedAt} < $3 AND (${usedAt}, ${id}) > ($4::timestamptz, $5::uuid)
    ORDER BY ${usedAt}, ${id} LIMIT $6)
  SELECT (SELECT json_object_agg(partner_id, uses) FROM (SELECT partner_id, count(*) AS uses FROM chunk GROUP BY 1) u) AS uses,
    l.used_at, l.id, (SELECT count(*)::int FROM chunk) AS rows
  FROM (SELECT used_at, id FROM chunk ORDER BY used_at DESC, id DESC LIMIT 1) l`,
);

interface Chunk {
  readonly uses: Readonly<Record<string, number>>;
  readonly usedAt: Date;
  readonly id: string;
  readonly rows: number;
}

const BEGINNING = { usedAt: new Date(0), id: '00000000-0000-0000-0000-000000000000' };

/** How often each partner used a policy before a moment, by partner id; read in chunks, because it may be millions. */
export async function countEarlierUses(
  db: Db,
  programId: string,
  {
    policyId,
    before,
    rowsAtOnce = ROWS_AT_ONCE,
  }: { readonly policyId: string; readonly before: Date; readonly rowsAtOnce?: number },
): Promise<Record<string, number>> {
  const total: Record<string, number> = {};
  for (const source of SOURCES) {
    for (let position = BEGINNING; ;) {
      const { usedAt, id } = position;
      const [chunk] = await db.query<Chunk>(source, [programId, policyId, before, usedAt, id, rowsAtOnce]);
      if (chunk === undefined) break;
      for (const [partner, uses] of Object.entries(chunk.uses)) total[partner] = (total[partner] ?? 0) + uses;
      if (chunk.rows < rowsAtOnce) break;
      position = chunk;
    }
  }
  return total;
}
