import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTestDatabase, createWebhookReceiver, waitFor } from '@tributary/testkit';
import type { TestScope } from '@tributary/testkit';
import t from 'tap';
import { DEVELOPMENT_URLS, FORBIDDEN_URLS } from './forbidden-urls.ts';
import {
  admin,
  createDispatcher,
  createEndpoint,
  createPlatform,
  eventFor,
  insertPartner,
  publishEvent,
} from './harness.ts';

/** A server on this machine that nothing may reach; counts connections, not only requests. */
async function createVictim(t: TestScope): Promise<{ port: number; readonly connections: number }> {
  let connections = 0;
  const server = createServer((_request, response) => response.end());
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return {
    port,
    get connections() {
      return connections;
    },
  };
}

t.test('creation and change refuse every forbidden spelling with a 400 that names the field', async (t) => {
  const { db } = await createTestDatabase(t);
  const dispatcher = await createDispatcher(t, db);
  const partnerId = await insertPartner(db);
  const { id } = await createEndpoint(dispatcher, { partnerId, url: 'https://partner.example/' });
  for (const url of FORBIDDEN_URLS) {
    const answers = [
      await dispatcher.call(admin, 'POST', '/webhooks/endpoints', { partnerId, url }),
      await dispatcher.call(admin, 'PATCH', `/webhooks/endpoints/${id}`, { url }),
    ];
    for (const { status, body } of answers) t.strictSame([status, body.errors?.[0]?.path], [400, 'url'], url);
  }
});

t.test('test and delivery refuse every address among them, should one ever be in the table', async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t, { allowLoopback: false });
  const urls = [...FORBIDDEN_URLS, ...DEVELOPMENT_URLS].filter(
    (url) => URL.canParse(url) && /^https?:\/\/[[0-9%１]/.test(url),
  );
  t.ok(urls.length >= 60, `${urls.length} spellings`);
  // A partner may have fifty endpoints.
  const partners = [await insertPartner(db), await insertPartner(db)];
  const endpoints: string[] = [];
  for (const [index, url] of urls.entries()) {
    const { id } = await createEndpoint(dispatcher, {
      partnerId: partners[index % 2] ?? '',
      url: 'https://partner.example/',
      retryDelaysSeconds: [],
    });
    await db.query('UPDATE webhook_endpoints SET url = $2 WHERE id = $1', [id, url]);
    endpoints.push(id);
  }
  for (const [index, id] of endpoints.entries()) {
    const { body } = await dispatcher.call(admin, 'POST', `/webhooks/endpoints/${id}/test`);
    t.match(body.data, { delivered: false, error: 'forbidden_address', statusCode: null }, urls[index] ?? '');
  }
  await dispatcher.work(messaging);
  for (const partnerId of partners) await publishEvent(messaging, eventFor(partnerId));
  const deliveries = await waitFor(async () => {
    const rows = await db.query<{ url: string; lastError: string; attempts: number }>(
      `SELECT e.url, d.last_error, d.attempts FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
       WHERE d.status = 'failed'`,
    );
    return rows.length === urls.length && rows;
  });
  t.strictSame(deliveries.map(({ url }) => url).toSorted(), urls.toSorted());
  for (const { url, lastError, attempts } of deliveries)
    t.strictSame([lastError, attempts], ['forbidden_address', 1], url);
});

t.test(
  'a name that leads inside, among other addresses or by rebinding, is never connected to',
  async (t) => {
    const { db } = await createTestDatabase(t);
    const victim = await createVictim(t);
    const partnerId = await insertPartner(db);
    const answers: string[][] = [
      ['127.0.0.1'],
      ['8.8.8.8', '10.0.0.1'],
      ['::ffff:127.0.0.1'],
      ['169.254.169.254'],
      [],
    ];
    const dispatcher = await createDispatcher(t, db, {
      allowLoopback: false,
      resolve: async () => answers.shift() ?? [],
    });
    const url = `https://partner.example:${victim.port}/`;
    const { id } = await createEndpoint(dispatcher, { partnerId, url });
    for (let i = 0; i < 5; i += 1) {
      const { body } = await dispatcher.call(admin, 'POST', `/webhooks/endpoints/${id}/test`);
      t.match(body.data, { delivered: false, error: 'forbidden_address' });
    }
    t.equal(victim.connections, 0);
  },
);

t.test('between check and connection a name is not looked up again', async (t) => {
  const { db } = await createTestDatabase(t);
  const receiver = await createWebhookReceiver(t);
  const partnerId = await insertPartner(db);
  let lookups = 0;
  const dispatcher = await createDispatcher(t, db, {
    // A rebinding server: a harmless address for the check, another one for whoever asks again.
    resolve: async () => {
      lookups += 1;
      return lookups === 1 ? ['127.0.0.1'] : ['169.254.169.254'];
    },
  });
  const { id } = await createEndpoint(dispatcher, { partnerId, url: 'http://localhost/' });
  await db.query('UPDATE webhook_endpoints SET url = $2 WHERE id = $1', [
    id,
    receiver.url.replace('127.0.0.1', 'partner.example'),
  ]);
  const { body } = await dispatcher.call(admin, 'POST', `/webhooks/endpoints/${id}/test`);
  t.equal(body.data.delivered, true, 'connected to the address that was checked');
  t.equal(lookups, 1);
  t.match(receiver.requests[0]?.headers.host, /^partner\.example:/);
});
