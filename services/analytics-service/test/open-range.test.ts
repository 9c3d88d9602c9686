import { rebuildRollups } from '@tributary/rollups';
import { createTestDatabase, insertConversion, insertRow } from '@tributary/testkit';
import t from 'tap';

import { resolveRequest } from '../src/dashboards/requests.ts';
import { createSharedComputations } from '../src/dashboards/shared-computations.ts';
import { openDashboards } from './harness.ts';

const { db, owner } = await createTestDatabase(t);
const NOW = new Date('2026-03-10T14:28:30.250Z');
const deps = { db, clock: () => NOW, shared: createSharedComputations(), reportingTimeZone: 'UTC' };

// A shop's clock may be some minutes ahead of ours.
const DATED = ['2026-03-10T13:50:00Z', '2026-03-10T14:20:00Z', '2026-03-10T14:30:30Z'].map(
  (at) => new Date(at),
);
for (const convertedAt of DATED) await insertConversion(owner, { convertedAt });
await rebuildRollups({ db }, { programId: 'default', from: NOW, to: new Date('2026-03-11') });
// Hours begin at half past there.
await insertRow(owner, 'settings', { key: 'reportingTimeZone', value: 'Asia/Kolkata' });
const get = await openDashboards(t, db, () => NOW);

const resolve = (query: { dateFrom?: string; dateTo?: string }) =>
  resolveRequest(deps, { programId: 'default', role: 'admin' }, query);

t.test('what is asked for up to now is in rollups, however many clicks the hour has seen', async (t) => {
  const { range, cover } = await resolve({});
  t.same(cover.rows, []);
  t.same(range, { from: new Date('2026-02-08T14:00:00Z'), to: new Date('2026-03-10T15:00:00Z') });
});

t.test('an hour that somebody cut is read from its rows', async (t) => {
  const { cover } = await resolve({ dateFrom: '2026-03-01T10:30:00Z', dateTo: '2026-03-10T14:20:00Z' });
  t.same(cover.rows, [
    { from: new Date('2026-03-01T10:30:00Z'), to: new Date('2026-03-01T11:00:00Z') },
    { from: new Date('2026-03-10T14:00:00Z'), to: new Date('2026-03-10T14:20:00Z') },
  ]);
});

/** How many conversions a link lists. */
async function listed(link: string, point: { from?: string; to?: string } = {}): Promise<number> {
  const { searchParams } = new URL(
    link.replace('{from}', point.from ?? '').replace('{to}', point.to ?? ''),
    'http://localhost',
  );
  const [row] = await owner.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM conversion_events WHERE converted_at >= $1 AND converted_at < $2',
    [new Date(searchParams.get('dateFrom') ?? ''), new Date(searchParams.get('dateTo') ?? '')],
  );
  return row?.count ?? 0;
}

const linksOf = (meta: Record<string, unknown>) => meta['drilldown'] as Record<string, string[]>;

t.test('orders dated a little ahead of now are in the figures and in the lists behind them', async (t) => {
  const { data, meta } = await get('funnel');
  t.equal(data.totalConversions, 3);
  t.equal(await listed(linksOf(meta)['totalConversions']?.[0] ?? ''), 3);
});

t.test('a series has no point of the future, and the list of its last one has what it counts', async (t) => {
  const { data, meta } = await get('trends?interval=hour');
  const last = data.at(-1);
  t.match(last, { start: '2026-03-10T13:30:00.000Z', conversions: 3 });
  const links = linksOf(meta)['conversions'] ?? [];
  t.equal(await listed(links[0] ?? '', { from: last.start, to: meta.period.to }), 3);
});

t.test('an end that somebody named is kept, also where it is ahead of now', async (t) => {
  const { data, meta } = await get('funnel?dateFrom=2026-03-10T14:00:00Z&dateTo=2026-03-10T14:30:00Z');
  t.equal(data.totalConversions, 1);
  t.equal(await listed(linksOf(meta)['totalConversions']?.[0] ?? ''), 1);
});
