import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';

import { onDisk, StackFailure } from '../failure.ts';
import { writePrivate } from './files.ts';

const SQLITE_BUSY = 5;
/** Two that try at the same moment may be in each other's way; one of them gets through in this time. */
const BUSY_TIMEOUT_MS = 500;
const PID_WAIT_MS = 50;
const PID_ATTEMPTS = 20;

/** Referenced for the life of the process: a connection that is garbage-collected gives its lock back. */
const held: DatabaseSync[] = [];

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

function readPid(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

async function refuse(home: string, pidFile: string): Promise<never> {
  // The holder writes its id right after it has locked.
  for (let attempt = 0; readPid(pidFile) === undefined && attempt < PID_ATTEMPTS; attempt += 1)
    await delay(PID_WAIT_MS);
  const holder = readPid(pidFile);
  throw new StackFailure(
    `Tributary runs already in ${home}${holder === undefined ? '' : ` (process ${holder})`}: stop it first, ` +
      'or start another one beside it with TRIBUTARY_HOME=.tributary-2 PORT=8081 npm start.',
  );
}

/**
 * Takes the home for this process alone, until the process ends in whatever way.
 * It is the kernel's file lock, by way of SQLite, as Node has no lock call of its own: unlike a file that holds a process
 * id it cannot go stale and two processes cannot both take it over.
 * @throws {StackFailure} naming the process that has it
 */
export async function lockHome(home: string): Promise<void> {
  const pidFile = join(home, 'pid');
  const database = onDisk(home, () => new DatabaseSync(join(home, 'lock'), { timeout: BUSY_TIMEOUT_MS }));
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return refuse(home, pidFile);
    throw new StackFailure(`${home} cannot be locked, since files in it cannot be written.`, {
      cause: error,
    });
  }
  writePrivate(pidFile, `${process.pid}\n`);
  held.push(database);
}
