import type { StoredEvent } from '@tributary/event-catalog';
import { newId } from '@tributary/runtime';
import type { Database } from '@tributary/schema';
import {
  insertCommission,
  insertConversion,
  insertPartner,
  insertPolicy,
  insertProduct,
} from '@tributary/testkit';
import { commissionEvent, conversionEvent, type CommissionRow, type ConversionRow } from './events.ts';

/** A month with its neighbours: over a month's end on both sides, and daylight saving in America and in Europe. */
export const MONTH = { from: new Date('2026-02-27T00:00:00Z'), to: new Date('2026-04-03T00:00:00Z') };

const ZONE_CHANGES = ['2026-03-08T07:00:00Z', '2026-03-29T01:00:00Z'].map((at) => Date.parse(at));
const DAY_MS = 86_400_000;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Sale {
  readonly commissionId: string;
  readonly conversionId: string;
}

/** What happens to a sale later, as the commands leave its row; each names the event that tells of it. */
const LATER = [
  {
    type: 'commission.confirmed',
    set: `status = 'confirmed', confirmed_at = $2`,
    where: `status = 'pending'`,
  },
  {
    type: 'commission.adjusted',
    set: 'commission_amount = round(commission_amount * 1.37, 2), basis_amount = round(commission_amount * 1.37, 2)',
    where: `status IN ('pending', 'confirmed')`,
  },
  {
    type: 'commission.refunded',
    set: 'commission_amount = round(commission_amount * 0.6, 2), refunded_at = $2',
    where: `status IN ('pending', 'confirmed')`,
  },
  {
    type: 'commission.refunded',
    set: `status = 'cancelled', cancelled_at = $2, refunded_at = $2`,
    where: `status IN ('pending', 'confirmed')`,
  },
  { type: 'commission.cancelled', set: `status = 'cancelled', cancelled_at = $2`, where: `status <> 'paid'` },
  {
    type: 'commission.paid',
    set: `status = 'paid', paid_at = $2, payment_method = 'bank', payment_reference = 'r'`,
    where: `status = 'confirmed'`,
  },
  {
    type: 'commission.paid',
    set: `status = 'paid', paid_at = $2, payment_method = 'bank', payment_reference = 'r'`,
    where: `status = 'confirmed'`,
  },
] as const;

