import { connect, type Database } from '@tributary/schema';

import type { Accounts } from './accounts.ts';
import { awaitRollups } from './await-rollups.ts';
import { ensureAccounts } from './ensure-accounts.ts';
import { DAYS } from './history/calendar.ts';
import { PATIENT } from './patience.ts';
import { holdsAnotherProgramme, readProgress, writeProgress } from './progress.ts';

export interface SeedOptions {
  readonly ownerUrl: string;
  /** As the services' role, for what the product's own commands write. */
  readonly serviceUrl: string;
  readonly natsUrl: string;
  readonly natsNamespace: string;
  readonly accounts: Accounts;
  /** Whether to make the demonstration programme, or the accounts alone. */
  readonly programme: boolean;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
  /** The day of seeding; today unless told otherwise. */
  readonly now?: Date;
}

async function asOwner(ownerUrl: string, work: (owner: Database) => Promise<void>): Promise<void> {
  const owner = connect({ url: ownerUrl, applicationName: 'tributary-seed', ...PATIENT });
  try {
    await work(owner);
  } finally {
    await owner.close();
  }
}

/**
 * Puts into the database what a development stack is to have: the accounts that stack.json names, and once the
 * demonstration programme, unless somebody keeps a programme of their own there. Run before the services are up, so that
 * no nightly job of theirs meddles with a history that is not over yet.
 */
export async function seedDemo(options: SeedOptions): Promise<void> {
  await asOwner(options.ownerUrl, async (owner) => {
    const loginPartnerId = await ensureAccounts(owner, options.accounts);
    if (!options.programme) return;
    const progress = await readProgress(owner);
    if (progress?.daysDone === DAYS) return;
    if (progress === undefined && (await holdsAnotherProgramme(owner, loginPartnerId))) return;
    // What it needs is much to load, and most starts do not.
    const { seedProgramme } = await import('./seed-programme.ts');
    await seedProgramme(options, { owner, loginPartnerId, progress });
  });
}

const SHOWN_WITHIN_MS = 60_000;

/** After the seeding and once the services run: waits until the dashboards show all of the demonstration. */
export async function awaitDemo(
  options: Pick<SeedOptions, 'ownerUrl' | 'programme' | 'log' | 'signal'>,
): Promise<void> {
  if (!options.programme) return;
  await asOwner(options.ownerUrl, async (owner) => {
    const progress = await readProgress(owner);
    if (progress === undefined || progress.shown) return;
    const shown = await awaitRollups(owner, { timeoutMs: SHOWN_WITHIN_MS, signal: options.signal });
    if (shown) await writeProgress(owner, { ...progress, shown });
    else if (options.signal?.aborted !== true)
      options.log('The dashboards have not caught up yet; they will.');
  });
}
