import type { Database } from '@tributary/schema';
import { changeIsolated, type IsolatedOutcome } from '../commissions/change-isolated.ts';
import { itemResult } from '../commissions/item-result.ts';
import type { JobRun } from '../jobs/declaration.ts';
import type { ConfirmRun } from './confirm-run.ts';

const PAGE = 500;

interface Position {
  readonly id: string;
  readonly holdUntil: Date;
}

const DUE_AFTER = `
  SELECT id, hold_until FROM commissions
  WHERE program_id = $1 AND status = 'pending' AND NOT review_hold AND hold_until <= $2
    AND (hold_until, id) > ($3::timestamptz, $4::uuid)
  ORDER BY hold_until, id LIMIT $5::int`;

const START: Position = { id: '00000000-0000-0000-0000-000000000000', holdUntil: new Date(0) };

const KNOWN_FAILURES = `SELECT item_id FROM job_results WHERE program_id = $1 AND job_id = $2 AND NOT success`;

/** More failures than this are no longer handed to each chunk: the rest is then gone through here. */
const MAX_EXCEPT = 1_000;

export interface CarefulOutcome {
  /** Each is in the job's results, and left out from now on. */
  readonly failed: number;
  /** Nothing is left; otherwise the quick way may go on. */
  readonly ended: boolean;
}

/**
 * Confirms what is due page by page, by ids and past what fails, up to the page that holds what was in the way: a commission that
 * cannot be confirmed keeps no other from it. A third as fast as the quick way.
 */
export async function confirmCarefully(confirmRun: ConfirmRun): Promise<CarefulOutcome> {
  const { deps, run, context, except } = confirmRun;
  let failed = 0;
  let position = START;
  for (;;) {
    run.signal.throwIfAborted();
    if (await confirmRun.isPaused()) return { failed, ended: true };
    const page = await dueAfter(deps.db, run.programId, { position, now: deps.clock() });
    const last = page.at(-1);
    if (last === undefined) return { failed, ended: true };
    position = last;
    const items = page
      .filter(({ id }) => !except.has(id))
      .map(({ id }) => ({
        commissionId: id,
        command: { action: 'confirm', unlessHeld: true, reason: 'The hold has passed.' } as const,
      }));
    const outcomes = await changeIsolated(deps, context(), items);
    const failures = outcomes.filter(isFailure);
    failed += failures.length;
    for (const { commissionId } of failures) except.add(commissionId);
    await confirmRun.confirmed(outcomes.filter(({ outcome }) => outcome === 'done').length);
    if (failures.length > 0) await run.report({ failed: failures.length, results: failures.map(itemResult) });
    if (failures.length > 0 && except.size <= MAX_EXCEPT) return { failed, ended: false };
  }
}

/** Anything else (changed, locked or gone meanwhile) is skipped: it is no longer due, or is the next run's. */
const isFailure = ({ outcome }: IsolatedOutcome): boolean => outcome === 'violates';

function dueAfter(
  db: Pick<Database, 'query'>,
  programId: string,
  { position, now }: { readonly position: Position; readonly now: Date },
): Promise<Position[]> {
  return db.query<Position>(DUE_AFTER, [programId, now, position.holdUntil, position.id, PAGE]);
}

/** What earlier attempts at this job could not confirm. */
export async function knownFailures(db: Pick<Database, 'query'>, run: JobRun<unknown>): Promise<Set<string>> {
  const rows = await db.query<{ itemId: string }>(KNOWN_FAILURES, [run.programId, run.id]);
  return new Set(rows.map(({ itemId }) => itemId));
}
