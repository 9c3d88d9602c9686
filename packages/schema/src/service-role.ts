import type postgres from 'postgres';
import { sqlState } from './errors.ts';

/** The role that services connect as. */
export const SERVICE_ROLE = 'tributary_service';

/**
 * Time-outs of every statement of a service. A statement that needs more than 5 s is a fault or belongs in chunks; a lock that is
 * not had in 2 s means a hot row, which a 409 or a retry answers better than a queue.
 */
const ROLE_SETTINGS = {
  statement_timeout: '5s',
  lock_timeout: '2s',
  idle_in_transaction_session_timeout: '10s',
} as const;

/** Another database of the same server is being migrated: unique violation, duplicate object, "tuple concurrently updated". */
const LOST_A_RACE = new Set(['23505', '42710', 'XX000']);
const MAX_TRIES = 20;

/**
 * Makes the services' role and its time-outs where they are missing. Roles belong to the whole server, which advisory locks do
 * not (they are per database), so two databases that are migrated at once race here: each step is repeated until its
 * outcome stands, and a server where it stands already is not written to at all.
 */
export async function ensureServiceRole(sql: postgres.Sql): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await createMissing(sql);
      return;
    } catch (error) {
      if (attempt === MAX_TRIES || !LOST_A_RACE.has(sqlState(error) ?? '')) throw error;
    }
  }
}

async function createMissing(sql: postgres.Sql): Promise<void> {
  const roles = await sql.unsafe(
    `select s.setconfig from pg_roles r left join pg_db_role_setting s on s.setrole = r.oid and s.setdatabase = 0
     where r.rolname = '${SERVICE_ROLE}'`,
  );
  const [role] = roles;
  if (role === undefined) await sql.unsafe(`create role ${SERVICE_ROLE} login`);
  const present: unknown = role?.['setconfig'];
  for (const [name, value] of Object.entries(ROLE_SETTINGS)) {
    if (Array.isArray(present) && present.includes(`${name}=${value}`)) continue;
    await sql.unsafe(`alter role ${SERVICE_ROLE} set ${name} = '${value}'`);
  }
}
