import { chown, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { makeDataFolder } from './data-folder.ts';
import { explainFailure, ServerStartError } from './failures.ts';
import type { PostgresSetting } from './postgres-identity.ts';
import { runProgram } from './run-program.ts';

/** The owner of the database and of everything in it; migrations run as this role. */
export const OWNER_ROLE = 'tributary_owner';

const MAJOR = '18';
/** A checkpoint of all that was written last may take its time on a slow disk. */
const PREVIOUS_SERVER_GRACE_MS = 120_000;

const INITDB_ARGS = [
  ...`-U ${OWNER_ROLE} -A trust -E UTF8 --no-instructions`.split(' '),
  ...'--locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C.UTF-8'.split(' '),
];

async function initialise(
  { binaries, dataDir, prefix, uid, owner }: PostgresSetting,
  durable: boolean,
): Promise<void> {
  await makeDataFolder('Postgres', dirname(dataDir));
  // Made beside its place and renamed, so that an initdb that was cut short leaves no half cluster behind.
  const work = `${dataDir}.new`;
  await rm(work, { recursive: true, force: true });
  await makeDataFolder('Postgres', work);
  if (uid !== undefined) await chown(work, owner, owner);
  const sync = durable ? [] : ['--no-sync'];
  const command = [...prefix, binaries.initdb, '-D', work, ...INITDB_ARGS, ...sync];
  const result = await runProgram(command, uid === undefined ? {} : { uid });
  if (!result.ok) {
    const failure = explainFailure({ name: 'Postgres', port: 0, dataDir: dirname(dataDir) }, result.output);
    await rm(work, { recursive: true, force: true });
    throw failure;
  }
  await rename(work, dataDir);
}

async function checkExisting({ dataDir, owner }: PostgresSetting): Promise<void> {
  const version = (await readFile(join(dataDir, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (version === '') {
    throw new ServerStartError(
      'data_damaged',
      `${dataDir} holds files, but no Postgres data (PG_VERSION is missing): move it away to start empty, or restore a copy.`,
    );
  }
  if (version !== MAJOR) {
    throw new ServerStartError(
      'data_damaged',
      `${dataDir} was made by PostgreSQL ${version}, and this is ${MAJOR}: move it away to start empty, or dump it with that version.`,
    );
  }
  const { uid } = await stat(dataDir);
  if (uid !== owner && process.getuid?.() === 0)
    await runProgram(['chown', '-R', `${owner}:${owner}`, dataDir]);
}

/** Whether this process is a Postgres; unknown (no ps) counts as yes, because two servers on one folder destroy it. */
async function isPostgres(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
  }
  const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(async () => {
    const listed = await runProgram(['ps', '-o', 'comm=', '-p', String(pid)]);
    return listed.ok ? listed.stdout : 'postgres';
  });
  return basename(command.trim()) === 'postgres';
}

/**
 * Deals with what the previous server left: waits for one that is still shutting down (its launcher was killed), and
 * removes the pid file of one that crashed, whose process number may belong to somebody else by now.
 */
async function settlePreviousServer(dataDir: string): Promise<void> {
  const pidFile = join(dataDir, 'postmaster.pid');
  const deadline = Date.now() + PREVIOUS_SERVER_GRACE_MS;
  for (;;) {
    const content = await readFile(pidFile, 'utf8').catch(() => '');
    if (content === '') return;
    const pid = Number.parseInt(content, 10);
    if (!(await isPostgres(pid))) {
      await rm(pidFile, { force: true });
      return;
    }
    if (Date.now() > deadline) {
      throw new ServerStartError(
        'data_in_use',
        `The data folder ${dataDir} is in use by another Postgres (process ${pid}): stop that one first.`,
      );
    }
    await delay(50);
  }
}

async function isMissingOrEmpty(dataDir: string): Promise<boolean> {
  try {
    return (await readdir(dataDir)).length === 0;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return true;
    throw explainFailure({ name: 'Postgres', port: 0, dataDir }, String(error));
  }
}

/** Makes the data folder ready to start: creates it the first time, checks and tidies it later. Throws ServerStartError. */
export async function prepareData(setting: PostgresSetting, durable: boolean): Promise<void> {
  if (await isMissingOrEmpty(setting.dataDir)) {
    await initialise(setting, durable);
    return;
  }
  await checkExisting(setting);
  await settlePreviousServer(setting.dataDir);
}
