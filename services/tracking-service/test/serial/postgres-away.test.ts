import { connectMessaging, publishUnrecorded, runConsumer } from '@tributary/messaging';
import { createLogger, createMetrics } from '@tributary/runtime';
import { connect } from '@tributary/schema';
import { identityHeaders, insertPartner, startOwnPostgres, testNats, waitFor } from '@tributary/testkit';
import t from 'tap';
import { countValid, PUBLIC, startTracking } from '../tracking-under-test.ts';

t.test(
  'while Postgres is away clicks are refused, links go on, and their clicks are stored once afterwards',
  async (t) => {
    const postgres = await startOwnPostgres(t);
    const db = connect({ url: postgres.serviceUrl, applicationName: 'test' });
    t.teardown(() => db.close());
    const nats = testNats(t);
    const messaging = connectMessaging({
      ...nats,
      name: 'test',
      logger: createLogger({ service: 'test', level: 'silent' }),
      metrics: createMetrics({ service: 'test' }),
    });
    t.teardown(() => messaging.close());
    await waitFor(() => messaging.live !== undefined);
    const tracking = await startTracking(t, { db, spill: (event) => publishUnrecorded(messaging, event) });
    const consumer = runConsumer({ messaging, db }, tracking.spilledClicks);
    t.teardown(() => consumer.stop());
    const [known, unseen] = [await insertPartner(db), await insertPartner(db)];
    const follow = async (code: string) => {
      const headers = identityHeaders({ service: 'tracking-service', ...PUBLIC });
      const answer = await tracking.app.inject({ method: 'GET', url: `/r/${code}`, headers });
      t.equal(answer.statusCode, 302);
      return new URL(String(answer.headers.location)).searchParams.get('click_id') ?? '';
    };
    const before = await follow(known.referralCode);
    await postgres.kill();
    // Its backends outlive a killed postmaster until they next wait for work.
    const isAway = () =>
      db.ping().then(
        () => false,
        () => true,
      );
    await waitFor(isAway, { what: 'Postgres to be gone' });
    const refused = await tracking.post('/tracking/click', { referralCode: known.referralCode }, PUBLIC);
    t.match(refused, { status: 503, body: { code: 'SERVICE_UNAVAILABLE' } });
    const meanwhile = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        follow(index % 2 === 0 ? known.referralCode : unseen.referralCode),
      ),
    );
    await postgres.start();
    const ids = [before, ...meanwhile];
    const stored = () => db.query<{ id: string }>('SELECT id FROM referral_clicks ORDER BY id');
    await waitFor(async () => (await stored()).length >= ids.length, {
      timeoutMs: 30_000,
      what: 'the spilled clicks',
    });
    await consumer.stop();
    t.same(
      (await stored()).map(({ id }) => id),
      ids.toSorted(),
      'each once, and the refused one never',
    );
    const { rollup, rows } = await countValid(db);
    t.equal(rows, ids.length);
    t.equal(rollup, rows);
    const after = await tracking.post('/tracking/click', { referralCode: known.referralCode }, PUBLIC);
    t.equal(after.status, 201);
  },
);

t.test('backends killed during a burst of clicks leave every click that was answered, counted', async (t) => {
  const postgres = await startOwnPostgres(t);
  const db = connect({ url: postgres.serviceUrl, applicationName: 'burst' });
  const owner = connect({ url: postgres.url, applicationName: 'owner' });
  t.teardown(() => Promise.all([db.close(), owner.close()]));
  const tracking = await startTracking(t, { db });
  const { referralCode } = await insertPartner(db);
  const answered: string[] = [];
  let refused = 0;
  for (let round = 0; round < 10; round += 1) {
    const clicks = Array.from({ length: 60 }, async (_, index) => {
      const body = { referralCode, sessionId: `burst-${round}-${index}` };
      const answer = await tracking.post('/tracking/click', body, PUBLIC);
      if (answer.status === 201) answered.push((answer.body.data as { clickId: string }).clickId);
      else refused += 1;
    });
    await owner.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'burst'`,
    );
    await Promise.all(clicks);
  }
  const stored = await owner.query<{ id: string }>('SELECT id FROM referral_clicks');
  const ids = new Set(stored.map(({ id }) => id));
  t.ok(answered.length > 0, `${answered.length} answered, ${refused} refused`);
  t.ok(answered.every((id) => ids.has(id)));
  const { rollup, rows } = await countValid(owner);
  t.equal(rollup, rows);
});
