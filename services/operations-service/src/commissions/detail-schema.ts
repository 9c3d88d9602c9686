import { commissionSchema, moneyAnswer, timestamp } from '@tributary/http-kit';
import { COMMISSION_ACTIONS, COMMISSION_STATUSES } from '@tributary/schema';
import { z } from 'zod';

/** One change of a commission, from `commission_entries`. */
const entrySchema = z.object({
  version: z.int(),
  action: z.enum(COMMISSION_ACTIONS),
  amountDelta: moneyAnswer,
  amountAfter: moneyAnswer,
  statusBefore: z.enum(COMMISSION_STATUSES).nullable(),
  statusAfter: z.enum(COMMISSION_STATUSES),
  reason: z.string().nullable(),
  reasonCode: z.string().nullable(),
  jobId: z.uuid().nullable(),
  actor: z.string(),
  at: timestamp,
});

/** What was taken back of the commission, which itself stays as it was paid: hence no part of its history. */
const clawbackSchema = z.object({
  id: z.uuid(),
  commissionAmount: moneyAnswer,
  status: z.enum(COMMISSION_STATUSES),
  reason: z.string().nullable(),
  reasonCode: z.string().nullable(),
  actor: z.string(),
  at: timestamp,
});

/** A commission with the names behind its ids, the decision that priced it and every change since. */
export const commissionDetailSchema = commissionSchema.extend({
  partner: z.object({
    id: z.uuid(),
    name: z.string(),
    email: z.string(),
    tier: z.string(),
    status: z.string(),
  }),
  product: z.object({ id: z.uuid(), sku: z.string(), name: z.string() }).nullable(),
  policy: z.object({ id: z.uuid(), code: z.string(), name: z.string() }).nullable(),
  decision: z.record(z.string(), z.unknown()).nullable(),
  history: z.array(entrySchema),
  clawbacks: z.array(clawbackSchema),
});
