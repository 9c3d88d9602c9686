import type { AttributionModel, Database } from '@tributary/schema';
import type { OrderAttribution } from '@tributary/schema/tables';

import { attributeClicks, attributeCode } from '../attribution/index.ts';
import type { KnownCode, OrderCatalogue } from './catalogue.ts';
import { findNamedClick, findTouches } from './find-touches.ts';
import { OrderFaultsError, type OrderFault, type PostedOrder } from './posted-order.ts';

/** The settings that decide who is credited. */
export interface AttributionSettings {
  readonly attributionModel: AttributionModel;
  readonly attributionWindowDays: number;
}

export interface AttributionDeps {
  readonly db: Pick<Database, 'query'>;
  readonly catalog: Pick<OrderCatalogue, 'findCode'>;
  readonly settings: { current(programId: string): Promise<AttributionSettings> };
}

/** By what an order may be traced to those who are to be credited. */
export type Traces = Pick<
  PostedOrder,
  'clickId' | 'sessionHash' | 'referralCode' | 'customerRefHash' | 'placedAt'
>;

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Shops' clocks and ours differ by a little: a click this much after its order still counts. */
export const CLOCK_SKEW_MS = 5 * 60_000;

/**
 * Decides who is credited for an order. A code without a click is a coupon and decides alone; otherwise the clicks do, and
 * a code named beside a click serves where no click is in the window. A code that is no longer in use is nobody's coupon.
 * @throws {OrderFaultsError} for a click or code that does not exist, or that belong to different partners
 */
export async function attributeOrder(
  deps: AttributionDeps,
  programId: string,
  traces: Traces,
): Promise<OrderAttribution> {
  const code = await checkTraces(deps, programId, traces);
  const { clickId, sessionHash, customerRefHash } = traces;
  const { attributionModel, attributionWindowDays } = await deps.settings.current(programId);
  const coupon =
    code?.status !== 'active' ? undefined : { partnerId: code.partnerId, referralCode: code.code };
  if (coupon !== undefined && clickId === undefined) return attributeCode(attributionModel, coupon);
  const placedMs = Date.parse(traces.placedAt);
  const touches = await findTouches(deps.db, {
    programId,
    clickId,
    sessionHash,
    customerRefHash,
    from: new Date(placedMs - attributionWindowDays * DAY_MS),
    to: new Date(placedMs + CLOCK_SKEW_MS),
  });
  if (touches.length === 0 && coupon !== undefined) return attributeCode(attributionModel, coupon);
  return attributeClicks(attributionModel, touches);
}

async function checkTraces(
  { db, catalog }: AttributionDeps,
  programId: string,
  { clickId, referralCode }: Traces,
): Promise<KnownCode | undefined> {
  const [click, code] = await Promise.all([
    clickId === undefined ? undefined : findNamedClick(db, programId, clickId),
    referralCode === undefined ? undefined : catalog.findCode(programId, referralCode),
  ]);
  const faults: OrderFault[] = [];
  if (clickId !== undefined && click === undefined)
    faults.push({ path: 'clickId', message: 'is not a click of this programme' });
  if (referralCode !== undefined && code === undefined)
    faults.push({ path: 'referralCode', message: 'is not a referral code of this programme' });
  if (click !== undefined && code !== undefined && click.partnerId !== code.partnerId) {
    faults.push(
      { path: 'referralCode', message: 'belongs to another partner than the click' },
      { path: 'clickId', message: 'belongs to another partner than the referral code' },
    );
  }
  if (faults.length > 0) throw new OrderFaultsError(faults);
  return code;
}
