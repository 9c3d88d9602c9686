import type { CommandDeps } from '@tributary/commissions';
import type { Clock } from '@tributary/runtime';
import type { ReadDatabase } from '@tributary/schema';
import type { Catalog } from './catalog/catalog.ts';
import type { RecordDeps } from './clicks/record-click.ts';
import type { Destinations } from './redirects/destinations.ts';
import type { LinkDeps } from './redirects/follow-link.ts';
import type { SettingsSource } from './settings/active-settings.ts';

/** What the routes of this service share. */
export interface TrackingDeps extends CommandDeps, RecordDeps, LinkDeps {
  /** For lists and statistics, which may be a moment behind. */
  readonly reads: ReadDatabase;
  readonly catalog: Catalog;
  readonly settings: SettingsSource;
  readonly destinations: Destinations;
  readonly secureCookies: boolean;
  readonly clock: Clock;
  /** Work that outlives its request; the shutdown waits for it. */
  readonly inBackground: (work: Promise<void>) => void;
}
