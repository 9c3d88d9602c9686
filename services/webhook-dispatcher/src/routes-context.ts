import type { StoredEvent } from '@tributary/event-catalog';
import type { Clock } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import type { Dispatcher } from 'undici';
import type { SecretBox } from './encryption/secret-box.ts';
import type { SigningKeys } from './signing/signing-keys.ts';
import type { AddressPolicy } from './ssrf/classify-address.ts';

/** What the routes work with. */
export interface RouteDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly publish: (events: readonly StoredEvent[]) => void;
  readonly secretBox: SecretBox;
  readonly signingKeys: SigningKeys;
  readonly addressPolicy: AddressPolicy;
  /** Connects to public addresses only. */
  readonly dispatcher: Dispatcher;
  readonly deadlineMs: number;
  /** Where bare dates begin until the programme's setting is made. */
  readonly reportingTimeZone: string;
  /** Something may be due now: the loop of this process need not wait for its poll. */
  readonly wake: () => void;
}
