import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureServerBinaries, startPostgres } from '@tributary/local-servers';
import t, { type Test } from 'tap';
import { connect, DatabaseUnavailableError } from '../../src/index.ts';
import type { Database } from '../../src/index.ts';

// Serial: Postgres is killed, frozen and restarted under load, which needs a server of its own and a quiet machine.
const WORKERS = 12;
const CONNECTIONS = 8;

const folder = await mkdtemp(join(tmpdir(), 'lost-connections-'));
const binaries = await ensureServerBinaries({ home: folder });
const start = (port?: number) =>
  startPostgres({
    binaries,
    dataDir: join(folder, 'data'),
    durable: false,
    ...(port === undefined ? {} : { port }),
  });
let server = await start();

const surprises: unknown[] = [];
process.on('uncaughtException', (error) => surprises.push(error));
process.on('unhandledRejection', (error) => surprises.push(error));

const open = (applicationName: string, answerTimeoutMs = 15_000): Database =>
  connect({ url: server.url, applicationName, maxConnections: CONNECTIONS, answerTimeoutMs });
const db = open('burst');
const killer = open('killer');
t.teardown(async () => {
  await Promise.all([db.close(), killer.close()]);
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

await db.query('create table counters (id int primary key, value int not null)');
await db.query(
  'create table history (id int not null, value int not null, note text not null, primary key (id, value))',
);
await db.query('insert into counters select id, 0 from generate_series(1, 4) as id');

/** The form of a command: a change and its record in one statement. */
const CHANGE = `with changed as (update counters set value = value + 1 where id = $1 returning id, value)
  insert into history select id, value, $2 from changed returning value`;

interface Tally {
  done: number;
  unknown: number;
  neverSent: number;
  others: unknown[];
}

/** Runs changes without pause until `stopped()`, and counts what became of them. */
async function runWorkers(stopped: () => boolean): Promise<Tally> {
  const tally: Tally = { done: 0, unknown: 0, neverSent: 0, others: [] };
  const work = async (worker: number): Promise<void> => {
    while (!stopped()) {
      try {
        const rows = await db.query(CHANGE, [1 + (worker % 4), `by ${worker}`]);
        if (rows.length === 1) tally.done += 1;
      } catch (error) {
        if (!(error instanceof DatabaseUnavailableError)) tally.others.push(error);
        else if (error.outcomeUnknown) tally.unknown += 1;
        else tally.neverSent += 1;
        // A refused connection is answered at once: leave the event loop a turn.
        await new Promise(setImmediate);
      }
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
  return tally;
}

async function readTotals(): Promise<{ changes: number; records: number }> {
  const [row] = await killer.query<{ changes: number; records: number }>(
    `select (select sum(value)::int from counters) as changes, (select count(*)::int from history) as records`,
  );
  return row ?? { changes: -1, records: -2 };
}

/** Every slot gives a working connection, all at the same time. */
async function countWorkingConnections(): Promise<number> {
  const rows = await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      db.query<{ pid: number }>('select pg_backend_pid() as pid, pg_sleep(0.3)'),
    ),
  );
  return new Set(rows.map(([row]) => row?.pid)).size;
}

async function assertNothingTorn(t: Test, before: number, tally: Tally): Promise<void> {
  const { changes, records } = await readTotals();
  t.equal(changes, records, 'every change has its record');
  t.ok(changes - before >= tally.done, 'what was answered is there');
  t.ok(changes - before <= tally.done + tally.unknown, 'what was never sent is not');
  t.same(tally.others, [], 'every failure is a DatabaseUnavailableError');
  t.same(surprises, [], 'nothing was thrown past the callers');
  t.equal(await countWorkingConnections(), CONNECTIONS);
  t.match({ inFlight: db.inFlight, waiting: db.waiting }, { inFlight: 0, waiting: 0 });
}

t.test('back ends killed in a burst tear nothing and leave a whole pool', async (t) => {
  const before = (await readTotals()).changes;
  let killed = 0;
  const working = runWorkers(() => killed >= 60);
  while (killed < 60) {
    const rows = await killer.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'burst' and state = 'active' limit 3`,
    );
    killed += rows.length;
  }
  const tally = await working;
  t.ok(tally.unknown > 0 && tally.done > 0);
  await assertNothingTorn(t, before, tally);
});

t.test('idle connections killed between statements are not noticed by the next ones', async (t) => {
  await countWorkingConnections();
  await killer.query(
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'burst'`,
  );
  // The closing of sockets is news that the event loop brings in a few turns.
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  t.equal(await countWorkingConnections(), CONNECTIONS);
});

t.test('immediate restarts under load tear nothing, and work goes on by itself', async (t) => {
  const before = (await readTotals()).changes;
  let restarts = 0;
  const working = runWorkers(() => restarts >= 4);
  for (; restarts < 4; restarts += 1) {
    const seen = (await readTotals().catch(() => ({ changes: before }))).changes;
    await server.stop();
    server = await start(server.port);
    // The next restart comes once changes are being made again.
    while ((await readTotals().catch(() => ({ changes: seen }))).changes <= seen)
      await new Promise(setImmediate);
  }
  await assertNothingTorn(t, before, await working);
});

t.test('back ends that are frozen fail their statements in time, and no later statement', async (t) => {
  const frozen = open('frozen', 4_000);
  const pids = await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      frozen.query<{ pid: number }>('select pg_backend_pid() as pid, pg_sleep(0.2)'),
    ),
  );
  for (const [row] of pids) if (row) process.kill(row.pid, 'SIGSTOP');
  const outcomes = await Promise.allSettled(pids.map(() => frozen.query('select 1')));
  t.ok(outcomes.some((outcome) => outcome.status === 'rejected'));
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected')
      t.ok(outcome.reason instanceof DatabaseUnavailableError && outcome.reason.outcomeUnknown);
  }
  t.equal((await Promise.all(pids.map(() => frozen.query('select 1')))).length, CONNECTIONS);
  for (const [row] of pids) if (row) process.kill(row.pid, 'SIGCONT');
  await frozen.close();
  t.same(surprises, []);
});
