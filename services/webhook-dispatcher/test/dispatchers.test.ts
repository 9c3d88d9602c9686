import { DatabaseUnavailableError } from '@tributary/schema';
import { createTestDatabase, createWebhookReceiver, waitFor } from '@tributary/testkit';
import t from 'tap';
import { joinDispatchers } from '../src/deliveries/presence.ts';
import { WriteBack } from '../src/deliveries/write-back.ts';
import { createSecretBox } from '../src/encryption/secret-box.ts';
import { resealSecrets } from '../src/endpoints/reseal-secrets.ts';
import {
  admin,
  createDispatcher,
  createEndpoint,
  createPlatform,
  ENCRYPTION_KEY,
  eventFor,
  insertPartner,
  logger,
  publishEvent,
} from './harness.ts';

t.test('dispatchers share the rates: each knows how many there are, the dead are not counted', async (t) => {
  const { db } = await createTestDatabase(t);
  const shares: Record<string, number> = {};
  const join = (holder: string) =>
    joinDispatchers({ db, logger, holder, onShare: (share) => (shares[holder] = share) });
  const first = await join('first');
  t.equal(shares['first'], 1);
  await db.query(
    `INSERT INTO webhook_dispatchers (holder, started_at, seen_at) VALUES ('dead', now(), now() - interval '5 seconds')`,
  );
  const second = await join('second');
  t.equal(shares['second'], 0.5);
  await waitFor(() => shares['first'] === 0.5);
  await second.stop();
  await waitFor(() => shares['first'] === 1);
  await first.stop();
});

t.test('two dispatchers deliver each event once between them', async (t) => {
  const { db, messaging, dispatcher } = await createPlatform(t);
  const other = await createDispatcher(t, db);
  const receiver = await createWebhookReceiver(t);
  const partners = await Promise.all(Array.from({ length: 10 }, () => insertPartner(db)));
  for (const partnerId of partners) await createEndpoint(dispatcher, { partnerId, url: receiver.url });
  await Promise.all([dispatcher.work(messaging), other.work(messaging)]);
  const events = Array.from({ length: 200 }, (_, i) => eventFor(partners[i % 10] ?? ''));
  await Promise.all(events.map((event) => publishEvent(messaging, event)));
  // Two consumers begin at once here, and on a busy machine that alone takes a while.
  await receiver.received(200, 40_000);
  await waitFor(
    async () =>
      (await dispatcher.call(admin, 'GET', '/webhooks/deliveries?status=delivered')).body.meta.total === 200,
  );
  t.equal(receiver.requests.length, 200);
  t.equal(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size, 200);
});

t.test('secrets sealed with an older key are sealed anew and stay the same', async (t) => {
  const { db } = await createTestDatabase(t);
  const dispatcher = await createDispatcher(t, db);
  const { id, secret } = await createEndpoint(dispatcher, {
    partnerId: await insertPartner(db),
    url: 'https://partner.example/',
  });
  await dispatcher.call(admin, 'POST', `/webhooks/endpoints/${id}/rotate-secret`);
  const newKey = Buffer.alloc(32, 9).toString('base64');
  t.equal(await resealSecrets(db, createSecretBox(newKey, [ENCRYPTION_KEY])), 1);
  t.equal(await resealSecrets(db, createSecretBox(newKey, [ENCRYPTION_KEY])), 0);
  const [row] = await db.query<{ previousSecrets: { ciphertext: string }[] }>(
    'SELECT previous_secrets FROM webhook_endpoints',
  );
  t.equal(createSecretBox(newKey).open(row?.previousSecrets[0]?.ciphertext ?? '', id), secret);
});

t.test('results wait while Postgres is away, and one that it refuses does not keep the others', async (t) => {
  const written: number[] = [];
  let outages = 2;
  const results = new WriteBack<number>({
    logger,
    write: async (items) => {
      if (outages > 0) {
        outages -= 1;
        throw new DatabaseUnavailableError('away');
      }
      if (items.includes(13)) throw new Error('refused');
      written.push(...items);
    },
  });
  for (const item of [1, 13, 2]) results.add(item);
  await results.flush();
  t.strictSame(written, [1, 2]);
  t.equal(results.size, 0);
});
