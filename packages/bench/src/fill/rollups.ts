import {
  clickFacts,
  createStatement,
  EARNING_FIGURES,
  figureNames,
  PARTNER_FIGURES,
  partnerFacts,
  policyFacts,
  productFacts,
  sums,
} from '@tributary/rollups';
import { DEFAULT_PROGRAM, type Database } from '@tributary/schema';

interface RollupsToFill {
  readonly from: Date;
  readonly to: Date;
  readonly currencies: readonly string[];
  readonly log: (line: string) => void;
}

const DAY_MS = 86_400_000;
const PARTNER_NAMES = figureNames(PARTNER_FIGURES);
const EARNING_NAMES = figureNames(EARNING_FIGURES);

const sumsOf = (names: readonly string[]): string =>
  sums(Object.fromEntries(names.map((name) => [name, name])));

/** The grains above the hours: sums of them. */
const COARSE = [
  `INSERT INTO rollup_partner_days (day, partner_id, currency, ${PARTNER_NAMES.join(', ')})
   SELECT date_trunc('day', hour, 'UTC'), partner_id, currency, ${sumsOf(PARTNER_NAMES)} FROM rollup_partner_hours GROUP BY 1, 2, 3 ORDER BY 1, 2`,
  `INSERT INTO rollup_program_hours (hour, currency, ${PARTNER_NAMES.join(', ')})
   SELECT hour, currency, ${sumsOf(PARTNER_NAMES)} FROM rollup_partner_hours GROUP BY 1, 2 ORDER BY 1`,
  `INSERT INTO rollup_click_days (day, partner_id, valid_clicks)
   SELECT date_trunc('day', hour, 'UTC'), partner_id, sum(valid_clicks) FROM rollup_click_hours GROUP BY 1, 2 ORDER BY 1, 2`,
  `INSERT INTO rollup_policy_days (day, policy_id, currency, ${EARNING_NAMES.join(', ')})
   SELECT date_trunc('day', hour, 'UTC'), policy_id, currency, ${sumsOf(EARNING_NAMES)} FROM rollup_policy_hours GROUP BY 1, 2, 3 ORDER BY 1, 2`,
  `INSERT INTO rollup_product_days (day, product_id, currency, conversions)
   SELECT date_trunc('day', hour, 'UTC'), product_id, currency, sum(conversions) FROM rollup_product_hours GROUP BY 1, 2, 3 ORDER BY 1, 2`,
  `INSERT INTO rollup_program_click_hours (hour, valid_clicks)
   SELECT hour, sum(valid_clicks) FROM rollup_click_hours GROUP BY 1 ORDER BY 1`,
  `INSERT INTO rollup_click_stat_days (day, partner_id, status, source, clicks)
   SELECT date_trunc('day', clicked_at, 'UTC'), partner_id, status, source, count(*) FROM referral_clicks GROUP BY 1, 2, 3, 4 ORDER BY 1, 2`,
  `INSERT INTO rollup_progress (version, as_of) VALUES (1, now())`,
];

/**
 * Fills the empty rollups from the base tables by set-based statements: a minute for ten million rows, where a rebuild, which has to
 * live with events that flow meanwhile, takes many. A test compares the two.
 */
export async function fillRollups(
  owner: Database,
  { from, to, currencies, log }: RollupsToFill,
): Promise<void> {
  const first = Math.floor(from.getTime() / DAY_MS) * DAY_MS;
  for (let day = first; day < to.getTime(); day += DAY_MS) {
    const span = { from: new Date(day), to: new Date(day + DAY_MS) };
    await fillClicks(owner, span);
    for (const currency of currencies) await fillMoney(owner, span, currency);
    log(`rollups of ${span.from.toISOString().slice(0, 10)}`);
  }
  for (const statement of COARSE) await owner.query(statement);
}

interface DaySpan {
  readonly from: Date;
  readonly to: Date;
}

/** Facts of a day, all of them read from its rows. */
function statementOf(span: DaySpan, currency: string) {
  return createStatement({ programId: DEFAULT_PROGRAM, currency }, { days: [], hours: [], rows: [span] });
}

async function fillClicks(owner: Database, span: DaySpan): Promise<void> {
  const s = statementOf(span, '');
  await owner.query(
    `INSERT INTO rollup_click_hours (hour, partner_id, valid_clicks)
     SELECT date_trunc('hour', at, 'UTC'), partner_id, sum(valid_clicks) FROM (${clickFacts(s)}) AS f GROUP BY 1, 2 ORDER BY 1, 2`,
    s.params,
  );
}

async function fillMoney(owner: Database, span: DaySpan, currency: string): Promise<void> {
  const groups = [
    { table: 'partner', facts: partnerFacts, names: PARTNER_NAMES },
    { table: 'policy', facts: policyFacts, names: EARNING_NAMES },
    { table: 'product', facts: productFacts, names: ['conversions'] },
  ];
  for (const { table, facts, names } of groups) {
    const s = statementOf(span, currency);
    const text = facts(s);
    await owner.query(
      `INSERT INTO rollup_${table}_hours (hour, ${table}_id, currency, ${names.join(', ')})
       SELECT date_trunc('hour', at, 'UTC'), ${table}_id, ${s.bind(currency)}, ${sumsOf(names)}
       FROM (${text}) AS f GROUP BY 1, 2 ORDER BY 1, 2`,
      s.params,
    );
  }
}
