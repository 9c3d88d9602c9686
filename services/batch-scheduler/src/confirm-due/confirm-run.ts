import type { CommandContext, CommandDeps } from '@tributary/commissions';
import type { Clock, CommissionMetrics } from '@tributary/runtime';
import type { JobRun } from '../jobs/declaration.ts';
import type { ChunkSize } from './chunk-size.ts';

export interface ConfirmDueDeps extends CommandDeps {
  readonly clock: Clock;
  readonly commissionMetrics: CommissionMetrics;
}

/** What the parts of one run share. */
export interface ConfirmRun {
  readonly deps: ConfirmDueDeps;
  readonly run: JobRun<unknown>;
  readonly size: ChunkSize;
  /** Commissions that are known to fail: chunks leave them out. */
  readonly except: Set<string>;
  /** Afresh for each chunk: who, and when. */
  readonly context: () => CommandContext;
  /** While the switch `pauseBatchConfirmation` is on, nothing is confirmed. */
  readonly isPaused: () => Promise<boolean>;
  readonly confirmed: (count: number) => Promise<void>;
}
