import { connect } from '@tributary/schema';
import { createTestDatabase, waitFor } from '@tributary/testkit';
import t from 'tap';
import { createLease, createLogger, runWithLease } from '../src/index.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const LONG = 60_000;

await t.test('a lease', async (t) => {
  const { db, owner } = await createTestDatabase(t);
  const lease = (name: string, holder: string, ttlMs = LONG) => createLease({ db, name, holder, ttlMs });
  const expire = async (name: string) =>
    owner.query(`UPDATE leases SET expires_at = now() - interval '1 s' WHERE name = $1`, [name]);

  await t.test('goes to one of many who ask at once', async (t) => {
    const holders = Array.from({ length: 10 }, (_, at) => lease('one', `h${at}`));
    const held = await Promise.all(holders.map(async (each) => each.acquire()));
    t.equal(held.filter((each) => each !== undefined).length, 1);
  });

  await t.test('passes on when released or expired, with a growing token', async (t) => {
    const first = await lease('two', 'a').acquire();
    if (first === undefined) throw new Error('nobody held it before');
    t.equal(await lease('two', 'b').acquire(), undefined);
    await lease('two', 'a').release(first);
    const second = await lease('two', 'b').acquire();
    await expire('two');
    const third = await lease('two', 'c').acquire();
    t.same([first.token, second?.token, third?.token], ['1', '2', '3']);
  });

  await t.test('cannot be renewed or released by a former holder', async (t) => {
    const former = await lease('three', 'a').acquire();
    await expire('three');
    const present = await lease('three', 'b').acquire();
    if (former === undefined || present === undefined) throw new Error('both should have held it');
    t.equal(await lease('three', 'a').renew(former), false);
    await lease('three', 'a').release(former);
    t.equal(await lease('three', 'b').renew(present), true);
    t.equal(await lease('three', 'c').acquire(), undefined);
  });
});

await t.test('work under a lease', async (t) => {
  const { db, owner, serviceUrl } = await createTestDatabase(t);

  const contender = (holder: string, log: string[], ttlMs = 3_000) =>
    runWithLease({
      lease: createLease({ db, name: 'loop', holder, ttlMs }),
      logger,
      retryMs: 10,
      run: async (held, signal) => {
        log.push(`${holder} starts ${held.token}`);
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        log.push(`${holder} ends`);
      },
    });

  await t.test('runs in one place at a time and moves on when that stops', async (t) => {
    const log: string[] = [];
    const first = contender('a', log, LONG);
    await waitFor(() => log.length === 1);
    const second = contender('b', log, LONG);
    await first.stop();
    await waitFor(() => log.length === 3);
    await second.stop();
    t.same(log, ['a starts 1', 'a ends', 'b starts 2', 'b ends']);
  });

  await t.test('is told to stop when the lease is lost', async (t) => {
    const log: string[] = [];
    const loop = contender('c', log);
    await waitFor(() => log.length === 1);
    await owner.query(
      `UPDATE leases SET holder = 'thief', token = token + 1, expires_at = now() + interval '1 hour'`,
    );
    await waitFor(() => log.includes('c ends'));
    await loop.stop();
    t.match(log, ['c starts 3', 'c ends']);
  });

  await t.test('is told to stop when the database is away, before anybody else may begin', async (t) => {
    const own = connect({ url: serviceUrl, applicationName: 'lease-holder' });
    const lease = createLease({ db: own, name: 'away', holder: 'a', ttlMs: 3_000 });
    const started = Promise.withResolvers<undefined>();
    const ended = Promise.withResolvers<undefined>();
    const loop = runWithLease({
      lease,
      logger,
      run: async (_held, signal) => {
        started.resolve(undefined);
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        ended.resolve(undefined);
      },
    });
    await started.promise;
    await own.close();
    await ended.promise;
    const [row] = await owner.query<{ valid: boolean }>(
      `SELECT expires_at > clock_timestamp() AS valid FROM leases WHERE name = 'away'`,
    );
    t.equal(row?.valid, true);
    await loop.stop();
  });

  await t.test('is begun again after it failed', async (t) => {
    let runs = 0;
    const loop = runWithLease({
      lease: createLease({ db, name: 'failing', holder: 'a' }),
      logger,
      retryMs: 5,
      run: async () => {
        runs += 1;
        throw new Error('once more');
      },
    });
    await waitFor(() => runs >= 3);
    await loop.stop();
    t.ok(runs >= 3);
  });
});
