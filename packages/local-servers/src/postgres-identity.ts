import { createHash, randomBytes } from 'node:crypto';
import { cp, lstat, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { ServerStartError } from './failures.ts';
import { findExecutable } from './find-executable.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { runProgram } from './run-program.ts';

/** As whom Postgres, which refuses to be root, runs: `plain` is our own user, `unshare` a user namespace, `setuid` nobody. */
export type PostgresIdentity = 'plain' | 'unshare' | 'setuid';

/** Everything needed to run Postgres' programs: who, which copy of them, and where the data is. */
export interface PostgresSetting {
  prefix: readonly string[];
  uid?: number;
  owner: number;
  binaries: PostgresBinaries;
  dataDir: string;
}

const NOBODY = 65_534;
const NAMESPACE = ['unshare', '--user', '--map-user=1000', '--map-group=1000'];
// /var/tmp rather than /tmp: data has to outlive a reboot.
const REACHABLE = '/var/tmp';

/** How Postgres can run here: asked of the system, not guessed, since sandboxes differ in what they allow. */
export async function chooseIdentity(): Promise<PostgresIdentity> {
  if (process.getuid?.() !== 0) return 'plain';
  if (findExecutable('unshare') !== undefined && (await runProgram([...NAMESPACE, 'true'])).ok)
    return 'unshare';
  return 'setuid';
}

const IDENTITIES: Record<PostgresIdentity, Pick<PostgresSetting, 'prefix' | 'owner' | 'uid'>> = {
  plain: { prefix: [], owner: process.getuid?.() ?? 0 },
  unshare: { prefix: NAMESPACE, owner: 0 },
  setuid: { prefix: [], owner: NOBODY, uid: NOBODY },
};

async function privateRoot(): Promise<string> {
  const root = join(REACHABLE, 'tributary');
  await mkdir(root, { mode: 0o755 }).catch(() => undefined);
  // Anyone may write to /var/tmp: a folder that somebody else put there must not decide what we run.
  const made = await lstat(root);
  if (made.isDirectory() && made.uid === process.getuid?.()) return root;
  throw new ServerStartError(
    'no_permission',
    `${root} belongs to another user: remove it, so that Postgres can use it.`,
  );
}

async function copyBinaries(binaries: PostgresBinaries): Promise<PostgresBinaries> {
  const native = resolve(dirname(binaries.postgres), '..');
  const target = join(
    await privateRoot(),
    `postgres-${createHash('sha256').update(native).digest('hex').slice(0, 12)}`,
  );
  if (!(await stat(target).catch(() => undefined))) {
    const work = `${target}.${process.pid}`;
    await cp(native, work, { recursive: true, verbatimSymlinks: true });
    await rename(work, target).catch(async () => rm(work, { recursive: true, force: true }));
  }
  return {
    postgres: join(target, 'bin', basename(binaries.postgres)),
    initdb: join(target, 'bin', basename(binaries.initdb)),
  };
}

/** The nearest folder that exists already decides whether the data can be reached. */
async function nearestExisting(path: string): Promise<string> {
  let folder = dirname(path);
  while (!(await stat(folder).catch(() => undefined))) folder = dirname(folder);
  return folder;
}

/**
 * The name under which data lives elsewhere, kept where it should have been: a project that is removed and made anew at
 * the same path starts with new data, as it would if the data had been in it.
 */
async function nameElsewhere(dataDir: string): Promise<string> {
  const note = `${dataDir}.elsewhere`;
  await mkdir(dirname(note), { recursive: true });
  await writeFile(note, randomBytes(6).toString('hex'), { flag: 'wx' }).catch(() => undefined);
  return (await readFile(note, 'utf8')).trim();
}

/**
 * Finds out how to run Postgres with this data folder: where its user cannot reach the programs (a project below
 * /root) they are copied, and where it cannot reach the data that lives below /var/tmp instead.
 */
export async function preparePostgres(
  binaries: PostgresBinaries,
  wantedDataDir: string,
  identity: PostgresIdentity,
): Promise<PostgresSetting> {
  const who = IDENTITIES[identity];
  const dataDir = resolve(wantedDataDir);
  if (identity === 'plain') return { ...who, binaries, dataDir };
  const run = async (...command: string[]): Promise<boolean> =>
    (await runProgram([...who.prefix, ...command], who.uid === undefined ? {} : { uid: who.uid })).ok;
  const reachesPrograms = await run(binaries.postgres, '--version');
  const reachesData = await run('test', '-x', await nearestExisting(dataDir));
  return {
    ...who,
    binaries: reachesPrograms ? binaries : await copyBinaries(binaries),
    dataDir: reachesData ? dataDir : join(await privateRoot(), `data-${await nameElsewhere(dataDir)}`),
  };
}
