import {
  postOrders,
  type CommandContext,
  type PostedOrder,
  type PostOrderDeps,
} from '@tributary/commissions';
import { importedLine, importLine, type ImportedResult } from './import-line.ts';
import { inLanes } from './lanes.ts';
import { inRounds, inSets } from './rounds.ts';

/** A line of an import whose fields are in order. */
export interface PostedLine {
  readonly line: number;
  readonly order: PostedOrder;
}

export interface ImportRun {
  readonly orderDeps: PostOrderDeps;
  /** Afresh for each statement: who, and when. */
  readonly context: () => CommandContext;
  readonly signal: AbortSignal;
}

/** Order lines a statement: fixed costs no longer matter, and others wait a few hundred milliseconds for its locks at most. */
const SET_LINES = 250;
/** One set is decided upon and parsed here while Postgres writes the others. */
const SETS_AT_ONCE = 3;
/** As many as the pool has statements in flight: more would only wait there. */
const LANES = 8;

/**
 * Records the orders of some lines, many in a statement; those of one order or of one customer one after the other, since each may
 * depend on the one before. What cannot be recorded together with others is tried by itself.
 */
export async function importOrders(
  run: ImportRun,
  lines: readonly PostedLine[],
): Promise<Map<number, ImportedResult>> {
  const done = new Map<number, ImportedResult>();
  for (const round of inRounds(lines, keysOf)) {
    const sets = inSets(round, { limit: SET_LINES, weightOf: ({ order }) => order.lines.length });
    const apart = await inLanes(sets, SETS_AT_ONCE, (set) => importSet(run, set, done));
    await inLanes(apart.flat(), LANES, async (posted) => {
      run.signal.throwIfAborted();
      done.set(posted.line, await importLine(run.orderDeps, run.context(), posted));
    });
  }
  return done;
}

/** Answers the lines that want to be tried by themselves. */
async function importSet(
  { orderDeps, context, signal }: ImportRun,
  set: readonly PostedLine[],
  done: Map<number, ImportedResult>,
): Promise<PostedLine[]> {
  signal.throwIfAborted();
  const outcomes = await postOrders(
    orderDeps,
    context(),
    set.map(({ order }) => order),
  );
  const apart: PostedLine[] = [];
  for (const [index, posted] of set.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined || outcome.outcome === 'apart') apart.push(posted);
    else done.set(posted.line, importedLine(posted.line, outcome));
  }
  return apart;
}

function keysOf({ order }: PostedLine): string[] {
  const keys = [`order ${order.orderId}`];
  if (order.customerRefHash !== undefined) keys.push(`customer ${order.customerRefHash}`);
  return keys;
}
