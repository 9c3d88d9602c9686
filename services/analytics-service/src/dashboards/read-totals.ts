import type { Database } from '@tributary/schema';
import { PARTNER_FIGURES, clickFacts, createStatement, figureNames, programFacts } from '@tributary/rollups';
import type { Cover, Scope } from '@tributary/rollups';
import { sumsOf, totalsOf } from './figures.ts';
import type { PartnerSums, PartnerTotals } from './figures.ts';

/** Everything about a range in one row. */
export type RangeTotals = PartnerTotals & {
  readonly clicks: string;
  /** Primary conversions of the programme; of a partner all of its rows. */
  readonly countedConversions: string;
};

/** The figures of a range, of the programme or of the scope's partner. */
export async function readTotals(
  db: Pick<Database, 'query'>,
  scope: Scope,
  cover: Cover,
): Promise<RangeTotals> {
  const s = createStatement(scope, cover);
  const [row] = await db.query<PartnerSums & { clicks: string | null }>(
    `SELECT (SELECT sum(valid_clicks) FROM (${clickFacts(s)}) AS click) AS clicks,
       ${sumsOf(figureNames(PARTNER_FIGURES))}
     FROM (${programFacts(s)}) AS f`,
    s.params,
  );
  if (row === undefined) throw new Error('an aggregate without groups answered no row');
  const totals = totalsOf(row);
  return { ...totals, countedConversions: conversionsIn(scope, totals) };
}

/** A line that several partners brought is one conversion of the programme and one of each partner. */
export function conversionsIn(
  { partnerId }: Pick<Scope, 'partnerId'>,
  totals: Pick<PartnerTotals, 'conversions' | 'primaryConversions'>,
): string {
  return partnerId === undefined ? totals.primaryConversions : totals.conversions;
}
