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

/** What becomes of a conversion later changes no figure: conversions count whatever became of them. */
export const CONVERSION_EVENTS = ['conversion.recorded'] as const;

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

interface Original {
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
    if (ids.length === 0) continue;
    for (const original of await db.query<Original>(ORIGINALS, [programId, ids])) {
      keys.add('partner_commissions', original.createdAt, original.partnerId);
      if (original.policyId !== null) keys.add('policies', original.createdAt, original.policyId);
    }
  }
}

export function keysOfConversions(events: readonly ConversionEvent[]): Map<string, KeySet> {
  const byProgram = new Map<string, KeySet>();
  for (const { programId, data } of events) {
    const keys = keysOf(byProgram, programId);
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
