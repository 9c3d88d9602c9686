import { newId } from '@tributary/runtime';
import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';
import { admin, createDispatcher, createEndpoint, insertPartner } from './harness.ts';

const { db, owner } = await createTestDatabase(t);
const dispatcher = await createDispatcher(t, db);
const partnerId = await insertPartner(db);
const { id: endpointId } = await createEndpoint(dispatcher, { partnerId, url: 'https://partner.example/' });

/** Of these moments, each with the same status. */
async function insertDeliveries(status: string, moments: readonly string[]): Promise<void> {
  for (const moment of moments) {
    await db.query(
      `INSERT INTO webhook_deliveries (id, endpoint_id, partner_id, event_id, event_type, body, status, occurred_at, created_at)
       VALUES ($1, $2, $3, $4, 'commission.paid', '{}', $5, $6::timestamptz, $6::timestamptz)`,
      [newId(), endpointId, partnerId, newId(), status, moment],
    );
  }
}

const list = async (query: string) =>
  (await dispatcher.call(admin, 'GET', `/webhooks/deliveries?${query}`)).body;
const momentsOf = ({ data }: { data: { createdAt: string }[] }) => data.map(({ createdAt }) => createdAt);

await insertDeliveries('failed', [
  '2026-03-01T22:30:00.000Z',
  '2026-03-01T23:30:00.000Z',
  '2026-03-02T12:00:00.000Z',
]);
await insertDeliveries('pending', ['2026-03-02T13:00:00.000Z', '2026-03-02T14:00:00.000Z']);
const RANGE = 'dateFrom=2026-03-01&dateTo=2026-03-09';

t.test('deliveries are read by cursor in both directions, whatever the filter', async (t) => {
  for (const filter of ['', '&status=pending', '&status=failed', `&endpointId=${endpointId}`]) {
    const all = momentsOf(await list(`${RANGE}${filter}`));
    t.ok(all.length > 1);
    for (const [sort, expected] of [
      ['createdAt', all.toReversed()],
      ['-createdAt', all],
    ] as const) {
      const seen: string[] = [];
      let cursor = '';
      do {
        const page = await list(`${RANGE}${filter}&sort=${sort}&limit=1${cursor}`);
        seen.push(...momentsOf(page));
        cursor = page.meta.nextCursor === undefined ? '' : `&cursor=${page.meta.nextCursor}`;
      } while (cursor !== '');
      t.strictSame(seen, expected, `${sort}${filter}`);
    }
  }
});

t.test('a bare date begins at midnight where the programme reports', async (t) => {
  const from = async () => (await list('dateFrom=2026-03-02&dateTo=2026-03-09')).meta.total;
  t.equal(await from(), 3);
  await owner.query(`INSERT INTO settings (key, value) VALUES ('reportingTimeZone', '"Europe/Berlin"')`);
  t.equal(await from(), 4);
  await owner.query(`UPDATE settings SET value = '"Mars/Olympus"' WHERE key = 'reportingTimeZone'`);
  t.equal(await from(), 3, 'what is no time zone is not believed');
});

t.test('a reversed range and a wrong cursor are named together', async (t) => {
  const { errors } = await list('dateFrom=2026-03-02&dateTo=2026-03-01&cursor=nonsense&sort=status');
  t.strictSame(errors.map(({ path }: { path: string }) => path).toSorted(), ['cursor', 'dateFrom', 'sort']);
});
