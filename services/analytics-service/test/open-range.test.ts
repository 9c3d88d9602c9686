import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';

import { resolveRequest } from '../src/dashboards/requests.ts';
import { createSharedComputations } from '../src/dashboards/shared-computations.ts';

const { db } = await createTestDatabase(t);
const NOW = new Date('2026-03-10T14:40:30.250Z');
const deps = { db, clock: () => NOW, shared: createSharedComputations() };

const resolve = (query: { dateFrom?: string; dateTo?: string }) =>
  resolveRequest(deps, { programId: 'default', role: 'admin' }, query);

t.test('what is asked for up to now is in rollups, however many clicks the hour has seen', async (t) => {
  const { range, cover } = await resolve({});
  t.same(cover.rows, []);
  t.same(range, { from: new Date('2026-02-08T14:00:00Z'), to: new Date('2026-03-10T14:40:31Z') });
  t.same((await resolve({ dateTo: '2026-04-01T00:00:10Z' })).cover.rows, [], 'nor is the future read');
});

t.test('an hour that somebody cut is read from its rows', async (t) => {
  const { cover } = await resolve({ dateFrom: '2026-03-01T10:30:00Z', dateTo: '2026-03-10T14:20:00Z' });
  t.same(cover.rows, [
    { from: new Date('2026-03-01T10:30:00Z'), to: new Date('2026-03-01T11:00:00Z') },
    { from: new Date('2026-03-10T14:00:00Z'), to: new Date('2026-03-10T14:20:00Z') },
  ]);
});
