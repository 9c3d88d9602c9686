import type { KnownCode } from '@tributary/commissions';
import { newId } from '@tributary/runtime';
import type { ClickSource, ClickStatus } from '@tributary/schema';
import type { Catalog } from '../catalog/catalog.ts';
import { anonymizeAddress } from '../privacy/addresses.ts';
import type { KeyedHashes } from '../privacy/keyed-hashes.ts';
import { classifyClick } from './classify.ts';
import { momentOf, type NewClick } from './click.ts';
import type { ClickWriter } from './click-writer.ts';
import { isBotAgent } from './user-agents.ts';

/** A click as it comes in: with everything that must not be stored as it is. */
export interface RawClick {
  readonly programId: string;
  readonly referralCode: string;
  readonly productId?: string | undefined;
  readonly subId?: string | undefined;
  readonly landingUrl?: string | undefined;
  readonly referrer?: string | undefined;
  readonly source?: ClickSource | undefined;
  readonly utm?: Utm | undefined;
  /** The first-party cookie, or else the session. */
  readonly visitor?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly ipAddress: string;
  readonly userAgent: string;
  readonly isRateLimited: boolean;
}

export interface Utm {
  readonly source?: string | undefined;
  readonly medium?: string | undefined;
  readonly campaign?: string | undefined;
}

/** What of a click is known before its code has been looked up; nothing in it names a person. */
export type ObservedClick = Omit<NewClick, 'partnerId' | 'status'> & {
  readonly isBot: boolean;
  readonly isInternal: boolean;
  readonly isRateLimited: boolean;
};

export interface ObserveDeps {
  readonly hashes: KeyedHashes;
  readonly isInternal: (ipAddress: string) => boolean;
}

export interface RecordDeps extends ObserveDeps {
  readonly catalog: Pick<Catalog, 'findCode' | 'findProductById'>;
  readonly clicks: ClickWriter;
}

export type RecordClickOutcome =
  | { readonly outcome: 'recorded'; readonly clickId: string; readonly status: ClickStatus }
  | { readonly outcome: 'unknown_code' }
  | { readonly outcome: 'unknown_product' };

const MAX_USER_AGENT = 500;

/** Hashes and anonymises a click, and gives it its id and time. */
export function observeClick(deps: ObserveDeps, raw: RawClick): ObservedClick {
  const id = newId();
  const { hashes } = deps;
  const userAgent = raw.userAgent.slice(0, MAX_USER_AGENT);
  return {
    id,
    programId: raw.programId,
    productId: raw.productId ?? null,
    referralCode: raw.referralCode,
    subId: raw.subId ?? null,
    landingUrl: raw.landingUrl ?? null,
    referrer: raw.referrer ?? null,
    utmSource: raw.utm?.source ?? null,
    utmMedium: raw.utm?.medium ?? null,
    utmCampaign: raw.utm?.campaign ?? null,
    source: raw.source ?? 'unknown',
    visitorHash: raw.visitor === undefined ? null : hashes.visitor(raw.visitor),
    fingerprintHash: raw.fingerprint === undefined ? null : hashes.fingerprint(raw.fingerprint),
    ipAnonymized: anonymizeAddress(raw.ipAddress),
    userAgent: userAgent === '' ? null : userAgent,
    clickedAt: momentOf(id),
    isBot: isBotAgent(raw.userAgent),
    isInternal: deps.isInternal(raw.ipAddress),
    isRateLimited: raw.isRateLimited,
  };
}

/** The click with its partner and its status, as far as that can be said without earlier clicks. */
export function assignClick(observed: ObservedClick, known: KnownCode): NewClick {
  const { isBot, isInternal, isRateLimited, ...click } = observed;
  const isInvalid = known.partnerStatus !== 'active' || known.status !== 'active';
  return {
    ...click,
    referralCode: known.code,
    partnerId: known.partnerId,
    status: classifyClick({ isBot, isInternal, isInvalid, isRateLimited }),
  };
}

/** Records a click and answers its final status once it is committed. */
export async function recordClick(deps: RecordDeps, raw: RawClick): Promise<RecordClickOutcome> {
  const { programId, productId } = raw;
  const [known, product] = await Promise.all([
    deps.catalog.findCode(programId, raw.referralCode),
    productId === undefined ? undefined : deps.catalog.findProductById(programId, productId),
  ]);
  if (known === undefined) return { outcome: 'unknown_code' };
  if (productId !== undefined && product === undefined) return { outcome: 'unknown_product' };
  const click = assignClick(observeClick(deps, raw), known);
  return { outcome: 'recorded', clickId: click.id, status: await deps.clicks.store(click) };
}
