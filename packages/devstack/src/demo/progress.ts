import { type Database, DEFAULT_PROGRAM } from '@tributary/schema';

/** How far the demonstration is; kept as a row of `settings`, which no service knows. */
export interface Progress {
  /** Midnight (UTC) of its first day, so that a seeding that goes on after midnight goes on with the same days. */
  readonly firstDay: string;
  readonly daysDone: number;
  /** The dashboards have shown all of it. */
  readonly shown: boolean;
}

const KEY = 'demonstrationProgramme';

const READ = `SELECT value FROM settings WHERE program_id = $1 AND key = '${KEY}'`;

const WRITE = `INSERT INTO settings (program_id, key, value) VALUES ($1, '${KEY}', $2::jsonb)
  ON CONFLICT (program_id, key) DO UPDATE SET value = excluded.value, updated_at = now()`;

export async function readProgress(db: Database): Promise<Progress | undefined> {
  const [row] = await db.query<{ value: Progress }>(READ, [DEFAULT_PROGRAM]);
  return row?.value;
}

export async function writeProgress(db: Database, progress: Progress): Promise<void> {
  await db.query(WRITE, [DEFAULT_PROGRAM, { ...progress }]);
}

const OCCUPIED = `SELECT EXISTS (SELECT FROM partners WHERE program_id = $1 AND id <> $2::uuid)
    OR EXISTS (SELECT FROM products WHERE program_id = $1) OR EXISTS (SELECT FROM orders WHERE program_id = $1) AS occupied`;

/** Whether somebody keeps a programme of their own here, beside the partner who can log in. */
export async function holdsAnotherProgramme(db: Database, loginPartnerId: string): Promise<boolean> {
  const [row] = await db.query<{ occupied: boolean }>(OCCUPIED, [DEFAULT_PROGRAM, loginPartnerId]);
  return row?.occupied === true;
}
