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
const INSUFFICIENT_PRIVILEGE = '42501';

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
  const missing = await listMissing(sql);
  for (const statement of missing) {
    try {
      await sql.unsafe(statement);
    } catch (error) {
      if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error;
      const lacking = missing.slice(missing.indexOf(statement)).join('; ');
      throw new Error(
        `The owner of this database may not change roles. Have somebody who may run this, then migrate again: ${lacking}`,
        { cause: error },
      );
    }
  }
}

async function listMissing(sql: postgres.Sql): Promise<string[]> {
  const [role] = await sql.unsafe(
    `select s.setconfig from pg_roles r left join pg_db_role_setting s on s.setrole = r.oid and s.setdatabase = 0
     where r.rolname = '${SERVICE_ROLE}'`,
  );
  const present: unknown = role?.['setconfig'];
  const settings = Object.entries(ROLE_SETTINGS)
    .filter(([name, value]) => !(Array.isArray(present) && present.includes(`${name}=${value}`)))
    .map(([name, value]) => `ALTER ROLE ${SERVICE_ROLE} SET ${name} = '${value}'`);
  return role === undefined ? [`CREATE ROLE ${SERVICE_ROLE} LOGIN`, ...settings] : settings;
}
