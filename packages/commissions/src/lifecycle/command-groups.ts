import { DatabaseUnavailableError, type Database } from '@tributary/schema';

import type { CommandContext } from '../context.ts';
import { writeChanges, type ChangeInContext } from '../statement/grouped-changes.ts';
import { isOutdated } from '../statement/run.ts';
import type { CommandInput, CommandOutcome } from './change-commission.ts';
import { decideCommand } from './decide.ts';
import { createGroups } from './groups.ts';
import { readCommissions, type CommissionSnapshot } from './snapshot.ts';

/** One command as it was asked for. */
export interface Asked {
  context: CommandContext;
  input: CommandInput;
}

/** Nothing where the row was locked or moved on after it had been read: to be decided again. */
type Outcome = CommandOutcome | undefined;

/**
 * Two, so that Node prepares one while Postgres writes the other; with one, the cores take turns. The second waits for company,
 * because a group costs Postgres as much as five commands before its first. Groups never wait for a row, so none holds the
 * others up.
 */
const GROUPS = 2;
const WORTHWHILE = 12;
/** Keeps a statement well below 100 ms. */
const SIZE = 64;

const groups = new WeakMap<Database, Map<string, (asked: Asked) => Promise<Outcome>>>();

/** Where the commands of one programme gather on their way into one database. */
export function groupsOf(db: Database, programId: string): (asked: Asked) => Promise<Outcome> {
  const ofDatabase = groups.get(db) ?? new Map<string, (asked: Asked) => Promise<Outcome>>();
  groups.set(db, ofDatabase);
  const known = ofDatabase.get(programId);
  if (known !== undefined) return known;
  const created = createGroups<Asked, Outcome>({
    groups: GROUPS,
    size: SIZE,
    worthwhile: WORTHWHILE,
    keyOf: ({ input }) => input.commissionId,
    run: (asked) => changeGroup(db, programId, asked),
  });
  ofDatabase.set(programId, created);
  return created;
}

/** Decides on the row and changes it in a statement of its own, waiting where somebody holds it. */
export async function changeAlone(db: Database, asked: Asked): Promise<Outcome> {
  try {
    const [outcome] = await changeTogether(db, 'alone', asked.context.programId, [asked]);
    return outcome;
  } catch (error) {
    if (isOutdated(error)) return undefined;
    throw error;
  }
}

/** When Postgres refuses a group, none of it has happened, and each command goes alone: one bad one fails by itself. */
async function changeGroup(
  db: Database,
  programId: string,
  asked: readonly Asked[],
): Promise<PromiseSettledResult<Outcome>[]> {
  try {
    const outcomes = await changeTogether(db, 'group', programId, asked);
    return outcomes.map((value) => ({ status: 'fulfilled', value }));
  } catch (error) {
    // Lost on its way, it may have happened: deciding again on its effect would answer something else than was done.
    if (error instanceof DatabaseUnavailableError) throw error;
    return Promise.allSettled(asked.map((one) => changeAlone(db, one)));
  }
}

async function changeTogether(
  db: Database,
  how: 'group' | 'alone',
  programId: string,
  asked: readonly Asked[],
): Promise<Outcome[]> {
  const ids = asked.map(({ input }) => input.commissionId);
  const rows = new Map((await readCommissions(db, programId, ids)).map((row) => [row.id, row]));
  const decisions = asked.map((one) => ({ one, decision: decide(rows.get(one.input.commissionId), one) }));
  const changes = decisions.flatMap(({ one, decision }): ChangeInContext[] =>
    decision.outcome === 'change' ? [{ change: decision.change, context: one.context }] : [],
  );
  const written = changes.length === 0 ? undefined : await writeChanges(db, how, programId, changes);
  return decisions.map(({ decision }): Outcome => {
    if (decision.outcome !== 'change') return decision;
    const { id, version } = decision.change;
    const done = written?.get(id);
    if (done === undefined || done.commission === null) return undefined;
    return { outcome: 'done', commission: done.commission, version: version + 1, events: [done.event] };
  });
}

function decide(commission: CommissionSnapshot | undefined, { context, input }: Asked) {
  if (commission === undefined) return { outcome: 'not_found' } as const;
  const { version } = commission;
  if (input.expectedVersion !== undefined && input.expectedVersion !== version) {
    return { outcome: 'stale', version } as const;
  }
  return decideCommand(commission, input.command, context);
}
