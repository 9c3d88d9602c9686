import { connect } from '@tributary/schema';

import type { Accounts } from './accounts.ts';
import { ensureAccounts } from './ensure-accounts.ts';

export interface SeedOptions {
  readonly ownerUrl: string;
  /** As the services' role, for what the product's own commands write. */
  readonly serviceUrl: string;
  readonly accounts: Accounts;
  readonly log: (line: string) => void;
}

/** Puts into the database what a development stack is to have: the accounts that stack.json names. */
export async function seedDemo({ ownerUrl, accounts }: SeedOptions): Promise<void> {
  const db = connect({ url: ownerUrl, applicationName: 'tributary-seed' });
  try {
    await ensureAccounts(db, accounts);
  } finally {
    await db.close();
  }
}
