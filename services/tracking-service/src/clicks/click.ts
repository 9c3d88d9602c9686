import type { ClickSource, ClickStatus } from '@tributary/schema';

/** A click ready to be stored: hashed, anonymised and classified as far as that can be done without its predecessors. */
export interface NewClick {
  /** A UUIDv7 made in the millisecond of `clickedAt`. */
  readonly id: string;
  readonly programId: string;
  readonly partnerId: string | null;
  readonly productId: string | null;
  /** As it was registered, whatever case the link has. */
  readonly referralCode: string;
  readonly subId: string | null;
  readonly landingUrl: string | null;
  readonly referrer: string | null;
  readonly utmSource: string | null;
  readonly utmMedium: string | null;
  readonly utmCampaign: string | null;
  readonly source: ClickSource;
  /** `valid` means: unless it repeats an earlier one. */
  readonly status: ClickStatus;
  readonly visitorHash: string | null;
  readonly fingerprintHash: string | null;
  readonly ipAnonymized: string | null;
  readonly userAgent: string | null;
  readonly clickedAt: Date;
}

const TIMESTAMP_DIGITS = 12;

/** The moment in a UUIDv7: what tells a click's partition from its id alone. */
export function momentOf(id: string): Date {
  return new Date(Number.parseInt(id.replaceAll('-', '').slice(0, TIMESTAMP_DIGITS), 16));
}
