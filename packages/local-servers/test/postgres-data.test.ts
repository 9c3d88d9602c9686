import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import t from 'tap';

import { ensureServerBinaries, startPostgres } from '../src/index.ts';

const folder = await mkdtemp(join(tmpdir(), 'local-servers-data-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
// Where root becomes nobody, nobody must get here.
await chmod(folder, 0o755);
const binaries = await ensureServerBinaries({ home: folder });
const isRoot = process.getuid?.() === 0;

// One cluster for all tests, which leave it as they found it; the last one spoils it for good.
const dataDir = join(folder, 'postgres');
const made = await startPostgres({ binaries, dataDir, durable: false });
await made.stop();

t.test('a pid file that names a process of somebody else does not stop Postgres from starting', async (t) => {
  await writeFile(
    join(dataDir, 'postmaster.pid'),
    `${process.pid}\n${dataDir}\n1700000000\n5432\n\n127.0.0.1\n`,
  );
  const server = await startPostgres({ binaries, dataDir, durable: false });
  await server.stop();
  t.match(server.url, /^postgres:\/\/tributary_owner@127\.0\.0\.1:\d+\/tributary$/);
});

t.test('a folder with something else in it is left alone', async (t) => {
  const dataDir = join(folder, 'photos');
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'holiday.jpg'), 'x');
  await t.rejects(startPostgres({ binaries, dataDir, durable: false }), {
    failure: 'data_damaged',
    message: /holds files, but no Postgres data/,
  });
  t.ok(await stat(join(dataDir, 'holiday.jpg')));
});

t.test('data of another major version is refused by name', async (t) => {
  await writeFile(join(dataDir, 'PG_VERSION'), '17\n');
  t.teardown(() => writeFile(join(dataDir, 'PG_VERSION'), '18\n'));
  await t.rejects(
    startPostgres({ binaries, dataDir, durable: false }),
    /made by PostgreSQL 17, and this is 18/,
  );
});

t.test('an initdb that was cut short is begun again', async (t) => {
  const dataDir = join(folder, 'cut-short');
  await mkdir(`${dataDir}.new/base`, { recursive: true });
  const server = await startPostgres({ binaries, dataDir, durable: false });
  await server.stop();
  t.same(await server.exited, { code: 0, signal: null });
});

// Only root has to step down, and only root can.
if (isRoot) {
  t.test('root runs Postgres as nobody, with data that nobody cannot reach kept elsewhere', async (t) => {
    const hidden = join(folder, 'hidden');
    await mkdir(hidden, { mode: 0o700 });
    const options = {
      binaries,
      dataDir: join(hidden, 'postgres'),
      durable: false,
      identity: 'setuid',
    } as const;
    const server = await startPostgres(options);
    t.equal((await stat(`/proc/${server.pid}`)).uid, 65_534);
    await server.stop();
    t.teardown(() => rm(server.dataDir, { recursive: true, force: true }));
    t.equal((await stat(server.dataDir)).uid, 65_534);
    await t.rejects(stat(options.dataDir), { code: 'ENOENT' });
    const again = await startPostgres(options);
    await again.stop();
    t.equal(again.dataDir, server.dataDir);

    await rm(hidden, { recursive: true });
    await mkdir(hidden, { mode: 0o700 });
    const anew = await startPostgres(options);
    await anew.stop();
    t.teardown(() => rm(anew.dataDir, { recursive: true, force: true }));
    t.not(anew.dataDir, server.dataDir, 'a project made anew does not find the data of the one before it');
  });
}

t.test('damaged data is named, with what to do', async (t) => {
  await writeFile(join(dataDir, 'global/pg_control'), 'nonsense');
  await t.rejects(startPostgres({ binaries, dataDir, durable: false }), {
    failure: 'data_damaged',
    message: /damaged .*: restore a copy, or move the folder away to start empty\.$/,
  });
});
