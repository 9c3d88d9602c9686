import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import postgres from 'postgres';
import t from 'tap';

import {
  ensureServerBinaries,
  freePort,
  isPortFree,
  startNats,
  startPostgres,
  startRedis,
} from '../src/index.ts';
import { firstAnswer } from '../src/tcp-probe.ts';

const folder = await mkdtemp(join(tmpdir(), 'local-servers-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const binaries = await ensureServerBinaries({ home: folder });

async function query(url: string, text: string): Promise<unknown[]> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return [...(await sql.unsafe(text))];
  } finally {
    await sql.end();
  }
}

t.test('NATS and Redis answer, stop, and leave their ports', async (t) => {
  const [nats, redis] = await Promise.all([
    startNats({ binaries, dataDir: join(folder, 'nats') }),
    startRedis({ binaries, dataDir: join(folder, 'redis') }),
  ]);
  t.match(await firstAnswer(nats.port), /"jetstream":true/);
  t.match(await firstAnswer(redis.port, 'PING\r\n'), /PONG/);
  await Promise.all([nats.stop(), redis.stop()]);
  t.same(await Promise.all([nats.exited, redis.exited]), [
    { code: 0, signal: null },
    { code: 0, signal: null },
  ]);
  t.same([await isPortFree(nats.port), await isPortFree(redis.port)], [true, true]);
});

t.test('a server that was killed says so and starts again on its port', async (t) => {
  const options = { binaries, dataDir: join(folder, 'nats-killed') };
  const first = await startNats(options);
  process.kill(first.pid, 'SIGKILL');
  t.same(await first.exited, { code: null, signal: 'SIGKILL' });
  const second = await startNats({ ...options, port: first.port });
  t.teardown(() => second.stop());
  t.equal(second.url, first.url);
  t.not(second.pid, first.pid);
});

t.test('Postgres keeps its data across a clean stop and a kill, on the same port', async (t) => {
  const options = { binaries, dataDir: join(folder, 'postgres'), durable: true };
  const first = await startPostgres(options);
  t.same(
    await query(
      first.url,
      "SELECT current_setting('server_version_num')::int / 10000 AS major, current_user AS me",
    ),
    [{ major: 18, me: 'tributary_owner' }],
  );
  await query(first.url, 'CREATE TABLE kept AS SELECT 1 AS id');
  await first.stop();
  t.same(await first.exited, { code: 0, signal: null });

  const second = await startPostgres({ ...options, port: first.port });
  await query(second.url, 'INSERT INTO kept VALUES (2)');
  process.kill(second.pid, 'SIGKILL');
  t.equal((await second.exited).signal, 'SIGKILL');

  const third = await startPostgres({ ...options, port: first.port });
  t.teardown(() => third.stop());
  t.same(await query(third.url, 'SELECT id FROM kept ORDER BY id'), [{ id: 1 }, { id: 2 }]);
  t.same(await query(third.url, 'SHOW fsync'), [{ fsync: 'on' }]);
});

t.test('a port that is taken is named, with the server that wanted it', async (t) => {
  const port = await freePort();
  const squatter = createServer().listen(port, '127.0.0.1');
  await once(squatter, 'listening');
  t.teardown(() => squatter.close());
  const expected = { failure: 'port_taken', message: /^Port \d+ on 127\.0\.0\.1, wanted for \w+, is taken/ };
  await t.rejects(startNats({ binaries, dataDir: join(folder, 'n'), port }), expected);
  await t.rejects(startRedis({ binaries, dataDir: join(folder, 'r'), port }), expected);
  await t.rejects(startPostgres({ binaries, dataDir: join(folder, 'p'), port, durable: false }), expected);
});

t.test('free ports are never given twice, nor to two processes', async (t) => {
  const own = await Promise.all(Array.from({ length: 400 }, () => freePort()));
  // By chance alone 16 of these would be among the first 400.
  const fixture = join(import.meta.dirname, 'free-ports-fixture.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [fixture, '400']);
  const theirs: number[] = JSON.parse(stdout);
  t.equal(new Set([...own, ...theirs]).size, 800);
});
