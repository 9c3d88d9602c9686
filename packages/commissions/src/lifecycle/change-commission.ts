import type { StoredEvent } from '@tributary/event-catalog';
import type { Database } from '@tributary/schema';

import type { CommandContext, CommandDeps } from '../context.ts';
import { writeChanges, type ChangeInContext } from '../statement/grouped-changes.ts';
import { changeAlone, groupsOf } from './command-groups.ts';
import { decideCommand, type CommissionCommand, type Decision } from './decide.ts';
import { MAX_DECISIONS } from './max-decisions.ts';
import { readCommissions } from './snapshot.ts';

/** `commission` is the JSON text of the commission as the wire shows it. */
export type CommandOutcome =
  | { outcome: 'done'; commission: string; version: number; events: StoredEvent[] }
  | Exclude<Decision, { outcome: 'change' }>
  | { outcome: 'not_found' }
  /** The caller named a version (If-Match) that is no longer the present one. */
  | { outcome: 'stale'; version: number }
  /** Others kept changing the row: nothing was done. */
  | { outcome: 'contended' };

export interface CommandInput {
  commissionId: string;
  command: CommissionCommand;
  /** Refuse unless the commission still has this version. */
  expectedVersion?: number | undefined;
}

/**
 * Adjusts, confirms, cancels, holds, releases or pays one commission: decides on the row as read and writes row, entry,
 * audit row, event and kept answer in one statement, which does nothing when the row has moved on; then decides again.
 * Commands that come while others are under way share reads and statements with each other.
 */
export async function changeCommission(
  deps: CommandDeps,
  context: CommandContext,
  input: CommandInput,
): Promise<CommandOutcome> {
  const asked = { context, input };
  let outcome = await groupsOf(deps.db, context.programId)(asked);
  for (let attempt = 2; outcome === undefined && attempt <= MAX_DECISIONS; attempt += 1) {
    outcome = await changeAlone(deps.db, asked);
  }
  if (outcome?.outcome === 'done') deps.publish(outcome.events);
  return outcome ?? { outcome: 'contended' };
}

export interface BulkItem {
  commissionId: string;
  command: CommissionCommand;
}

export type BulkItemOutcome = { commissionId: string } & (
  | { outcome: 'done' }
  /** The job in whose name this is done has changed it before. */
  | { outcome: 'repeated' }
  | Exclude<CommandOutcome, { outcome: 'done' } | { outcome: 'stale' }>
);

const CHANGED_BY = `
  SELECT DISTINCT commission_id AS id FROM commission_entries
  WHERE program_id = $1 AND commission_id = ANY($2::uuid[]) AND job_id = $3`;

/**
 * Those of some commissions that a job has changed already, as their entries tell. Asked after their rows were read it is exact:
 * what another runner of the job does later moves their versions on.
 */
async function changedByJob(
  db: Database,
  { programId, jobId }: CommandContext,
  ids: readonly string[],
): Promise<Set<string>> {
  if (jobId === undefined) return new Set();
  const rows = await db.query<{ id: string }>(CHANGED_BY, [programId, [...ids], jobId]);
  return new Set(rows.map(({ id }) => id));
}

/**
 * Carries out many commands, at most one for a commission, in one statement; one bad item never stops the rest. Items
 * whose row moved on meanwhile are decided again, then given up as contended. A job changes a commission once, however often
 * its work is taken up again, and by however late a runner.
 */
export async function changeCommissions(
  deps: CommandDeps,
  context: CommandContext,
  items: readonly BulkItem[],
): Promise<BulkItemOutcome[]> {
  const outcomes = new Map<string, BulkItemOutcome>();
  let open = new Map(items.map((item) => [item.commissionId, item.command]));
  for (let attempt = 1; attempt <= MAX_DECISIONS && open.size > 0; attempt += 1) {
    const rows = await readCommissions(deps.db, context.programId, [...open.keys()]);
    const before = await changedByJob(deps.db, context, [...open.keys()]);
    const changes: ChangeInContext[] = [];
    for (const [commissionId, command] of open) {
      if (before.has(commissionId)) {
        outcomes.set(commissionId, { commissionId, outcome: 'repeated' });
        continue;
      }
      const commission = rows.find((row) => row.id === commissionId);
      const decision = commission && decideCommand(commission, command, context);
      if (decision === undefined) outcomes.set(commissionId, { commissionId, outcome: 'not_found' });
      else if (decision.outcome === 'change') changes.push({ change: decision.change, context });
      else outcomes.set(commissionId, { commissionId, ...decision });
    }
    if (changes.length > 0) {
      const written = await writeChanges(deps.db, 'bulk', context.programId, changes);
      for (const commissionId of written.keys())
        outcomes.set(commissionId, { commissionId, outcome: 'done' });
      deps.publish(Array.from(written.values(), ({ event }) => event));
    }
    open = new Map([...open].filter(([id]) => !outcomes.has(id)));
  }
  return items.map(
    ({ commissionId }) => outcomes.get(commissionId) ?? { commissionId, outcome: 'contended' },
  );
}
