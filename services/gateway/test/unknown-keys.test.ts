import { createLogger } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import { createTestDatabase, waitFor } from '@tributary/testkit';
import t from 'tap';
import { createApiKeyCache } from '../src/identity/api-key-cache.ts';
import { createApiKey } from '../src/identity/api-keys-store.ts';
import { hashToken, newToken } from '../src/identity/random-tokens.ts';
import { asService, call, echo, listen, startGateway, type TestSettings } from './gateway-under-test.ts';

const database = await createTestDatabase(t);
const upstream = await listen(t, asService(echo));
const limits = { public: 100_000, admin: 100_000, partner: 100_000, apiKey: 100_000 };
const guess = () => newToken('tb_live_');

async function issueKey(): Promise<string> {
  const { key } = await createApiKey(
    database.db,
    {
      programId: 'default',
      requestId: 'r',
      now: new Date(),
      actor: { kind: 'user', id: null, name: 'tests' },
      ipAddress: '127.0.0.1',
      userAgent: 'tests',
    },
    { name: 'Shop', scopes: ['operations:read'] },
  );
  return key;
}

/** The database, with an eye on how often keys are looked for, and how often at once. The first waits for so many to be asked. */
function watched(firstMeets: number) {
  const seen = { lookUps: 0, atOnce: 0, most: 0 };
  const db: Database = {
    ...database.db,
    async query<Row extends object>(...[text, params]: Parameters<Database['query']>) {
      if (!text.includes('key_hash = $2')) return database.db.query<Row>(text, params);
      seen.lookUps += 1;
      seen.atOnce += 1;
      seen.most = Math.max(seen.most, seen.atOnce);
      try {
        await waitFor(() => seen.lookUps >= firstMeets);
        return await database.db.query<Row>(text, params);
      } finally {
        seen.atOnce -= 1;
      }
    },
  };
  return { db, seen };
}

async function start(t: Parameters<typeof startGateway>[0], settings: TestSettings, firstMeets = 1) {
  const { db, seen } = watched(firstMeets);
  const gateway = await startGateway(t, {
    upstreams: { 'echo-service': upstream.url },
    database: { ...database, db },
    trustedProxies: ['127.0.0.1'],
    ...settings,
  });
  const ask = async (token: string | undefined, address: string): Promise<number> => {
    const headers = { 'x-forwarded-for': address };
    const credentials = token === undefined ? {} : { token };
    return (await call(gateway, '/api/v1/echo', { ...credentials, headers })).status;
  };
  return { seen, ask, gateway: gateway.gateway };
}

t.test('an address over its limit makes up keys without anybody looking for them', async (t) => {
  const { seen, ask } = await start(t, { limits: { ...limits, public: 5 } });
  const statuses: number[] = [];
  for (let sent = 0; sent < 40; sent += 1) statuses.push(await ask(guess(), '198.51.100.1'));
  t.same(statuses, [...Array<number>(5).fill(401), ...Array<number>(35).fill(429)]);
  t.equal(seen.lookUps, 5);
  const atOnce = await Promise.all(Array.from({ length: 200 }, () => ask(guess(), '198.51.100.2')));
  t.equal(atOnce.filter((status) => status === 401).length, 5);
  t.equal(atOnce.filter((status) => status === 429).length, 195);
  t.ok(seen.lookUps < 5 + 150, `${seen.lookUps - 5} were looked for`);
});

t.test('a key in use is good from an address over its limit, also when it is read again', async (t) => {
  let now = Date.now();
  const key = await issueKey();
  const settings = { limits: { ...limits, public: 2 }, clock: () => new Date(now) };
  const { seen, ask, gateway } = await start(t, settings);
  t.equal(await ask(key, '198.51.100.3'), 200);
  for (const status of [401, 401, 429]) t.equal(await ask(guess(), '198.51.100.3'), status);
  now += 31_000;
  t.equal(await ask(key, '198.51.100.3'), 200);
  await gateway.onReset();
  t.equal(await ask(key, '198.51.100.3'), 200);
  t.equal(seen.lookUps, 5, 'three times the key, two guesses');
});

t.test("the visitors of an address do not use up the first look at a shop's key from there", async (t) => {
  const { ask } = await start(t, { limits: { ...limits, public: 3 } });
  const address = '198.51.100.4';
  const visitors = [1, 2, 3, 4].map(() => ask(undefined, address));
  t.equal((await Promise.all(visitors)).filter((status) => status === 429).length, 1);
  t.equal(await ask(await issueKey(), address), 200);
});

t.test('few unknown keys are looked for at once, and none is turned away for it', async (t) => {
  const { seen, ask } = await start(t, { limits }, 2);
  const key = await issueKey();
  const guesses = Array.from({ length: 16 }, (_, n) => ask(guess(), `198.51.101.${n}`));
  const good = Array.from({ length: 20 }, (_, n) => ask(key, `198.51.102.${n}`));
  t.same([...new Set(await Promise.all(guesses))], [401]);
  t.same([...new Set(await Promise.all(good))], [200]);
  t.equal(seen.most, 2);
  t.equal(seen.lookUps, 17, 'the good one is read once');
});

t.test('keys in use stay in memory, however many are made up', async (t) => {
  const key = await issueKey();
  let read = 0;
  const cache = createApiKeyCache({
    db: {
      async query<Row extends object>(...[text, params = []]: Parameters<Database['query']>) {
        if (params[1] !== hashToken(key)) return [];
        read += 1;
        return database.db.query<Row>(text, params);
      },
    },
    clock: () => new Date(),
    logger: createLogger({ service: 'gateway', level: 'silent' }),
    isSpent: () => false,
  });
  t.teardown(() => cache.stop());
  const sender = { ip: '198.51.100.5', serviceRoute: null };
  t.match(await cache.lookUp(key, sender), { kind: 'api_key', name: 'Shop' });
  for (let sent = 0; sent < 20_100; sent += 1) await cache.lookUp(guess(), sender);
  t.notOk(cache.lookUp(key, sender) instanceof Promise);
  t.equal(read, 1);
});
