import type { CommandDeps } from '@tributary/commissions';
import type { Messaging } from '@tributary/messaging';
import type { Clock, CommissionMetrics } from '@tributary/runtime';
import type { ReadDatabase } from '@tributary/schema';
import type { SettingsReader } from './settings/settings-reader.ts';

/** What the routes of this service work with. */
export interface OperationsDeps extends CommandDeps {
  /** For lists and exports, which may be a moment behind. */
  readonly reads: ReadDatabase;
  readonly clock: Clock;
  readonly settings: SettingsReader;
  readonly messaging: Messaging;
  readonly commissionMetrics: CommissionMetrics;
}
