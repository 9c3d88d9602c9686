import {
  postOrder,
  type CommandContext,
  type PostedOrder,
  type PostOrderDeps,
  type RecordConversionOutcome,
} from '@tributary/commissions';
import { validationError } from '@tributary/http-kit';
import type { KeyedHashes } from '../privacy/keyed-hashes.ts';
import { linesOf, type PostedConversion } from './posted-conversion.ts';

export type PostConversionDeps = PostOrderDeps & { readonly hashes: KeyedHashes };

/**
 * Records a conversion that a shop posted.
 * @throws 400 that names every field at fault
 */
export async function postConversion(
  deps: PostConversionDeps,
  context: CommandContext,
  posted: PostedConversion,
): Promise<RecordConversionOutcome> {
  const outcome = await postOrder(deps, context, orderOf(deps.hashes, posted, context.now));
  if (outcome.outcome === 'invalid') throw validationError([...outcome.faults]);
  return outcome;
}

/** The order of a posted conversion, in which hashes stand for session and customer. */
export function orderOf(hashes: KeyedHashes, posted: PostedConversion, now: Date): PostedOrder {
  const { orderId, currency, clickId, sessionId, referralCode, customerRef, isNewCustomer } = posted;
  return {
    orderId,
    currency,
    placedAt: posted.convertedAt ?? now.toISOString(),
    clickId,
    sessionHash: sessionId === undefined ? undefined : hashes.visitor(sessionId),
    referralCode,
    customerRefHash: customerRef === undefined ? undefined : hashes.customer(customerRef),
    isNewCustomer,
    confirmed: posted.confirmed ?? false,
    metadata: posted.metadata ?? {},
    lines: linesOf(posted),
  };
}
