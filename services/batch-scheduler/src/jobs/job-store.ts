import {
  addContext,
  auditInsert,
  composeStatement,
  eventsOf,
  outboxInsert,
  Parameters,
  runStatement,
  storedEvents,
  type CommandContext,
  type CommandDeps,
} from '@tributary/commissions';
import type { Database, JobTrigger } from '@tributary/schema';
import type { JobActor } from '@tributary/schema/tables';
import type { JobProgress } from './declaration.ts';

type Queries = Pick<Database, 'query'>;

/** A job as its runner has claimed it. */
export interface ClaimedJob {
  readonly id: string;
  readonly programId: string;
  readonly name: string;
  readonly trigger: JobTrigger;
  readonly parameters: Record<string, unknown>;
  readonly actor: JobActor;
  /** Fencing token; int8 as text. Whoever claims the job next has a higher one. */
  readonly leaseToken: string;
  readonly checkpoint: Record<string, unknown> | null;
  readonly total: number | null;
  readonly succeeded: number;
  readonly failed: number;
  readonly skipped: number;
  readonly stats: Record<string, unknown>;
  readonly cancelRequested: boolean;
  readonly attempts: number;
  readonly createdAt: Date;
  readonly startedAt: Date;
}

// One statement finds and takes: of several runners each gets another row. Queued and orphaned jobs are alike in that nobody
// holds a lease; a job to be tried again later is queued with a lease of nobody. Only the names this release knows, since a
// newer one may have others. A user deleted meanwhile keeps the name and loses the id, which the audit trail could not refer to.
const CLAIM = `
  WITH free AS (
    SELECT program_id, id FROM jobs
    WHERE status IN ('queued', 'running') AND (lease_until IS NULL OR lease_until <= clock_timestamp())
      AND name = ANY($1::text[])
    ORDER BY created_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
  UPDATE jobs j SET status = 'running', lease_holder = $2, lease_token = j.lease_token + 1,
    lease_until = clock_timestamp() + $3::int * interval '1 ms', attempts = j.attempts + 1,
    started_at = coalesce(j.started_at, clock_timestamp())
  FROM free f WHERE j.program_id = f.program_id AND j.id = f.id
  RETURNING j.id, j.program_id, j.name, j.trigger, j.parameters, j.lease_token::text, j.checkpoint, j.total, j.succeeded,
    j.failed, j.skipped, j.stats, j.cancel_requested, j.attempts, j.created_at, j.started_at,
    CASE WHEN j.actor ->> 'kind' = 'user' AND NOT EXISTS (SELECT FROM users u WHERE u.id::text = j.actor ->> 'id')
      THEN j.actor || '{"id": null}' ELSE j.actor END AS actor`;

/** Takes the oldest job of these names that nobody works on. */
export async function claimJob(
  db: Queries,
  claim: { readonly names: readonly string[]; readonly holder: string; readonly leaseMs: number },
): Promise<ClaimedJob | undefined> {
  const [job] = await db.query<ClaimedJob>(CLAIM, [[...claim.names], claim.holder, claim.leaseMs]);
  return job;
}

const HELD = `program_id = $1 AND id = $2 AND lease_token = $3::bigint AND status = 'running'`;

const RENEW = `
  UPDATE jobs SET lease_until = clock_timestamp() + $4::int * interval '1 ms' WHERE ${HELD} RETURNING cancel_requested`;

/** What a runner learns about a job that it still holds. */
export interface HeldJob {
  readonly cancelRequested: boolean;
}

/** @returns undefined when the job is no longer this runner's */
export async function renewJob(db: Queries, job: ClaimedJob, leaseMs: number): Promise<HeldJob | undefined> {
  const [row] = await db.query<HeldJob>(RENEW, [job.programId, job.id, job.leaseToken, leaseMs]);
  return row;
}

// Counts, checkpoint and results stand or fall together, under the token: a runner that lost the job adds nothing.
const REPORT = `
  WITH held AS (
    UPDATE jobs SET lease_until = clock_timestamp() + $4::int * interval '1 ms', total = coalesce($5::int, total),
      succeeded = succeeded + $6::int, failed = failed + $7::int, skipped = skipped + $8::int,
      stats = stats || $9::jsonb, checkpoint = coalesce($10::jsonb, checkpoint)
    WHERE ${HELD} RETURNING program_id, id, cancel_requested),
  results AS (
    INSERT INTO job_results (program_id, job_id, item_id, success, code, detail)
    SELECT h.program_id, h.id, x.id, x.success, x.code, x.detail
    FROM held h, jsonb_to_recordset($11::jsonb) AS x(id text, success boolean, code text, detail text)
    ON CONFLICT (program_id, job_id, item_id) DO NOTHING)
  SELECT cancel_requested FROM held`;

