import * as fc from 'fast-check';
import t from 'tap';
import { createTestDatabase, insertRow } from '@tributary/testkit';
import { rebuildRollups, reconcileRollups } from '@tributary/rollups';
import { openDashboards } from './harness.ts';
import { assertFiguresEqualSql, assertTrendsEqualSql, questions } from './questions.ts';
import { HISTORY, insertHistory } from './random-history.ts';

const RUNS = 100;

const { db, owner } = await createTestDatabase(t);
const { partners } = await insertHistory(owner);
await rebuildRollups({ db }, { programId: 'default', ...HISTORY, to: new Date('2026-07-01') });
await insertRow(owner, 'settings', { key: 'reportingTimeZone', value: 'UTC' });
const compared = { get: await openDashboards(t, db), owner };
const question = questions(
  HISTORY,
  partners.map(({ id }) => id),
);

t.test(
  'funnel, kpi, policies and partners equal plain SQL for any range, currency and partner',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(question, (asked) => assertFiguresEqualSql(compared, asked)),
      { numRuns: RUNS },
    );
    t.pass('holds');
  },
);

t.test(
  'trends equal plain SQL in any time zone, over changes of daylight saving, gaps filled with zeros',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(question, (asked) => assertTrendsEqualSql(compared, asked)),
      { numRuns: RUNS },
    );
    t.pass('holds');
  },
);

t.test('reconciling what was rebuilt finds nothing', async (t) => {
  t.same(await reconcileRollups({ db, graceMs: 0 }, { programId: 'default', ...HISTORY }), {});
});
