import { createTestDatabase, waitFor } from '@tributary/testkit';
import t from 'tap';
import { connect, DatabaseUnavailableError, sqlState } from '../src/index.ts';

const { db, owner, serviceUrl } = await createTestDatabase(t);

/** For statements that are to wait, however long it takes: the role's time-outs are in nobody's way. */
const PATIENT = { url: withoutTimeouts(serviceUrl), acquireTimeoutMs: 60_000 };

function withoutTimeouts(text: string): string {
  const url = new URL(text);
  for (const limit of ['statement_timeout', 'lock_timeout']) url.searchParams.set(limit, '0');
  return url.href;
}

/** Statements that wait until `open()`: they hold connections for as long as a test wants. */
async function gate(key: number): Promise<{ statement: string; open: () => Promise<void> }> {
  const holder = connect({ url: serviceUrl, applicationName: 'gate', maxConnections: 1 });
  await holder.query('select pg_advisory_lock($1)', [key]);
  return {
    statement: `select pg_advisory_xact_lock_shared(${key})`,
    open: () => holder.close(),
  };
}

t.test('the connection is named, prepared, and bound to the time-outs of the role', async (t) => {
  const [row] = await db.query(
    `select current_user::text as user, current_setting('application_name') as name,
       current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
       current_setting('idle_in_transaction_session_timeout') as idle`,
  );
  t.same(row, { user: 'tributary_service', name: 'test', statement: '5s', lock: '2s', idle: '10s' });
  const one = connect({ url: serviceUrl, applicationName: 'prepared', maxConnections: 1 });
  t.teardown(() => one.close());
  for (const n of [1, 2, 3]) await one.query('select $1::int as marker', [n]);
  const [prepared] = await one.query<{ uses: number }>(
    `select (generic_plans + custom_plans)::int as uses from pg_prepared_statements where statement = 'select $1::int as marker'`,
  );
  t.equal(prepared?.uses, 3);
});

t.test('statements are planned for their parameters, or once where a service says so', async (t) => {
  const planned = async (plans: 'once' | 'by parameters'): Promise<object | undefined> => {
    const one = connect({ url: serviceUrl, applicationName: 'plans', maxConnections: 1, plans });
    t.teardown(() => one.close());
    const statement = 'select $1::int as planned';
    for (let call = 0; call < 8; call += 1) await one.query(statement, [call]);
    const [counted] = await one.query(
      `select generic_plans::int as generic, custom_plans::int as custom
       from pg_prepared_statements where statement = '${statement}'`,
    );
    return counted;
  };
  t.same(await planned('once'), { generic: 8, custom: 0 });
  t.same(await planned('by parameters'), { generic: 3, custom: 5 }, 'Postgres looks at five calls first');
});

