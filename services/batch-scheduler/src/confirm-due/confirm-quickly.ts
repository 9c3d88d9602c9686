import { setTimeout as delay } from 'node:timers/promises';
import { confirmDueChunk, countDue } from '@tributary/commissions';
import { sqlState } from '@tributary/schema';
import { isConflict, isConstraint } from '../commissions/change-isolated.ts';
import type { ConfirmRun } from './confirm-run.ts';

/** Two statements at a time, each on its own rows: one sends and parses while the other waits for the disk. */
const WORKERS = 2;
/** Rows that someone holds locked are passed by; what is still due afterwards is looked at again this often. */
const PASSES = 3;
const BETWEEN_PASSES_MS = 250;
const STATEMENT_TIMEOUT = '57014';

/** `obstructed`: a row cannot be confirmed, and every chunk would meet it again until it is known. */
export type QuickOutcome = 'done' | 'obstructed';

/** Confirms due commissions by the thousand until none is left that can be had. */
export async function confirmQuickly(confirmRun: ConfirmRun): Promise<QuickOutcome> {
  const { deps, run, except } = confirmRun;
  for (let pass = 1; pass <= PASSES; pass += 1) {
    const obstacle = new AbortController();
    const workers = Array.from({ length: WORKERS }, () => confirmChunks(confirmRun, obstacle));
    // When one ends in an error the other's chunk still wants to be reported.
    for (const worker of await Promise.allSettled(workers)) {
      if (worker.status === 'rejected') throw worker.reason;
    }
    if (obstacle.signal.aborted) return 'obstructed';
    if (pass === PASSES || (await confirmRun.isPaused())) break;
    if ((await countDue(deps, run.programId, deps.clock())) <= except.size) break;
    await delay(BETWEEN_PASSES_MS, undefined, { signal: run.signal });
  }
  return 'done';
}

async function confirmChunks(confirmRun: ConfirmRun, obstacle: AbortController): Promise<void> {
  while (!obstacle.signal.aborted && !(await confirmRun.isPaused())) {
    const confirmed = await confirmChunk(confirmRun, obstacle);
    if (confirmed === 0) return;
    if (confirmed !== undefined) await confirmRun.confirmed(confirmed);
  }
}

/** @returns how many; undefined when the chunk failed and a smaller one may not */
async function confirmChunk(
  { deps, run, size, except, context }: ConfirmRun,
  obstacle: AbortController,
): Promise<number | undefined> {
  run.signal.throwIfAborted();
  const startedAt = performance.now();
  try {
    const { confirmed } = await confirmDueChunk(deps, context(), size.rows, [...except]);
    size.took(performance.now() - startedAt);
    return confirmed;
  } catch (error) {
    if (isConstraint(error)) {
      obstacle.abort();
      return undefined;
    }
    if (!isConflict(error) && sqlState(error) !== STATEMENT_TIMEOUT) throw error;
    run.logger.warn({ err: error, rows: size.rows }, 'a chunk failed; going on with a smaller one');
    if (size.isSmallest) throw error;
    size.shrink();
    return undefined;
  }
}
