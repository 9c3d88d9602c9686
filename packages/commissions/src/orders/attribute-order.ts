import type { AttributionModel, Database } from '@tributary/schema';
import type { OrderAttribution } from '@tributary/schema/tables';

import { attributeClicks, attributeCode } from '../attribution/index.ts';
import type { Attributed } from '../conversions/record-orders.ts';
import type { KnownCode, OrderCatalogue } from './catalogue.ts';
import { findNamedClicks, findTouches, type NamedClick, type TouchQuery } from './find-touches.ts';
import { OrderFaultsError, type OrderFault, type PostedOrder } from './posted-order.ts';

/** The settings that decide who is credited. */
export interface AttributionSettings {
  readonly attributionModel: AttributionModel;
  readonly attributionWindowDays: number;
}

export interface AttributionDeps {
  readonly db: Pick<Database, 'query'>;
  readonly catalog: Pick<OrderCatalogue, 'findCode'>;
  /** Settings that are remembered of another revision than the one just `seen` are read anew. */
  readonly settings: { current(programId: string, seen?: string): Promise<AttributionSettings> };
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
  settingsRevision: string,
): Promise<OrderAttribution> {
  const [attributed] = await attributeOrders(deps, programId, [traces], settingsRevision);
  if (attributed === undefined) throw new Error('an order was not attributed');
  if ('fault' in attributed) throw new OrderFaultsError(attributed.fault);
  return attributed.attribution;
}

/** As `attributeOrder`, of many orders by as many statements as of one. */
export async function attributeOrders(
  deps: AttributionDeps,
  programId: string,
  orders: readonly Traces[],
  settingsRevision: string,
): Promise<Attributed<readonly OrderFault[]>[]> {
  const { attributionModel, attributionWindowDays } = await deps.settings.current(
    programId,
    settingsRevision,
  );
  const checked = await checkTraces(deps, programId, orders);
  const led = orders.flatMap((traces, index) =>
    checked[index]?.decidesAlone === false && hasTraces(traces) ? [{ traces, index }] : [],
  );
  const touches = await findTouches(
    deps.db,
    programId,
    led.map(({ traces }) => touchQuery(traces, attributionWindowDays)),
  );
  const touchesOf = new Map(led.map(({ index }, place) => [index, touches[place] ?? []]));
  return checked.map(({ faults, coupon, decidesAlone }, index): Attributed<readonly OrderFault[]> => {
    if (faults.length > 0) return { fault: faults };
    const found = touchesOf.get(index) ?? [];
    const byCustomer = !decidesAlone && orders[index]?.customerRefHash !== undefined;
    if (found.length === 0 && coupon !== undefined)
      return { attribution: attributeCode(attributionModel, coupon), byCustomer };
    return { attribution: attributeClicks(attributionModel, found), byCustomer };
  });
}

const hasTraces = ({ clickId, sessionHash, customerRefHash }: Traces): boolean =>
  clickId !== undefined || sessionHash !== undefined || customerRefHash !== undefined;

function touchQuery(traces: Traces, windowDays: number): TouchQuery {
  const { clickId, sessionHash, customerRefHash, placedAt } = traces;
  const placedMs = Date.parse(placedAt);
  const from = new Date(placedMs - windowDays * DAY_MS);
  return { clickId, sessionHash, customerRefHash, from, to: new Date(placedMs + CLOCK_SKEW_MS) };
}

interface CheckedTraces {
  readonly faults: readonly OrderFault[];
  /** Whom the order's code credits, if it is in use. */
  readonly coupon: { readonly partnerId: string; readonly referralCode: string } | undefined;
  /** Clicks are not looked for. */
  readonly decidesAlone: boolean;
}

async function checkTraces(
  { db, catalog }: AttributionDeps,
  programId: string,
  orders: readonly Traces[],
): Promise<CheckedTraces[]> {
  const [clicks, codes] = await Promise.all([
    findNamedClicks(
      db,
      programId,
      orders.flatMap(({ clickId }) => clickId ?? []),
    ),
    Promise.all(
      orders.map(async ({ referralCode }) =>
        referralCode === undefined ? undefined : catalog.findCode(programId, referralCode),
      ),
    ),
  ]);
  return orders.map((traces, index) => {
    const { clickId } = traces;
    const code = codes[index];
    // Postgres writes ids in small letters, whatever a shop does.
    const faults = faultsOf(
      traces,
      code,
      clickId === undefined ? undefined : clicks.get(clickId.toLowerCase()),
    );
    const coupon =
      code?.status === 'active' ? { partnerId: code.partnerId, referralCode: code.code } : undefined;
    return {
      faults,
      coupon,
      decidesAlone: faults.length > 0 || (coupon !== undefined && clickId === undefined),
    };
  });
}

function faultsOf(
  { clickId, referralCode }: Traces,
  code: KnownCode | undefined,
  click: NamedClick | undefined,
): OrderFault[] {
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
  return faults;
}
