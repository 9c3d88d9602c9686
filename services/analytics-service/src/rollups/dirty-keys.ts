import type { EventEnvelope } from '@tributary/event-catalog';
import { createKeySet } from '@tributary/rollups';
import type { Database } from '@tributary/schema';
import type { KeySet } from '@tributary/rollups';

export const COMMISSION_EVENTS = [
  'commission.created',
  'commission.confirmed',
  'commission.adjusted',
  'commission.refunded',
  'commission.cancelled',
  'commission.paid',
  'commission.clawed_back',
] as const;

/** Conversions count whatever becomes of them; a refund changes what is said of a commission that was clawed back. */
export const CONVERSION_EVENTS = ['conversion.recorded', 'conversion.refunded'] as const;

type CommissionEvent = EventEnvelope<(typeof COMMISSION_EVENTS)[number]>;
type ConversionEvent = EventEnvelope<(typeof CONVERSION_EVENTS)[number]>;

/**
 * Which keys these events made dirty, by programme. A commission counts in the hour it was created in, whatever is done to
 * it later; what was paid counts in the hour of the payment as well.
 */
export function keysOfCommissions(events: readonly CommissionEvent[]): Map<string, KeySet> {
  const byProgram = new Map<string, KeySet>();
  for (const { programId, data } of events) {
    const keys = keysOf(byProgram, programId);
    keys.add('partner_commissions', data.createdAt, data.partnerId);
    if (data.paidAt !== null) keys.add('partner_commissions', data.paidAt, data.partnerId);
    if (data.policyId !== null) keys.add('policies', data.createdAt, data.policyId);
  }
  return byProgram;
}

/** What was clawed back counts as refunded where the shop refunded it: in the hour of the original, which its event does not tell. */
const ORIGINALS = `
  SELECT created_at, partner_id, policy_id FROM commissions WHERE program_id = $1 AND id = ANY($2::uuid[])`;

/**
 * The shop may refund what was clawed back by hand before: nothing is due then, so that no event of the commission comes. Of what
 * is not clawed back, the commission's own event tells.
 */
const CLAWED_BACK = `
  SELECT created_at, partner_id, policy_id FROM commissions
  WHERE program_id = $1 AND conversion_id = ANY($2::uuid[]) AND kind = 'earning' AND clawed_back_amount > 0`;

interface Commission {
  readonly createdAt: Date;
  readonly partnerId: string;
  readonly policyId: string | null;
}

/** Adds the keys of the commissions that these events clawed back. */
export async function addOriginals(
  db: Pick<Database, 'query'>,
  events: readonly CommissionEvent[],
  byProgram: Map<string, KeySet>,
): Promise<void> {
  const clawedBack = events.filter(({ type }) => type === 'commission.clawed_back');
  for (const [programId, keys] of byProgram) {
    const ids = clawedBack
      .filter((event) => event.programId === programId)
      .flatMap(({ data }) => data.originalCommissionId ?? []);
    if (ids.length > 0) addCommissions(keys, await db.query<Commission>(ORIGINALS, [programId, ids]));
  }
}

/** Adds the keys of the commissions that count as refunded since these events refunded their conversions. */
export async function addRefunded(
  db: Pick<Database, 'query'>,
  events: readonly ConversionEvent[],
  byProgram: Map<string, KeySet>,
): Promise<void> {
  const refunded = events.filter(({ type }) => type === 'conversion.refunded');
  for (const [programId, keys] of byProgram) {
    const ids = refunded
      .filter((event) => event.programId === programId)
      .map(({ data }) => data.conversionId);
    if (ids.length > 0) addCommissions(keys, await db.query<Commission>(CLAWED_BACK, [programId, ids]));
  }
}

function addCommissions(keys: KeySet, commissions: readonly Commission[]): void {
  for (const { createdAt, partnerId, policyId } of commissions) {
    keys.add('partner_commissions', createdAt, partnerId);
    if (policyId !== null) keys.add('policies', createdAt, policyId);
  }
}

export function keysOfConversions(events: readonly ConversionEvent[]): Map<string, KeySet> {
  const byProgram = new Map<string, KeySet>();
  for (const { type, programId, data } of events) {
    const keys = keysOf(byProgram, programId);
    if (type !== 'conversion.recorded') continue;
    keys.add('partner_conversions', data.convertedAt, data.partnerId);
    keys.add('products', data.convertedAt, data.productId);
  }
  return byProgram;
}

function keysOf(byProgram: Map<string, KeySet>, programId: string): KeySet {
  let keys = byProgram.get(programId);
  if (keys === undefined) {
    keys = createKeySet();
    byProgram.set(programId, keys);
  }
  return keys;
}
