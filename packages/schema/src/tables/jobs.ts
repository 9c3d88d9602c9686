import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import {
  JOB_STATUSES,
  JOB_TRIGGERS,
  RELEASES,
  type JobStatus,
  type JobTrigger,
  type Release,
} from '../constants.ts';
import { createdAt, id, isOneOf, moment, programId, updatedAt } from './columns.ts';

/** Who asked for a job, kept so that background work carries its actor. */
export interface JobActor {
  kind: string;
  id: string | null;
  name: string;
  requestId: string | null;
  ipAddress: string | null;
  userAgent: string | null;
}

/** An order of an import, checked and without anything that tells who the customer is; or why it was refused. */
export type ImportedLine =
  | { readonly line: number; readonly order: Readonly<Record<string, unknown>> }
  | { readonly line: number; readonly fault: string };

/** The lines of a conversions import, kept until its job has dealt with them. `importId` is the id of the job. */
export const conversionImportChunks = pgTable(
  'conversion_import_chunks',
  {
    programId: programId(),
    importId: uuid('import_id').notNull(),
    /** From 0, without gaps. */
    chunk: integer('chunk').notNull(),
    lines: jsonb('lines').$type<ImportedLine[]>().notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.importId, t.chunk] }),
    index('conversion_import_chunks_created').on(t.createdAt),
  ],
);

/** Every scheduled run, bulk job, import and rebuild. */
export const jobs = pgTable(
  'jobs',
  {
    id: id(),
    programId: programId(),
    name: text('name').notNull(),
    trigger: text('trigger').$type<JobTrigger>().notNull(),
    /** The moment a schedule meant; unique with the name, so that a scheduled run happens once. */
    scheduledFor: moment('scheduled_for'),
    parameters: jsonb('parameters').$type<Record<string, unknown>>().notNull().default({}),
    actor: jsonb('actor').$type<JobActor>().notNull(),
    status: text('status').$type<JobStatus>().notNull().default('queued'),
    leaseHolder: text('lease_holder'),
    leaseToken: bigint('lease_token', { mode: 'bigint' })
      .notNull()
      .default(sql`0`),
    leaseUntil: moment('lease_until'),
    /** Where the next chunk starts: what lets another process resume. */
    checkpoint: jsonb('checkpoint').$type<Record<string, unknown>>(),
    total: integer('total'),
    succeeded: integer('succeeded').notNull().default(0),
    failed: integer('failed').notNull().default(0),
    skipped: integer('skipped').notNull().default(0),
    stats: jsonb('stats').$type<Record<string, unknown>>().notNull().default({}),
    error: text('error'),
    cancelRequested: boolean('cancel_requested').notNull().default(false),
    attempts: integer('attempts').notNull().default(0),
    createdAt: createdAt(),
    startedAt: moment('started_at'),
    finishedAt: moment('finished_at'),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.id] }),
    uniqueIndex('jobs_schedule_key')
      .on(t.programId, t.name, t.scheduledFor)
      .where(sql`${t.scheduledFor} IS NOT NULL`),
    index('jobs_open')
      .on(t.createdAt, t.id)
      .where(sql`${t.status} IN ('queued', 'running')`),
    index('jobs_created').on(t.programId, t.createdAt, t.id),
    index('jobs_name').on(t.programId, t.name, t.createdAt, t.id),
    check('jobs_trigger_check', isOneOf(t.trigger, JOB_TRIGGERS)),
    check('jobs_status_check', isOneOf(t.status, JOB_STATUSES)),
  ],
);

/** What became of each item of a bulk job. */
export const jobResults = pgTable(
  'job_results',
  {
    programId: programId(),
    jobId: uuid('job_id').notNull(),
    itemId: text('item_id').notNull(),
    success: boolean('success').notNull(),
    code: text('code'),
    detail: text('detail'),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.programId, t.jobId, t.itemId] }),
    foreignKey({
      name: 'job_results_job_id_fkey',
      columns: [t.programId, t.jobId],
      foreignColumns: [jobs.programId, jobs.id],
    }).onDelete('cascade'),
  ],
);

/** How the gateway splits each service's traffic between releases. The stack's own process is `stable`. */
export const routingWeights = pgTable(
  'routing_weights',
  {
    service: text('service').notNull(),
    release: text('release').$type<Release>().notNull(),
    url: text('url').notNull(),
    weight: integer('weight').notNull(),
    /** Of which release (`RELEASE`) consumers and jobs run beside those of the processes that have theirs on anyway. */
    workers: text('workers'),
    updatedAt: updatedAt(),
  },
  (t) => [
    primaryKey({ columns: [t.service, t.release] }),
    check('routing_weights_release_check', isOneOf(t.release, RELEASES)),
    check('routing_weights_weight_check', sql`${t.weight} BETWEEN 0 AND 100`),
  ],
);
