import { newId } from '@tributary/commissions';
import type { StoredEvent } from '@tributary/event-catalog';
import { commissionMetrics, createLogger, createMetrics, systemClock, type Clock } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import type { JobActor } from '@tributary/schema/tables';
import {
  insertConversion,
  insertPartner,
  insertRow,
  type Row,
  type TestScope,
  waitFor,
} from '@tributary/testkit';
import { SERVICE } from '../src/app.ts';
import type { JobDeclaration } from '../src/jobs/declaration.ts';
import { jobMetrics } from '../src/jobs/metrics.ts';
import { startJobRunner, type JobRunner } from '../src/jobs/runner.ts';
import { declareJobs } from '../src/workers.ts';

export const logger = createLogger({ service: SERVICE, level: 'silent' });

export type Job = Row<'jobs'>;

/** What one scheduler process works with. */
export function schedulerDeps(db: Database, clock: Clock = systemClock) {
  const published: StoredEvent[] = [];
  const metrics = createMetrics({ service: SERVICE });
  return {
    db,
    clock,
    logger,
    metrics,
    published,
    commissionMetrics: commissionMetrics(metrics),
    publish: (events: readonly StoredEvent[]) => void published.push(...events),
  };
}

interface RunnerOptions {
  readonly jobs?: readonly JobDeclaration[];
  readonly clock?: Clock;
  readonly leaseMs?: number;
  readonly pollMs?: number;
}

/** A runner of all jobs, or of these, stopped with the test. */
export function startRunner(t: TestScope, db: Database, options: RunnerOptions = {}) {
  const deps = schedulerDeps(db, options.clock);
  const { leaseMs = 5_000, pollMs = 50, jobs = declareJobs(deps) } = options;
  const holder = `test:${newId()}`;
  const runner: JobRunner = startJobRunner({
    ...deps,
    metrics: jobMetrics(deps.metrics),
    jobs,
    holder,
    concurrency: 4,
    leaseMs,
    pollMs,
  });
  t.teardown(() => runner.stop());
  return { ...deps, ...runner, holder };
}

export const ada: JobActor = {
  kind: 'api_key',
  id: newId(),
  name: "Ada's key",
  requestId: 'req-42',
  ipAddress: '203.0.113.9',
  userAgent: 'tests/1.0',
};

/** A job as operations-service queues one. */
export async function queueJob(db: Database, name: string, values: Partial<Job> = {}): Promise<string> {
  const job = await insertRow(db, 'jobs', { id: newId(), name, trigger: 'api', actor: ada, ...values });
  return job.id;
}

export async function readJob(db: Database, id: string): Promise<Job> {
  const [job] = await db.query<Job>('SELECT * FROM jobs WHERE id = $1', [id]);
  if (job === undefined) throw new Error(`no job ${id}`);
  return job;
}

/** Waits until a job has ended, in whatever way. */
export function untilEnded(db: Database, id: string, timeoutMs = 30_000): Promise<Job> {
  const ended = async () => {
    const job = await readJob(db, id);
    if (job.finishedAt === null) throw new Error(`${job.status}: ${job.error ?? 'no error'}`);
    return job;
  };
  return waitFor(ended, { timeoutMs, what: 'the end of the job' });
}

export function readResults(db: Database, jobId: string) {
  return db.query<{ itemId: string; success: boolean; code: string | null; detail: string | null }>(
    'SELECT item_id, success, code, detail FROM job_results WHERE job_id = $1 ORDER BY item_id',
    [jobId],
  );
}

/** Due commissions by the thousand: copies of one conversion, each with its commission and the entry of its creation. */
export async function insertDueCommissions(db: Database, count: number): Promise<void> {
  const partner = await insertPartner(db);
  const conversion = await insertConversion(db, { partnerId: partner.id, status: 'confirmed' });
  await db.query(
    `WITH made AS (
      INSERT INTO commissions (id, partner_id, kind, product_id, policy_type, order_id, status, commission_amount, order_amount,
        basis_amount, basis_left, currency, hold_until, original_commission_id, conversion_id, created_at)
      SELECT uuidv7(), $1, 'bonus', $2, 'percentage', 'SO-' || n, 'pending', 10, 100, 10, 100, 'USD',
        now() - n * interval '1 second', NULL, NULL, now() - interval '8 days'
      FROM generate_series(1, $3::int) n RETURNING *)
    INSERT INTO commission_entries (program_id, commission_id, version, partner_id, kind, currency, action, amount_delta,
      amount_after, status_after, actor, at)
    SELECT program_id, id, 1, partner_id, kind, currency, 'created', commission_amount, commission_amount, status, 'system:test',
      created_at FROM made`,
    [partner.id, conversion.productId, count],
  );
}

/** How many commissions are confirmed, and how many of those by exactly one entry, audit row and event. */
export async function countConfirmed(db: Database) {
  // Grouped in one pass: joins of tables just filled, without statistics, are planned as nested loops.
  const [row] = await db.query<{
    confirmed: number;
    exact: number;
    entries: number;
    audit: number;
    events: number;
  }>(`
    WITH traces AS (
      SELECT id, 'row' AS kind FROM commissions WHERE status = 'confirmed' AND version = 2
      UNION ALL SELECT commission_id, 'entry' FROM commission_entries WHERE action = 'confirmed'
      UNION ALL SELECT entity_id::uuid, 'audit' FROM audit_logs WHERE entity_type = 'commission' AND action = 'confirmed'
      UNION ALL SELECT (subject ->> 'commissionId')::uuid, 'event' FROM outbox_events WHERE type = 'commission.confirmed'),
    each AS (
      SELECT count(*) FILTER (WHERE kind = 'row') AS rows, count(*) FILTER (WHERE kind = 'entry') AS entries,
        count(*) FILTER (WHERE kind = 'audit') AS audit, count(*) FILTER (WHERE kind = 'event') AS events
      FROM traces GROUP BY id)
    SELECT coalesce(sum(rows), 0)::int AS confirmed, coalesce(sum(entries), 0)::int AS entries,
      coalesce(sum(audit), 0)::int AS audit, coalesce(sum(events), 0)::int AS events,
      (count(*) FILTER (WHERE rows = 1 AND entries = 1 AND audit = 1 AND events = 1))::int AS exact
    FROM each`);
  if (row === undefined) throw new Error('no counts');
  return { ...row };
}

/** What `countConfirmed` says when all of these were confirmed once. */
export const confirmedOnce = (count: number) => ({
  confirmed: count,
  exact: count,
  entries: count,
  audit: count,
  events: count,
});

/** Puts something in the way of confirming a commission: an entry of the version to come, which would be written a second time. */
export async function obstruct(
  db: Database,
  commission: { readonly id: string; readonly partnerId: string },
): Promise<void> {
  await insertRow(db, 'commissionEntries', {
    commissionId: commission.id,
    version: 2,
    partnerId: commission.partnerId,
    kind: 'bonus',
    currency: 'USD',
    action: 'held',
    amountDelta: '0.00',
    amountAfter: '10.00',
    statusAfter: 'pending',
    actor: 'system:test',
    at: new Date(),
  });
}
