import type { CommandDeps, PostedOrder } from '@tributary/commissions';
import type { StoredEvent } from '@tributary/event-catalog';
import type { Clock, CommissionMetrics } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import type { ImportedLine } from '@tributary/schema/tables';
import { z } from 'zod';
import { defineJob, type JobDeclaration, type JobProgress, type JobRun } from '../jobs/declaration.ts';
import { contextOf } from '../jobs/job-store.ts';
import { attributionSettingsAsSeen } from '../settings/job-settings.ts';
import { catalogueOfChunk } from './catalogue-of-chunk.ts';
import { failedLine, type ImportedResult } from './import-line.ts';
import { importOrders, type PostedLine } from './import-orders.ts';

export interface ImportDeps extends CommandDeps {
  readonly clock: Clock;
  readonly commissionMetrics: CommissionMetrics;
}

const HOUR_MS = 3_600_000;

/**
 * Records the orders of an upload in the name of who sent it, with a result for each line. A chunk that was begun and not
 * reported is done again: orders are idempotent.
 */
export function importConversions(deps: ImportDeps): JobDeclaration {
  return defineJob({
    name: 'import-conversions',
    deadlineMs: 12 * HOUR_MS,
    parameters: z.strictObject({}),
    run: (run) => importChunks(deps, run),
  });
}

const chunkCheckpoint = z.object({ chunk: z.int().min(0) });
const statsBefore = z.object({ recorded: z.number().default(0), repeated: z.number().default(0) });

/**
 * While a chunk is recorded, the one before it is reported and the one after it read. What was recorded is told also when the job
 * was cancelled meanwhile.
 */
async function importChunks(deps: ImportDeps, run: JobRun<unknown>): Promise<void> {
  let tally = statsBefore.parse(run.stats);
  let chunk = run.checkpoint === null ? 0 : chunkCheckpoint.parse(run.checkpoint).chunk + 1;
  let lines = await readChunk(deps.db, run, chunk);
  let recorded: JobProgress | undefined;
  const reportAndReadOn = async (): Promise<ImportedLine[] | undefined> => {
    if (recorded !== undefined) await run.report(recorded);
    return readChunk(deps.db, run, chunk + 1);
  };
  while (lines !== undefined && !run.signal.aborted) {
    const [imported, aside] = await Promise.allSettled([importChunk(deps, run, lines), reportAndReadOn()]);
    if (imported.status === 'rejected') throw imported.reason;
    const done = imported.value;
    tally = {
      recorded: tally.recorded + count(done, 'recorded'),
      repeated: tally.repeated + count(done, 'repeated'),
    };
    const failed = count(done, 'failed');
    recorded = {
      succeeded: done.length - failed,
      failed,
      results: done.map(({ result }) => result),
      checkpoint: { chunk },
      stats: tally,
    };
    if (aside.status === 'rejected') {
      await run.report(recorded);
      throw aside.reason;
    }
    lines = aside.value;
    chunk += 1;
  }
  if (recorded !== undefined) await run.report(recorded);
  await forgetChunks(deps.db, run);
}

const count = (done: readonly ImportedResult[], outcome: ImportedResult['outcome']): number =>
  done.filter((line) => line.outcome === outcome).length;

async function importChunk(
  deps: ImportDeps,
  run: JobRun<unknown>,
  lines: readonly ImportedLine[],
): Promise<ImportedResult[]> {
  const posted = lines.flatMap((imported) => ('order' in imported ? [postedLine(imported)] : []));
  const orders = posted.map(({ order }) => order);
  const orderDeps = {
    db: deps.db,
    publish: countingCommissions(deps),
    catalog: await catalogueOfChunk(deps.db, run.programId, orders),
    settings: attributionSettingsAsSeen(deps.db, run.programId),
  };
  const context = () => contextOf(run, run.actor, deps.clock());
  const done = await importOrders({ orderDeps, context, signal: run.signal }, posted);
  return lines.map((imported) => {
    const result =
      'fault' in imported
        ? failedLine(imported.line, 'VALIDATION_ERROR', imported.fault)
        : done.get(imported.line);
    if (result === undefined) throw new Error(`line ${imported.line} has no result`);
    return result;
  });
}

// Stored by tracking-service, which checked it.
const postedLine = ({ line, order }: Extract<ImportedLine, { order: unknown }>): PostedLine => ({
  line,
  order: order as unknown as PostedOrder,
});

function countingCommissions({ publish, commissionMetrics }: ImportDeps): CommandDeps['publish'] {
  const { created, amount } = commissionMetrics;
  const count = (event: StoredEvent): void => {
    if (event.type !== 'commission.created') return;
    const { after, policyType } = event.data;
    const labels = { policy_type: policyType ?? 'none' };
    created.inc({ ...labels, status: after.status });
    amount.observe(labels, after.commissionAmount);
  };
  return (events) => {
    for (const event of events) count(event);
    publish(events);
  };
}

const CHUNK = `
  SELECT lines FROM conversion_import_chunks WHERE program_id = $1 AND import_id = $2 AND chunk = $3::int`;

async function readChunk(
  db: Pick<Database, 'query'>,
  run: JobRun<unknown>,
  chunk: number,
): Promise<ImportedLine[] | undefined> {
  const [row] = await db.query<{ lines: ImportedLine[] }>(CHUNK, [run.programId, run.id, chunk]);
  return row?.lines;
}

const FORGET = `
  WITH forgotten AS (
    DELETE FROM conversion_import_chunks WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM conversion_import_chunks WHERE program_id = $1 AND import_id = $2 ORDER BY chunk DESC LIMIT 200))
    RETURNING 1)
  SELECT count(*)::int AS forgotten FROM forgotten`;

/** From the last to the first, so that whoever goes on after a kill finds none of them left behind. */
async function forgetChunks(db: Pick<Database, 'query'>, run: JobRun<unknown>): Promise<void> {
  for (;;) {
    run.signal.throwIfAborted();
    const [row] = await db.query<{ forgotten: number }>(FORGET, [run.programId, run.id]);
    if (row === undefined || row.forgotten === 0) return;
  }
}
