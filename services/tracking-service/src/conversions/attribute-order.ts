import { attributeClicks, attributeCode } from '@tributary/commissions';
import { validationError } from '@tributary/http-kit';
import type { Database } from '@tributary/schema';
import type { OrderAttribution } from '@tributary/schema/tables';
import type { Catalog, KnownCode } from '../catalog/catalog.ts';
import type { KeyedHashes } from '../privacy/keyed-hashes.ts';
import type { SettingsSource } from '../settings/active-settings.ts';
import { findNamedClick, findTouches } from './find-touches.ts';
import { CLOCK_SKEW_MS } from './posted-conversion.ts';

export interface AttributionDeps {
  readonly db: Pick<Database, 'query'>;
  readonly catalog: Pick<Catalog, 'findCode'>;
  readonly settings: SettingsSource;
  readonly hashes: KeyedHashes;
}

/** By what an order may be traced to those who are to be credited. */
export interface Traces {
  readonly programId: string;
  readonly clickId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly referralCode?: string | undefined;
  readonly customerRef?: string | undefined;
  readonly placedAt: Date;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * Decides who is credited for an order. A code without a click is a coupon and decides alone; otherwise the clicks do, and
 * a code named beside a click serves where no click is in the window. A code that is no longer in use is nobody's coupon.
 * @throws 400 for a click or code that does not exist, or that belong to different partners
 */
export async function attributeOrder(deps: AttributionDeps, traces: Traces): Promise<OrderAttribution> {
  const code = await checkTraces(deps, traces);
  const { programId, placedAt, clickId, sessionId, customerRef } = traces;
  const { attributionModel, attributionWindowDays } = await deps.settings.current(programId);
  const coupon =
    code?.status !== 'active' ? undefined : { partnerId: code.partnerId, referralCode: code.code };
  if (coupon !== undefined && clickId === undefined) return attributeCode(attributionModel, coupon);
  const touches = await findTouches(deps.db, {
    programId,
    clickId,
    sessionHash: sessionId === undefined ? undefined : deps.hashes.visitor(sessionId),
    customerRefHash: customerRef === undefined ? undefined : deps.hashes.customer(customerRef),
    from: new Date(placedAt.getTime() - attributionWindowDays * DAY_MS),
    // The shop's clock may be a little behind ours.
    to: new Date(placedAt.getTime() + CLOCK_SKEW_MS),
  });
  if (touches.length === 0 && coupon !== undefined) return attributeCode(attributionModel, coupon);
  return attributeClicks(attributionModel, touches);
}

async function checkTraces(deps: AttributionDeps, traces: Traces): Promise<KnownCode | undefined> {
  const { programId, clickId, referralCode } = traces;
  const [click, code] = await Promise.all([
    clickId === undefined ? undefined : findNamedClick(deps.db, programId, clickId),
    referralCode === undefined ? undefined : deps.catalog.findCode(programId, referralCode),
  ]);
  const faults = [
    ...(clickId !== undefined && click === undefined
      ? [{ path: 'clickId', message: 'is not a click of this programme' }]
      : []),
    ...(referralCode !== undefined && code === undefined
      ? [{ path: 'referralCode', message: 'is not a referral code of this programme' }]
      : []),
  ];
  if (faults.length > 0) throw validationError(faults);
  if (click !== undefined && code !== undefined && click.partnerId !== code.partnerId) {
    const message = 'belongs to another partner than the click';
    throw validationError([
      { path: 'referralCode', message },
      { path: 'clickId', message: 'belongs to another partner than the referral code' },
    ]);
  }
  return code;
}
