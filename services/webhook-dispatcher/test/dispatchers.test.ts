import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseUnavailableError } from '@tributary/schema';
import { createTestDatabase, createWebhookReceiver, waitFor } from '@tributary/testkit';
import t from 'tap';
import { joinDispatchers } from '../src/deliveries/presence.ts';
import { WriteBack } from '../src/deliveries/write-back.ts';
import { createSecretBox } from '../src/encryption/secret-box.ts';
import { createResealer } from '../src/endpoints/reseal-secrets.ts';
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

const NEWER_KEY = Buffer.alloc(32, 9).toString('base64');

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
  const reseal = createResealer({ db, logger, secretBox: createSecretBox([NEWER_KEY, ENCRYPTION_KEY]) });
  t.equal(await reseal(), 1);
  t.equal(await reseal(), 0);
  const [row] = await db.query<{ previousSecrets: { ciphertext: string }[] }>(
    'SELECT previous_secrets FROM webhook_endpoints',
  );
  t.equal(createSecretBox([NEWER_KEY]).open(row?.previousSecrets[0]?.ciphertext ?? '', id), secret);
});

t.test('a secret that cannot be opened, or not here, keeps no other from being sealed anew', async (t) => {
  const { db } = await createTestDatabase(t);
  const older = await createDispatcher(t, db);
  const newer = await createDispatcher(t, db, { encryptionKeys: [NEWER_KEY] });
  const partnerId = await insertPartner(db);
  const url = 'https://partner.example/';
  const keyOf = async (id: string): Promise<string | undefined> => {
    const [row] = await db.query<{ secretCiphertext: string }>(
      'SELECT secret_ciphertext FROM webhook_endpoints WHERE id = $1',
      [id],
    );
    return row?.secretCiphertext.split(':')[0];
  };
  const moved = await createEndpoint(older, { partnerId, url });
  const first = await createEndpoint(older, { partnerId, url });
  const second = await createEndpoint(older, { partnerId, url });
  const foreign = await createEndpoint(newer, { partnerId, url });
  await db.query(
    `UPDATE webhook_endpoints SET secret_ciphertext = (SELECT secret_ciphertext FROM webhook_endpoints WHERE id = $2)
     WHERE id = $1`,
    [moved.id, first.id],
  );
  const foreignKey = await keyOf(foreign.id);
  const newestKey = Buffer.alloc(32, 11).toString('base64');
  const reseal = createResealer({ db, logger, secretBox: createSecretBox([newestKey, ENCRYPTION_KEY]) });
  t.equal(await reseal(), 2);
  t.equal(await reseal(), 0);
  t.equal(await keyOf(first.id), await keyOf(second.id));
  t.not(await keyOf(first.id), await keyOf(moved.id), 'what was moved stays as it was');
  t.equal(await keyOf(foreign.id), foreignKey, 'and so does what another key sealed');
});

t.test(
  'a delivery whose key this dispatcher lacks is no attempt, and one that has the key sends it',
  async (t) => {
    const { db, messaging, dispatcher: older } = await createPlatform(t);
    const newer = await createDispatcher(t, db, { encryptionKeys: [NEWER_KEY, ENCRYPTION_KEY] });
    const receiver = await createWebhookReceiver(t);
    const partnerId = await insertPartner(db);
    const { id } = await createEndpoint(newer, { partnerId, url: receiver.url });
    await older.work(messaging);
    for (let i = 0; i < 3; i += 1) await publishEvent(messaging, eventFor(partnerId));
    const metric = async (pattern: RegExp) => waitFor(async () => pattern.test(await older.metricsText()));
    await metric(/webhooks_delivered_total\{[^}]*outcome="unsigned"[^}]*\} [3-9]/);
    await metric(/webhook_backlog\{[^}]*\} 3/);
    // Several polls long it keeps its hands off them.
    await pause(2_000);
    const deliveries = await db.query<{ claimToken: string }>(
      'SELECT status, attempts, claimed_until, claim_token FROM webhook_deliveries',
    );
    t.equal(deliveries.length, 3);
    for (const { claimToken, ...delivery } of deliveries) {
      t.strictSame(delivery, { status: 'pending', attempts: 0, claimedUntil: null });
      t.ok(Number(claimToken) <= 2, `claimed ${claimToken} times`);
    }
    t.match((await older.call(admin, 'GET', `/webhooks/endpoints/${id}`)).body.data, {
      consecutiveFailures: 0,
      circuitState: 'closed',
    });
    await newer.work(messaging);
    await receiver.received(3);
    await waitFor(async () => {
      const rows = await db.query<{ attempts: number }>(
        `SELECT attempts FROM webhook_deliveries WHERE status = 'delivered'`,
      );
      return rows.length === 3 && rows.every(({ attempts }) => attempts === 1);
    });
  },
);

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
