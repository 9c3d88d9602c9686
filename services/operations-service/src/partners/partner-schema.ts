import { instant } from '@tributary/commissions';
import { timestamp } from '@tributary/http-kit';
import { PARTNER_STATUSES, PARTNER_TIERS } from '@tributary/schema';
import { z } from 'zod';

export const referralCode = z
  .string()
  .regex(/^[A-Za-z0-9_-]{4,20}$/, 'must be 4 to 20 letters, digits, _ or -');

const fields = {
  name: z.string().trim().min(1).max(200),
  email: z.string().trim().max(254).pipe(z.email()),
  externalId: z.string().trim().min(1).max(200).nullable(),
  tier: z.enum(PARTNER_TIERS),
  status: z.enum(PARTNER_STATUSES),
  paymentHold: z.boolean(),
  referralCode,
};

export const newPartnerBody = z.strictObject({
  name: fields.name,
  email: fields.email,
  externalId: fields.externalId.default(null),
  tier: fields.tier.default('bronze'),
  status: fields.status.default('active'),
  paymentHold: fields.paymentHold.default(false),
  referralCode: referralCode.optional(),
});

export const partnerPatch = z
  .strictObject(fields)
  .partial()
  .refine((given) => Object.keys(given).length > 0, 'name at least one field to change');

/** A partner on the wire; `referralCode` is its default code. */
export const partnerSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  email: z.string(),
  externalId: z.string().nullable(),
  tier: z.enum(PARTNER_TIERS),
  status: z.enum(PARTNER_STATUSES),
  paymentHold: z.boolean(),
  referralCode: z.string().nullable(),
  version: z.int(),
  createdAt: timestamp,
  updatedAt: timestamp,
});

export interface Partner extends Omit<z.output<typeof partnerSchema>, 'createdAt' | 'updatedAt'> {
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** A partner on the wire, from the row `p`; `code` is SQL for its default referral code. */
export const partnerWire = (
  p: string,
  code: string,
): string => `json_build_object('id', ${p}.id, 'name', ${p}.name,
    'email', ${p}.email, 'externalId', ${p}.external_id, 'tier', ${p}.tier, 'status', ${p}.status,
    'paymentHold', ${p}.payment_hold, 'referralCode', ${code}, 'version', ${p}.version,
    'createdAt', ${instant(`${p}.created_at`)}, 'updatedAt', ${instant(`${p}.updated_at`)})`;

/** The default code of the partner `p` as the table has it. */
export const storedCode = (p: string): string => `(SELECT rc.code FROM referral_codes rc
    WHERE rc.program_id = ${p}.program_id AND rc.partner_id = ${p}.id AND rc.is_default)`;
