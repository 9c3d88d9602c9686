import type { Database } from '@tributary/schema';
import type { auditLogs } from '@tributary/schema/tables';
import { sentenceOf } from './sentence.ts';

type Db = Pick<Database, 'query'>;

type AuditRow = Omit<typeof auditLogs.$inferSelect, 'programId'>;

/** An audit row with what it says in words. */
export type AuditEntry = AuditRow & { readonly description: string };

const COLUMNS = `id, entity_type, entity_id, action, user_id, actor, changes, reason, reason_code, ip_address, user_agent,
  request_id, job_id, created_at`;

const described = (row: AuditRow): AuditEntry => ({ ...row, description: sentenceOf(row) });

const TRAIL = `SELECT ${COLUMNS} FROM audit_logs
  WHERE program_id = $1 AND entity_type = $2 AND entity_id = $3 ORDER BY created_at DESC, id DESC LIMIT $4::int OFFSET $5::int`;

const TRAIL_LENGTH = `SELECT count(*)::int AS total FROM audit_logs
  WHERE program_id = $1 AND entity_type = $2 AND entity_id = $3`;

export interface TrailRequest {
  readonly entityType: string;
  readonly entityId: string;
  readonly page: number;
  readonly limit: number;
}

/** One page of what happened to one record, the newest first. Two changes of a millisecond keep their order by id. */
export async function readTrail(
  db: Db,
  programId: string,
  { entityType, entityId, page, limit }: TrailRequest,
): Promise<{ entries: AuditEntry[]; total: number }> {
  const key = [programId, entityType, entityId];
  const [rows, [counted]] = await Promise.all([
    db.query<AuditRow>(TRAIL, [...key, limit, (page - 1) * limit]),
    db.query<{ total: number }>(TRAIL_LENGTH, key),
  ]);
  return { entries: rows.map(described), total: counted?.total ?? 0 };
}

const BY_USER = `SELECT ${COLUMNS} FROM audit_logs WHERE program_id = $1 AND user_id = $2
  ORDER BY created_at DESC, id DESC LIMIT $3::int`;

/** What a user did last. */
export async function readActivityOf(
  db: Db,
  programId: string,
  userId: string,
  limit: number,
): Promise<AuditEntry[]> {
  const rows = await db.query<AuditRow>(BY_USER, [programId, userId, limit]);
  return rows.map(described);
}

const RECENT = `SELECT ${COLUMNS} FROM audit_logs WHERE program_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2::int`;

/** What was done last by anybody. */
export async function readRecentActivity(db: Db, programId: string, limit: number): Promise<AuditEntry[]> {
  const rows = await db.query<AuditRow>(RECENT, [programId, limit]);
  return rows.map(described);
}