/** Random traffic: what happens, when, and to whom hangs on the seed alone. Tells each event once its row is written. */
export async function liveThroughMonth(
  owner: Database,
  { seed, steps, tell }: { seed: number; steps: number; tell: (event: StoredEvent) => void },
): Promise<{ partners: string[] }> {
  const draw = random(seed);
  const below = (n: number): number => Math.floor(draw() * n);
  const oneOf = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;
  const many = async (count: number, insert: () => Promise<{ id: string }>): Promise<string[]> => {
    const ids: string[] = [];
    while (ids.length < count) ids.push((await insert()).id);
    return ids;
  };
  const partners = await many(5, () => insertPartner(owner));
  const products = await many(3, () => insertProduct(owner));
  const policies = await many(3, () => insertPolicy(owner));
  const sales: Sale[] = [];

  /** Anywhere in the month; every fifth within two hours of a midnight or of a change of clocks, to the millisecond. */
  const moment = (): Date => {
    const anywhere = MONTH.from.getTime() + below(MONTH.to.getTime() - MONTH.from.getTime());
    if (below(5) > 0) return new Date(anywhere);
    const corner = oneOf([...ZONE_CHANGES, Math.floor(anywhere / DAY_MS) * DAY_MS + DAY_MS]);
    return new Date(Math.max(MONTH.from.getTime(), corner + below(4 * 3_600_000) - 2 * 3_600_000));
  };

  async function sell(): Promise<void> {
    const at = moment();
    const currency = oneOf(['USD', 'USD', 'EUR']);
    const amount = (1_000 + below(90_000)) / 100;
    const shared = { productId: oneOf(products), currency, convertedAt: at };
    const conversion = await insertConversion(owner, {
      ...shared,
      partnerId: oneOf(partners),
      orderAmount: amount.toFixed(2),
      isPrimary: below(4) > 0,
    });
    tell(conversionEvent('conversion.recorded', conversion));
    if (below(6) === 0) return;
    const commission = await insertCommission(owner, {
      partnerId: conversion.partnerId,
      policyId: oneOf(policies),
      conversionId: conversion.id,
      currency,
      orderAmount: amount.toFixed(2),
      commissionAmount: (amount / 7).toFixed(2),
      createdAt: new Date(at.getTime() + below(DAY_MS)),
    });
    sales.push({ commissionId: commission.id, conversionId: conversion.id });
    tell(commissionEvent('commission.created', commission));
  }

  /** To the first of some sales that it may happen to. */
  async function change(): Promise<void> {
    const { type, set, where } = oneOf(LATER);
    const tried = Array.from({ length: Math.min(5, sales.length) }, () => oneOf(sales).commissionId);
    const [changed] = await owner.query<CommissionRow>(
      `UPDATE commissions SET updated_at = $2, ${set}
       WHERE id = (SELECT id FROM commissions WHERE id = ANY($1::uuid[]) AND ${where} ORDER BY id LIMIT 1) RETURNING *`,
      [tried, moment()],
    );
    if (changed !== undefined) tell(commissionEvent(type, changed));
  }

  async function refund(conversionId: string): Promise<void> {
    const [row] = await owner.query<ConversionRow>(
      'UPDATE conversion_events SET refunded_amount = 1 WHERE id = $1 RETURNING *',
      [conversionId],
    );
    if (row !== undefined) tell(conversionEvent('conversion.refunded', row));
  }

  /** The shop takes back what was clawed back by hand before: there is nothing left to claw back, so only the conversion tells. */
  async function refundLate(): Promise<void> {
    if (below(2) === 0) return;
    const [late] = await owner.query<{ conversionId: string }>(
      `SELECT c.conversion_id FROM commissions c JOIN conversion_events e ON e.id = c.conversion_id
       WHERE c.kind = 'earning' AND c.clawed_back_amount > 0 AND e.refunded_amount = 0 ORDER BY c.id LIMIT 1`,
    );
    if (late !== undefined) await refund(late.conversionId);
  }

  /** What was paid for already is taken back: by the shop, whose conversion tells of a refund, or by hand. */
  async function clawBack(): Promise<void> {
    const [paid] = await owner.query<CommissionRow & { conversionId: string }>(
      `UPDATE commissions SET clawed_back_amount = 1.25
       WHERE id = (SELECT id FROM commissions WHERE status = 'paid' AND kind = 'earning' AND clawed_back_amount = 0
         AND commission_amount > 2 ORDER BY id LIMIT 1) RETURNING *`,
    );
    if (paid === undefined) return;
    if (below(2) === 0) await refund(paid.conversionId);
    const row = await insertCommission(owner, {
      kind: 'clawback',
      partnerId: paid.partnerId,
      originalCommissionId: paid.id,
      currency: paid.currency,
      commissionAmount: '-1.25',
      orderAmount: '0',
      conversionId: null,
      policyId: null,
      status: 'confirmed',
      createdAt: moment(),
    });
    tell(commissionEvent('commission.clawed_back', row));
  }

  async function bonus(): Promise<void> {
    const row = await insertCommission(owner, {
      kind: 'bonus',
      partnerId: oneOf(partners),
      commissionAmount: '5.55',
      orderAmount: '0',
      conversionId: null,
      policyId: null,
      status: 'confirmed',
      createdAt: moment(),
    });
    tell(commissionEvent('commission.created', row));
  }

  const click = async (): Promise<void> => {
    const status = oneOf(['valid', 'valid', 'valid', 'bot', 'duplicate'] as const);
    await countClick(owner, { partnerId: oneOf(partners), status, clickedAt: moment() });
  };
  for (let step = 0; step < steps; step += 1)
    await oneOf([
      ...Array.from({ length: 3 }, () => [click, sell, change]).flat(),
      change,
      clawBack,
      refundLate,
      bonus,
    ])();
  return { partners };
}

/** Stored and counted as by the statement that takes clicks. */
async function countClick(
  owner: Database,
  click: { partnerId: string; status: 'valid' | 'bot' | 'duplicate'; clickedAt: Date },
): Promise<void> {
  const { partnerId, status, clickedAt } = click;
  await owner.query(
    `WITH stored AS (INSERT INTO referral_clicks (id, partner_id, referral_code, status, clicked_at)
       VALUES ($1, $2, 'x', $3, $4) RETURNING *)
     INSERT INTO rollup_click_hours AS r (hour, partner_id, valid_clicks)
     SELECT date_trunc('hour', clicked_at, 'UTC'), partner_id, 1 FROM stored WHERE status = 'valid'
     ON CONFLICT (program_id, hour, partner_id) DO UPDATE SET valid_clicks = r.valid_clicks + 1`,
    [newId(), partnerId, status, clickedAt],
  );
}