t.test('at most maxConnections statements run at once, the rest wait, and ping passes them by', async (t) => {
  const small = connect({ ...PATIENT, applicationName: 'small', maxConnections: 3 });
  const { statement, open } = await gate(11);
  const all = Promise.all(Array.from({ length: 10 }, () => small.query(statement)));
  await waitFor(async () => {
    const [row] = await owner.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where application_name = 'small' and wait_event = 'advisory'`,
    );
    return row?.n === 3;
  });
  t.match({ inFlight: small.inFlight, waiting: small.waiting }, { inFlight: 3, waiting: 7 });
  await small.ping();
  await open();
  await all;
  t.match({ inFlight: small.inFlight, waiting: small.waiting }, { inFlight: 0, waiting: 0 });
  await small.close();
});

t.test(
  'a statement that gets no connection in time fails as unavailable, never having been sent',
  async (t) => {
    const small = connect({
      url: PATIENT.url,
      applicationName: 'short',
      maxConnections: 1,
      acquireTimeoutMs: 30,
    });
    const { statement, open } = await gate(12);
    const held = small.query(statement);
    const error: unknown = await small.query('select 1').catch((reason: unknown) => reason);
    t.ok(error instanceof DatabaseUnavailableError && !error.outcomeUnknown);
    await open();
    await held;
    t.same(await small.query('select 1 as one'), [{ one: 1 }]);
    await small.close();
  },
);

t.test('nobody listens: unavailable, with the cause, and again so the next time', async (t) => {
  const nowhere = connect({ url: 'postgres://nobody@127.0.0.1:1/nothing', applicationName: 'nowhere' });
  for (const attempt of [1, 2, 3]) {
    const error: unknown = await nowhere.query('select 1').catch((reason: unknown) => reason);
    t.ok(error instanceof DatabaseUnavailableError, `attempt ${attempt}`);
    t.match((error as Error).cause, { code: 'ECONNREFUSED' });
    t.notOk((error as DatabaseUnavailableError).outcomeUnknown);
  }
  await t.rejects(nowhere.ping(), DatabaseUnavailableError);
  await nowhere.close();
});

t.test('an unknown database or role is unavailable, too', async (t) => {
  const url = new URL(serviceUrl);
  url.pathname = '/no_such_database';
  const lost = connect({ url: url.href, applicationName: 'lost' });
  await t.rejects(lost.query('select 1'), DatabaseUnavailableError);
  await lost.close();
});

t.test('close lets what is under way and waiting finish, and refuses what comes later', async (t) => {
  const closing = connect({ ...PATIENT, applicationName: 'closing', maxConnections: 1 });
  const { statement, open } = await gate(13);
  const both = Promise.all([closing.query(statement), closing.query('select 2 as two')]);
  const closed = closing.close(60_000);
  await t.rejects(closing.query('select 1'), DatabaseUnavailableError);
  await t.rejects(closing.ping(), DatabaseUnavailableError);
  await open();
  t.same((await both)[1], [{ two: 2 }]);
  await closed;
  await waitFor(async () => {
    const left = await owner.query(`select from pg_stat_activity where application_name = 'closing'`);
    return left.length === 0;
  });
});

t.test('close gives up waiting when its time is over', async (t) => {
  const closing = connect({ url: serviceUrl, applicationName: 'hasty', maxConnections: 1 });
  const { statement, open } = await gate(14);
  const held = closing.query(statement).catch((reason: unknown) => reason);
  await closing.close(20);
  t.ok((await held) instanceof DatabaseUnavailableError);
  await open();
});

t.test(
  'a stream yields every row once, in batches, on a connection of its own that ends with it',
  async (t) => {
    const numbers: number[] = [];
    const streams = `select from pg_stat_activity where application_name = 'test stream' and datname = current_database()`;
    const sizes: number[] = [];
    const rows = db.stream<{ someNumber: number }>(
      'select n as some_number from generate_series(1, $1::int) as n order by n',
      [2_500],
      1_000,
    );
    for await (const batch of rows) {
      sizes.push(batch.length);
      numbers.push(...batch.map(({ someNumber }) => someNumber));
      t.equal(db.inFlight, 0);
      t.equal((await owner.query(streams)).length, 1);
    }
    t.same(sizes, [1_000, 1_000, 500]);
    t.same(
      numbers,
      Array.from({ length: 2_500 }, (_, n) => n + 1),
    );
    await waitFor(async () => (await owner.query(streams)).length === 0);
  },
);

t.test('readers may leave a stream early, as often as they like', async (t) => {
  for (let round = 0; round < 6; round += 1) {
    for await (const batch of db.stream('select * from generate_series(1, 100000)', [], 10)) {
      t.equal(batch.length, 10);
      break;
    }
  }
});

t.test('a faulty statement fails its stream', async (t) => {
  const read = async (): Promise<void> => {
    for await (const batch of db.stream('select * from no_such_table', [], 10))
      t.fail(`${batch.length} rows`);
  };
  const error: unknown = await read().catch((reason: unknown) => reason);
  t.equal(sqlState(error), '42P01');
});

t.test('a stream that loses its connection between batches throws instead of ending', async (t) => {
  let batches = 0;
  const read = async (): Promise<void> => {
    for await (const batch of db.stream('select * from generate_series(1, 1000)', [], 100)) {
      batches += batch.length;
      if (batches > 100) continue;
      await owner.query(
        `select pg_terminate_backend(pid, 5000) from pg_stat_activity
         where application_name = 'test stream' and datname = current_database()`,
      );
    }
  };
  await t.rejects(read(), DatabaseUnavailableError);
  t.equal(batches, 100);
});
