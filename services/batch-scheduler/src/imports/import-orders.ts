import {
  postOrders,
  type CommandContext,
  type PostedOrder,
  type PostOrderDeps,
} from '@tributary/commissions';
import { JobInterruptedError } from '../jobs/declaration.ts';
import { importedLine, importLine, type ImportedResult } from './import-line.ts';
import { inLanes } from './lanes.ts';
import { inChains, inRounds, inSets } from './rounds.ts';

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
/** With as many sets at once about as many as the pool has statements in flight: more would only wait there. */
const LANES = 3;

const SIZE = { limit: SET_LINES, weightOf: ({ order }: PostedLine) => order.lines.length };

/**
 * Records the orders of some lines, many in a statement. Lines of one order go one after the other, and those of one customer in
 * the same statement or after it, since each may depend on the one before. What cannot be recorded together with others is
 * tried by itself before what follows.
 */
export async function importOrders(
  run: ImportRun,
  lines: readonly PostedLine[],
): Promise<Map<number, ImportedResult>> {
  const done = new Map<number, ImportedResult>();
  for (const round of inRounds(lines, orderKey, customerKey)) {
    const chains = inChains(round, { ...SIZE, keyOf: customerKey });
    await inLanes(chains, SETS_AT_ONCE, async (sets) => {
      for (const set of sets) await importApart(run, await importSet(run, set, done), done);
    });
  }
  return done;
}

/** Lines that were left apart: of an order or a customer one at a time, and by itself what is left even so. */
async function importApart(
  run: ImportRun,
  lines: readonly PostedLine[],
  done: Map<number, ImportedResult>,
): Promise<void> {
  for (const round of inRounds(lines, keysOf)) {
    const alone: PostedLine[] = [];
    for (const set of inSets(round, SIZE)) alone.push(...(await importSet(run, set, done)));
    await inLanes(alone, LANES, async (posted) => {
      throwIfHurried(run.signal);
      done.set(posted.line, await importLine(run.orderDeps, run.context(), posted));
    });
  }
}

/** A job that was cancelled ends its chunk, so that each line's result is told; one that has to end at once does not. */
function throwIfHurried(signal: AbortSignal): void {
  const { reason } = signal as { reason: unknown };
  const isCancelled = reason instanceof JobInterruptedError && reason.interruption === 'cancelled';
  if (signal.aborted && !isCancelled) throw reason;
}

/** Answers the lines that want to be tried by themselves. */
async function importSet(
  { orderDeps, context, signal }: ImportRun,
  set: readonly PostedLine[],
  done: Map<number, ImportedResult>,
): Promise<PostedLine[]> {
  throwIfHurried(signal);
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

const orderKey = ({ order }: PostedLine): string[] => [`order ${order.orderId}`];

const customerKey = ({ order }: PostedLine): string | undefined =>
  order.customerRefHash === undefined ? undefined : `customer ${order.customerRefHash}`;

function keysOf(posted: PostedLine): string[] {
  const customer = customerKey(posted);
  return customer === undefined ? orderKey(posted) : [...orderKey(posted), customer];
}