/** @returns undefined when the job is no longer this runner's: nothing was written */
export async function reportProgress(
  db: Queries,
  job: ClaimedJob,
  progress: JobProgress,
  leaseMs: number,
): Promise<HeldJob | undefined> {
  const { total = null, succeeded = 0, failed = 0, skipped = 0, checkpoint, results = [] } = progress;
  const [row] = await db.query<HeldJob>(REPORT, [
    job.programId,
    job.id,
    job.leaseToken,
    leaseMs,
    total,
    succeeded,
    failed,
    skipped,
    { ...progress.stats },
    checkpoint === undefined ? null : { ...checkpoint },
    results.map((result) => ({ ...result })),
  ]);
  return row;
}

const HAND_BACK = `
  UPDATE jobs SET status = 'queued', lease_holder = NULL,
    lease_until = CASE WHEN $4::int > 0 THEN clock_timestamp() + $4::int * interval '1 ms' END,
    attempts = attempts - $5::int, error = coalesce($6, error)
  WHERE ${HELD}`;

/** Lets go of a job, for any runner to take up at its checkpoint, after `delayMs`. A hand-over is no attempt; a failure is. */
export async function handBackJob(
  db: Queries,
  job: ClaimedJob,
  { delayMs, error }: { readonly delayMs: number; readonly error?: string },
): Promise<void> {
  const uncounted = error === undefined ? 1 : 0;
  await db.query(HAND_BACK, [job.programId, job.id, job.leaseToken, delayMs, uncounted, error ?? null]);
}

/** Who does the work of a job, for entries, audit and events. */
export function contextOf(
  job: Pick<ClaimedJob, 'id' | 'programId' | 'actor'>,
  actor: JobActor,
  now: Date,
): CommandContext {
  return {
    programId: job.programId,
    actor: { kind: actorKind(actor.kind), id: actor.id, name: actor.name },
    requestId: actor.requestId,
    ipAddress: actor.ipAddress,
    userAgent: actor.userAgent,
    now,
    jobId: job.id,
  };
}

function actorKind(kind: string): CommandContext['actor']['kind'] {
  return kind === 'user' || kind === 'api_key' || kind === 'shop' ? kind : 'system';
}

/** How a job ended. */
export interface JobEnd {
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  readonly error?: string;
}

/**
 * Ends a job, with its audit row and `job.finished`.
 * @returns false when the job was no longer this runner's
 */
export async function finishJob(
  deps: CommandDeps,
  job: ClaimedJob,
  end: JobEnd & { now: Date },
): Promise<boolean> {
  const parameters = new Parameters();
  const c = addContext(parameters, contextOf(job, job.actor, end.now));
  const ctes = [
    `ended AS (
    UPDATE jobs SET status = ${parameters.add(end.status, 'text')}, error = ${parameters.add(end.error ?? null, 'text')},
      finished_at = clock_timestamp(), lease_holder = NULL, lease_until = NULL
    WHERE program_id = ${c.programId} AND id = ${c.jobId} AND lease_token = ${parameters.add(job.leaseToken, 'bigint')}
      AND status = 'running'
    RETURNING *)`,
    auditInsert(c, 'ended_audit', {
      entityType: `'job'`,
      entityId: 'r.id::text',
      action: 'r.status',
      changes: `jsonb_build_array(jsonb_build_object('field', 'status', 'oldValue', 'running', 'newValue', r.status))`,
      reason: 'r.error',
      reasonCode: 'NULL::text',
      from: 'ended r',
    }),
    outboxInsert(c, 'ended_events', {
      type: `'job.finished'`,
      subject: `jsonb_build_object('jobId', r.id)`,
      data: `jsonb_build_object('jobId', r.id, 'name', r.name, 'trigger', r.trigger, 'status', r.status,
        'total', coalesce(r.total, r.succeeded + r.failed + r.skipped), 'succeeded', r.succeeded, 'failed', r.failed)`,
      from: 'ended r',
    }),
  ];
  const text = composeStatement(ctes, {
    ended: '(SELECT count(*)::int FROM ended)',
    events: eventsOf(['ended_events']),
  });
  const row = await runStatement<{ ended: number; events: unknown[] }>(deps.db, text, parameters);
  if (row === undefined || row.ended === 0) return false;
  deps.publish(storedEvents(row.events));
  return true;
}
