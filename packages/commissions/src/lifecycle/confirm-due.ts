import type { CommandContext, CommandDeps } from '../context.ts';
import { commissionChanges, dueConfirmations } from '../statement/commission-changes.ts';
import { addContext, Parameters } from '../statement/parameters.ts';
import { eventsOf } from '../statement/records.ts';
import { composeStatement, runStatement, storedEvents } from '../statement/run.ts';

/**
 * Confirms at most `limit` commissions whose hold has passed by `context.now`, in one statement, passing by rows that
 * someone holds locked, and those of `except`: what is known to fail would take the whole chunk with it. Safe to run several times at once; what one run takes the other does not see.
 * @returns how many were confirmed; 0 when none is due (or all that are due are locked)
 */
export async function confirmDueChunk(
  deps: CommandDeps,
  context: CommandContext,
  limit: number,
  except: readonly string[] = [],
): Promise<{ confirmed: number }> {
  const parameters = new Parameters();
  const c = addContext(parameters, context);
  const text = composeStatement(
    commissionChanges(c, dueConfirmations(parameters, c, { limit, except }), { locks: 'none' }),
    {
      confirmed: '(SELECT count(*)::int FROM changed)',
      events: eventsOf(['changed_events']),
    },
  );
  const row = await runStatement<{ confirmed: number; events: unknown[] }>(deps.db, text, parameters);
  if (row === undefined) return { confirmed: 0 };
  deps.publish(storedEvents(row.events));
  return { confirmed: row.confirmed };
}

const DUE = `SELECT count(*)::int AS due FROM commissions
  WHERE program_id = $1 AND status = 'pending' AND NOT review_hold AND hold_until <= $2`;

/** How many commissions wait for confirmation although their hold has passed. */
export async function countDue(deps: Pick<CommandDeps, 'db'>, programId: string, now: Date): Promise<number> {
  const [row] = await deps.db.query<{ due: number }>(DUE, [programId, now]);
  return row?.due ?? 0;
}
