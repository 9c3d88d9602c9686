import { createTestDatabase, insertRow } from '@tributary/testkit';
import t from 'tap';

import { openDashboards } from './harness.ts';

t.test('days begin in the zone of REPORTING_TZ until the setting says another', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  const get = await openDashboards(t, db, () => new Date('2026-03-01T12:00:00Z'), 'Europe/Berlin');
  const beginning = async (): Promise<string> =>
    (await get('kpi?dateFrom=2026-02-02&dateTo=2026-02-03')).meta.period.from;
  t.equal(await beginning(), '2026-02-01T23:00:00.000Z');
  await insertRow(owner, 'settings', { key: 'reportingTimeZone', value: 'America/New_York' });
  t.equal(await beginning(), '2026-02-02T05:00:00.000Z');
});
