import type { CommissionCommand, CommissionFilter } from '@tributary/commissions';
import { COMMISSION_KINDS, COMMISSION_STATUSES, REASON_CODES } from '@tributary/schema';
import { z } from 'zod';

const instant = z.iso.datetime({ offset: true });

/**
 * Which commissions, with instants instead of dates. Strict: a condition that this release does not know must stop the job and
 * not widen it.
 */
const commissionFilter = z.strictObject({
  partnerId: z.uuid().optional(),
  policyId: z.uuid().optional(),
  status: z.enum(COMMISSION_STATUSES).optional(),
  kind: z.enum(COMMISSION_KINDS).optional(),
  currency: z.string().optional(),
  refunded: z.boolean().optional(),
  dateField: z.enum(['created', 'confirmed', 'paid']),
  from: instant,
  to: instant.optional(),
  minAmount: z.number().optional(),
  maxAmount: z.number().optional(),
  search: z.string().min(1).optional(),
}) satisfies z.ZodType<CommissionFilter>;

const reasoned = { reason: z.string().min(1), reasonCode: z.enum(REASON_CODES).optional() };

const command = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('confirm'), ...reasoned }),
  z.strictObject({ action: z.literal('cancel'), ...reasoned }),
  z.strictObject({ action: z.literal('adjust'), newAmount: z.number(), ...reasoned }),
  z.strictObject({
    action: z.literal('pay'),
    paymentMethod: z.string().min(1),
    paymentReference: z.string().min(1),
  }),
]) satisfies z.ZodType<CommissionCommand>;

/** What operations-service writes for `POST /operations/commissions/bulk`. */
export const bulkParameters = z
  .strictObject({
    action: z.enum(['confirm', 'cancel', 'adjust', 'pay']),
    params: z.record(z.string(), z.unknown()),
    dryRun: z.boolean().default(false),
    ids: z.array(z.uuid()).min(1).optional(),
    filter: commissionFilter.optional(),
  })
  .transform(({ action, params, dryRun, ids, filter }, context) => {
    const parsed = command.safeParse({ action, ...params });
    if (!parsed.success) {
      context.addIssue({ code: 'custom', path: ['params'], message: parsed.error.message });
      return z.NEVER;
    }
    if (ids !== undefined && filter === undefined) return { command: parsed.data, dryRun, target: { ids } };
    if (filter !== undefined && ids === undefined)
      return { command: parsed.data, dryRun, target: { filter } };
    context.addIssue({ code: 'custom', path: ['ids'], message: 'either ids or a filter' });
    return z.NEVER;
  });

export type BulkParameters = z.output<typeof bulkParameters>;
