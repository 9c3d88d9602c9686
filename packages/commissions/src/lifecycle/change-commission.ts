import type { StoredEvent } from '@tributary/event-catalog';

import type { CommandContext, CommandDeps } from '../context.ts';
import {
  CHANGED_ON_WIRE,
  commissionChanges,
  decidedChanges,
  type CommissionChange,
} from '../statement/commission-changes.ts';
import { addContext, Parameters } from '../statement/parameters.ts';
import { eventsOf, idempotencyInsert } from '../statement/records.ts';
import { composeStatement, runStatement, storedEvents } from '../statement/run.ts';
import { decideCommand, type CommissionCommand, type Decision } from './decide.ts';
import { readCommissions } from './snapshot.ts';

/** How often a command decides again when someone else was faster, before it gives up. */
export const MAX_DECISIONS = 4;

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

interface ChangedRow {
  ids: string[] | null;
  commission: string | null;
  events: unknown[];
}

/**
 * Adjusts, confirms, cancels, holds, releases or pays one commission: decides on the row as read and writes row, entry,
 * audit row, event and kept answer in one statement, which does nothing when the row has moved on; then decides again.
 */
export async function changeCommission(
  deps: CommandDeps,
  context: CommandContext,
  input: CommandInput,
): Promise<CommandOutcome> {
  for (let attempt = 1; attempt <= MAX_DECISIONS; attempt += 1) {
    const [commission] = await readCommissions(deps.db, context.programId, [input.commissionId]);
    if (commission === undefined) return { outcome: 'not_found' };
    if (input.expectedVersion !== undefined && input.expectedVersion !== commission.version) {
      return { outcome: 'stale', version: commission.version };
    }
    const decision = decideCommand(commission, input.command, context);
    if (decision.outcome !== 'change') return decision;
    const row = await writeChanges(deps, context, [decision.change]);
    if (row?.ids?.length === 1 && row.commission !== null) {
      const events = storedEvents(row.events);
      deps.publish(events);
      return { outcome: 'done', commission: row.commission, version: commission.version + 1, events };
    }
  }
  return { outcome: 'contended' };
}

function writeChanges(
  deps: CommandDeps,
  context: CommandContext,
  changes: readonly CommissionChange[],
): Promise<ChangedRow | undefined> {
  const parameters = new Parameters();
  const c = addContext(parameters, context);
  const ctes = [
    ...commissionChanges(c, decidedChanges(parameters, changes)),
    ...idempotencyInsert(parameters, c, context.idempotency, { data: CHANGED_ON_WIRE, from: 'changed' }),
  ];
  const text = composeStatement(ctes, {
    ids: '(SELECT array_agg(r.id ORDER BY r.id) FROM changed r)',
    commission: `${CHANGED_ON_WIRE}::text`,
    events: eventsOf(['changed_events']),
  });
  return runStatement<ChangedRow>(deps.db, text, parameters);
}

export interface BulkItem {
  commissionId: string;
  command: CommissionCommand;
}

export type BulkItemOutcome = { commissionId: string } & (
  | { outcome: 'done' }
  | Exclude<CommandOutcome, { outcome: 'done' } | { outcome: 'stale' }>
);

/**
 * Carries out many commands, at most one for a commission, in one statement; one bad item never stops the rest. Items
 * whose row moved on meanwhile are decided again, then given up as contended.
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
    const changes: CommissionChange[] = [];
    for (const [commissionId, command] of open) {
      const commission = rows.find((row) => row.id === commissionId);
      const decision = commission && decideCommand(commission, command, context);
      if (decision === undefined) outcomes.set(commissionId, { commissionId, outcome: 'not_found' });
      else if (decision.outcome === 'change') changes.push(decision.change);
      else outcomes.set(commissionId, { commissionId, ...decision });
    }
    const row = changes.length === 0 ? undefined : await writeChanges(deps, context, changes);
    for (const id of row?.ids ?? []) outcomes.set(id, { commissionId: id, outcome: 'done' });
    if (row !== undefined) deps.publish(storedEvents(row.events));
    open = new Map([...open].filter(([id]) => !outcomes.has(id)));
  }
  return items.map(
    ({ commissionId }) => outcomes.get(commissionId) ?? { commissionId, outcome: 'contended' },
  );
}
