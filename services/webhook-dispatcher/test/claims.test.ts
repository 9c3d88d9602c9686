import { newId } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { createTestDatabase } from '@tributary/testkit';
import t from 'tap';
import { claimDue } from '../src/deliveries/claim.ts';
import type { ClaimInput } from '../src/deliveries/claim.ts';
import type { ClaimedDelivery } from '../src/deliveries/claimed-delivery.ts';
import { insertDeliveries } from '../src/deliveries/insert-deliveries.ts';
import { recordAttempts, releaseClaims } from '../src/deliveries/record-attempts.ts';
import type { AttemptRecord } from '../src/deliveries/record-attempts.ts';
import { insertPartner } from './harness.ts';

const everything: ClaimInput = {
  lane: 'main',
  limit: 1_000,
  perPartner: 1_000,
  perEndpoint: 1_000,
  partnerCapacity: new Map(),
  heldEndpoints: [],
  rateShare: 1,
  leaseMs: 20_000,
};

async function insertEndpoint(db: Database, partnerId: string): Promise<string> {
  const id = newId();
  await db.query(
    `INSERT INTO webhook_endpoints (id, partner_id, url, secret_ciphertext, rate_limit_per_second)
     VALUES ($1, $2, 'https://partner.example', 'x', 1000)`,
    [id, partnerId],
  );
  return id;
}

async function insertDue(db: Database, endpointId: string, count: number): Promise<void> {
  await db.query(
    `INSERT INTO webhook_deliveries (id, endpoint_id, partner_id, event_id, event_type, body, occurred_at, next_attempt_at)
     SELECT uuidv7(), e.id, e.partner_id, uuidv7(), 'commission.paid', '{}', now(), now()
     FROM webhook_endpoints e, generate_series(1, $2::int) WHERE e.id = $1`,
    [endpointId, count],
  );
}

const lapse = (db: Database) =>
  db.query(`UPDATE webhook_deliveries SET claimed_until = now() - interval '1 second'`);

const delivered = (delivery: ClaimedDelivery): AttemptRecord => ({
  delivery,
  attemptedAt: new Date(),
  result: {
    ok: true,
    statusCode: 200,
    error: null,
    responseExcerpt: null,
    durationMs: 5,
    retryAfterSeconds: undefined,
  },
  verdict: { status: 'delivered' },
});

const failed = (delivery: ClaimedDelivery): AttemptRecord => ({
  ...delivered(delivery),
  verdict: { status: 'failed' },
});

t.test('dispatchers that claim at once never get the same delivery', async (t) => {
  const { db } = await createTestDatabase(t);
  for (let i = 0; i < 5; i += 1) await insertDue(db, await insertEndpoint(db, await insertPartner(db)), 40);
  const claims = await Promise.all(
    Array.from({ length: 8 }, () => claimDue(db, { ...everything, limit: 50 })),
  );
  const rest = await claimDue(db, everything);
  const ids = [...claims.flat(), ...rest].map(({ id }) => id);
  t.equal(ids.length, 200);
  t.equal(new Set(ids).size, 200);
});

t.test("a late writer's token is refused and the newer result stands", async (t) => {
  const { db } = await createTestDatabase(t);
  await insertDue(db, await insertEndpoint(db, await insertPartner(db)), 1);
  const [late] = await claimDue(db, everything);
  await lapse(db);
  const [timely] = await claimDue(db, everything);
  t.ok(late !== undefined && timely !== undefined && late.id === timely.id);
  if (late === undefined || timely === undefined) return;
  t.strictSame(await recordAttempts(db, [failed(late)]), []);
  t.strictSame(await recordAttempts(db, [delivered(timely)]), [timely.id]);
  t.strictSame(await recordAttempts(db, [failed(late)]), []);
  await releaseClaims(db, [late]);
  const [row] = await db.query(`SELECT status, attempts, claim_token FROM webhook_deliveries`);
  t.strictSame(row, { status: 'delivered', attempts: 1, claimToken: '2' });
  const [attempts] = await db.query<{ count: number }>('SELECT count(*)::int FROM webhook_attempts');
  t.equal(attempts?.count, 0);
});

t.test('a result that is written again, since nobody heard that it was, counts once', async (t) => {
  const { db } = await createTestDatabase(t);
  await insertDue(db, await insertEndpoint(db, await insertPartner(db)), 3);
  const [first, second, third] = await claimDue(db, everything);
  t.ok(first !== undefined && second !== undefined && third !== undefined);
  if (first === undefined || second === undefined || third === undefined) return;
  const retried: AttemptRecord = { ...failed(first), verdict: { status: 'pending', retryInMs: 5_000 } };
  t.strictSame(await recordAttempts(db, [retried, delivered(second)]), [first.id, second.id]);
  const again = await recordAttempts(db, [retried, delivered(second), failed(third)]);
  t.strictSame(again.toSorted(), [first.id, second.id, third.id].toSorted(), 'all of them are written');
  const rows = await db.query('SELECT attempts, status FROM webhook_deliveries ORDER BY id');
  t.strictSame(
    [...rows],
    [
      { attempts: 1, status: 'pending' },
      { attempts: 1, status: 'delivered' },
      { attempts: 1, status: 'failed' },
    ],
  );
  const attempts = await db.query<{ deliveryId: string }>('SELECT delivery_id FROM webhook_attempts');
  t.strictSame(
    attempts.map(({ deliveryId }) => deliveryId).toSorted(),
    [first.id, third.id].toSorted(),
    'one for each that did not succeed at first',
  );
});

