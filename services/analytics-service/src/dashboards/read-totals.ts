import { programClickFacts, createStatement, programFacts } from '@tributary/rollups';
import type { Cover, PartnerFigure, Scope } from '@tributary/rollups';
import type { Database } from '@tributary/schema';
import { sumsOf, totalsOf } from './figures.ts';
import type { PartnerTotals, Sums, Totals } from './figures.ts';

/** Both kinds of conversions: which of them counts depends on who asks. */
const CONVERSIONS = ['conversions', 'primary_conversions'] as const;

/** The figures that were asked for, and what every range has, in one row. */
export type RangeTotals<Figure extends PartnerFigure> = Totals<Figure> & {
  readonly clicks: string;
  /** Primary conversions of the programme; of a partner all of its rows. */
  readonly countedConversions: string;
};

/** Figures of a range, of the programme or of the scope's partner; of what nobody asks for nothing is read. */
export async function readTotals<Figure extends PartnerFigure>(
  db: Pick<Database, 'query'>,
  scope: Scope,
  { cover, figures }: { cover: Cover; figures: readonly Figure[] },
): Promise<RangeTotals<Figure>> {
  const s = createStatement(scope, cover);
  const names = [...CONVERSIONS, ...figures];
  const [row] = await db.query<Sums<Figure | (typeof CONVERSIONS)[number]> & { clicks: string | null }>(
    `SELECT (SELECT sum(valid_clicks) FROM (${programClickFacts(s)}) AS click) AS clicks, ${sumsOf(names)}
     FROM (${programFacts(s, names)}) AS f`,
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
