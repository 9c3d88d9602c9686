import { newId } from '@tributary/commissions';
import t from 'tap';
import {
  documentedOperations,
  GENERIC,
  NOBODY,
  SeenCodes,
  urlOf,
  type DocumentedOperation,
} from './documented-operations.ts';
import { startOperations, type Call } from './harness.ts';
import { validRequest } from './valid-requests.ts';

const { app, db, owner, call, user } = await startOperations(t, {
  // Half a second is enough to see that a lock is not given.
  database: (url) => `${url}?lock_timeout=500`,
});
const operations = await documentedOperations(app);
const writes = [...operations].filter(([, { method }]) => method !== 'GET');
const seen = new SeenCodes();

interface Attempt {
  readonly by?: Call;
  readonly as?: { readonly id: string };
  readonly key?: string;
}

/** Calls an operation as it would succeed, but for what the test has put in its way. */
async function attempt(operationId: string, { by = call, as, key }: Attempt = {}) {
  const operation = operations.get(operationId);
  if (operation === undefined) throw new Error(`no operation ${operationId}`);
  const { id, body } = await validRequest(db, operationId);
  return send(operation, { id, body, by, ...(as && { as }), ...(key === undefined ? {} : { key }) });
}

async function send(
  { method, url }: DocumentedOperation,
  request: Attempt & { readonly id: string; readonly body: object; readonly by: Call },
) {
  const { id, body, by, as, key } = request;
  return by(method, urlOf(url, id), {
    ...(method === 'GET' ? {} : { body }),
    ...(as === undefined ? {} : { as }),
    headers: key === undefined ? {} : { 'idempotency-key': key },
  });
}

t.test('every operation that writes has a request here that succeeds', async (t) => {
  for (const [operationId] of writes) {
    const { status, text } = await attempt(operationId);
    t.ok(status < 300, `${operationId}: ${text}`);
  }
});

t.test('an id with a slash in it is another path, and that is no route', async (t) => {
  for (const [operationId, { method, url }] of operations) {
    if (!url.includes('{')) continue;
    const path = url.replaceAll(/\{\w+\}/g, 'a/b/c');
    const { status, body } = await call(method, path, method === 'GET' ? {} : { body: {} });
    t.equal(status, 404, operationId);
    seen.see(operationId, body);
  }
});

t.test('with Postgres away every operation says so, and with a fault of ours tells nothing', async (t) => {
  const away = await startOperations(t, { database: () => 'postgres://tributary_service@127.0.0.1:1/none' });
  const noTables = await startOperations(t, { database: (url) => url.replace(/[^/]+$/, 'postgres') });
  await Promise.all(
    [...operations.keys()].map(async (operationId) => {
      const unavailable = await attempt(operationId, { by: away.call, key: newId() });
      t.equal(unavailable.status, 503, `${operationId}: ${unavailable.text}`);
      seen.see(operationId, unavailable.body);
      const broken = await attempt(operationId, { by: noTables.call });
      t.equal(broken.status, 500, `${operationId}: ${broken.text}`);
      t.notMatch(broken.text, /relation|select/i, 'nothing of the inside');
      seen.see(operationId, broken.body);
    }),
  );
});

t.test('a key that came with another body is refused on every operation that takes keys', async (t) => {
  for (const [operationId, operation] of writes) {
    const { id, body } = await validRequest(db, operationId);
    const key = newId();
    const first = await send(operation, { id, body, by: call, key });
    t.ok(first.status < 300, `${operationId}: ${first.text}`);
    const again = await send(operation, { id, body, by: call, key });
    t.match(again.headers, { 'idempotency-replayed': 'true' }, operationId);
    const other = await call(operation.method, urlOf(operation.url, id), {
      // The same to whoever parses it, and other bytes.
      body: JSON.stringify(body, null, 2).replace('{', '{ '),
      headers: { 'idempotency-key': key, 'content-type': 'application/json' },
    });
    t.equal(other.status, 422, `${operationId}: ${other.text}`);
    seen.see(operationId, other.body);
  }
});

/** Holds what every write needs while `work` is done: a cursor is a transaction that lasts. */
async function whileLocked(work: () => Promise<void>): Promise<void> {
  await owner.query(`CREATE OR REPLACE FUNCTION lock_audit() RETURNS int LANGUAGE plpgsql AS $$
    BEGIN LOCK TABLE audit_logs IN EXCLUSIVE MODE; RETURN 1; END $$`);
  for await (const _locked of owner.stream('SELECT lock_audit() FROM generate_series(1, 2)', [], 1)) {
    await work();
    break;
  }
}

t.test('while somebody else holds a lock, writes give up and say which way', async (t) => {
  const requests = await Promise.all(
    writes.flatMap(([operationId, operation]) =>
      [undefined, newId()].map(async (key) => {
        const { id, body } = await validRequest(db, operationId);
        return { operationId, operation, id, body, ...(key === undefined ? {} : { key }) };
      }),
    ),
  );
  const lane = async (): Promise<void> => {
    for (let next = requests.pop(); next !== undefined; next = requests.pop()) {
      const { operationId, operation, ...request } = next;
      const { status, body, text } = await send(operation, { ...request, by: call });
      t.equal(status, 409, `${operationId}: ${text}`);
      seen.see(operationId, body);
    }
  };
  // Fewer than there are connections, or they would wait for each other and not for the lock.
  await whileLocked(async () => {
    await Promise.all(Array.from({ length: 6 }, lane));
  });
});

t.test('what would refer to a user who is gone is refused', async (t) => {
  t.notSame(user.id, NOBODY);
  for (const [operationId] of writes) {
    const { status, body, text } = await attempt(operationId, { as: { id: NOBODY } });
    t.equal(status, 409, `${operationId}: ${text}`);
    seen.see(operationId, body);
  }
});

t.test('every generic code that the document names for an operation was answered by it', async (t) => {
  for (const [operationId, { documented }] of operations) {
    const missing = [...documented].filter((code) => GENERIC.has(code) && !seen.of(operationId).has(code));
    t.same(missing, [], operationId);
  }
});