t.test('new rows that are written again are known to stand, those of others are not', async (t) => {
  const { db } = await createTestDatabase(t);
  await insertDue(db, await insertEndpoint(db, await insertPartner(db)), 1);
  const [template] = await claimDue(db, everything);
  t.ok(template);
  if (template === undefined) return;
  const fresh: ClaimedDelivery = { ...template, id: newId(), eventId: newId(), claimToken: '1' };
  const row = { delivery: fresh, record: failed(fresh), isClaimed: false };
  t.strictSame(await insertDeliveries(db, [row], 20_000), [fresh.id]);
  t.strictSame(await insertDeliveries(db, [row], 20_000), [fresh.id]);
  const another = { delivery: { ...fresh, id: newId() }, isClaimed: true };
  t.strictSame(await insertDeliveries(db, [another], 20_000), [], 'the event and endpoint have their row');
  t.equal((await db.query('SELECT FROM webhook_attempts')).length, 1);
});

t.test('a claim that was given back or has lapsed can be taken at once, a live one cannot', async (t) => {
  const { db } = await createTestDatabase(t);
  await insertDue(db, await insertEndpoint(db, await insertPartner(db)), 2);
  const claimed = await claimDue(db, everything);
  t.equal(claimed.length, 2);
  t.equal((await claimDue(db, everything)).length, 0);
  await releaseClaims(db, claimed.slice(0, 1));
  t.strictSame(
    (await claimDue(db, everything)).map(({ id }) => id),
    [claimed[0]?.id],
  );
  await lapse(db);
  t.equal((await claimDue(db, everything)).length, 2);
});

t.test('what is due from now on is claimed at once, however its moment was rounded', async (t) => {
  const { db } = await createTestDatabase(t);
  const endpoint = await insertEndpoint(db, await insertPartner(db));
  const claims: number[] = [];
  for (let round = 0; round < 200; round += 1) {
    await insertDue(db, endpoint, 1);
    claims.push((await claimDue(db, everything)).length);
  }
  t.strictSame(new Set(claims), new Set([1]));
});

t.test("one endpoint's backlog cannot fill a claim", async (t) => {
  const { db } = await createTestDatabase(t);
  const crowded = await insertEndpoint(db, await insertPartner(db));
  await insertDue(db, crowded, 500);
  for (let i = 0; i < 10; i += 1) await insertDue(db, await insertEndpoint(db, await insertPartner(db)), 1);
  const claimed = await claimDue(db, { ...everything, limit: 20, perPartner: 15, perEndpoint: 15 });
  t.equal(claimed.length, 20);
  t.equal(
    new Set(claimed.map(({ endpointId }) => endpointId)).size,
    11,
    'every endpoint gets its turn first',
  );
});

t.test('limits of partner and endpoint hold within one claim', async (t) => {
  const { db } = await createTestDatabase(t);
  const [busy, free] = [await insertPartner(db), await insertPartner(db)];
  for (const partnerId of [busy, busy, free, free])
    await insertDue(db, await insertEndpoint(db, partnerId), 30);
  const held = await insertEndpoint(db, free);
  await insertDue(db, held, 5);
  const claimed = await claimDue(db, {
    ...everything,
    perPartner: 20,
    perEndpoint: 8,
    partnerCapacity: new Map([[busy, 3]]),
    heldEndpoints: [held],
  });
  const of = (partnerId: string): number =>
    claimed.filter((delivery) => delivery.partnerId === partnerId).length;
  t.equal(of(busy), 3);
  t.equal(of(free), 16);
  t.notOk(claimed.some(({ endpointId }) => endpointId === held));
});

t.test(
  'disabled, deleted and paused endpoints are passed by; a pause that is over lets one probe through',
  async (t) => {
    const { db } = await createTestDatabase(t);
    const partnerId = await insertPartner(db);
    const set = async (change: string): Promise<string> => {
      const id = await insertEndpoint(db, partnerId);
      await insertDue(db, id, 3);
      await db.query(`UPDATE webhook_endpoints SET ${change} WHERE id = $1`, [id]);
      return id;
    };
    await set(`status = 'disabled'`);
    await set(`status = 'auto_disabled'`);
    await set(`deleted_at = now()`);
    await set(`circuit_state = 'open', circuit_open_until = now() + interval '1 minute'`);
    await set(`lane = 'slow'`);
    const probed = await set(`circuit_state = 'open', circuit_open_until = now() - interval '1 second'`);
    const claimed = await claimDue(db, everything);
    t.strictSame(
      claimed.map(({ endpointId }) => endpointId),
      [probed],
    );
    const [row] = await db.query(`SELECT circuit_state FROM webhook_endpoints WHERE id = $1`, [probed]);
    t.strictSame(row, { circuitState: 'half_open' });
    t.equal((await claimDue(db, everything)).length, 0, 'while the probe runs there is no second');
    t.equal((await claimDue(db, { ...everything, lane: 'slow' })).length, 3);
  },
);
