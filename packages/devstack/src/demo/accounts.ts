import type { StackSecrets } from '../home/secrets.ts';
import type { StackFile } from '../home/stack-file.ts';

/** The ways into a development stack. */
export type Accounts = Pick<StackFile, 'admin' | 'partner' | 'apiKey'>;

/** Fixed addresses with this home's own passwords, so that a stack in reach of others has no password known to all. */
export function accountsOf(secrets: StackSecrets): Accounts {
  return {
    admin: { email: 'admin@tributary.example', password: secrets.adminPassword },
    partner: { email: 'partner@tributary.example', password: secrets.partnerPassword },
    apiKey: secrets.apiKey,
  };
}
