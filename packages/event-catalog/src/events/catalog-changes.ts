import { z } from 'zod';

import { defineEvent } from '../definition.ts';
import { currencySchema, idSchema, moneySchema } from '../envelope.ts';
import { POLICY_EVENT_TYPES } from './commissions.ts';
import { exampleIds } from './example-ids.ts';

const PARTNER_EVENT_TIERS = ['bronze', 'silver', 'gold', 'platinum'] as const;

/** Names of the wire's fields that an update changed; absent on creation. */
const changedSchema = z.array(z.string()).nullish();

const policyDataSchema = z.object({
  policyId: idSchema,
  code: z.string(),
  name: z.string(),
  status: z.string(),
  version: z.int().min(1),
  type: z.enum(POLICY_EVENT_TYPES),
  changed: changedSchema,
});

const partnerDataSchema = z.object({
  partnerId: idSchema,
  name: z.string(),
  tier: z.enum(PARTNER_EVENT_TIERS),
  status: z.string(),
  paymentHold: z.boolean(),
  referralCode: z.string().nullish(),
  changed: changedSchema,
});

const productDataSchema = z.object({
  productId: idSchema,
  sku: z.string(),
  name: z.string(),
  category: z.string().nullable(),
  price: moneySchema,
  currency: currencySchema,
  status: z.string(),
  changed: changedSchema,
});

type PolicyData = z.output<typeof policyDataSchema>;
type PartnerData = z.output<typeof partnerDataSchema>;
type ProductData = z.output<typeof productDataSchema>;

function policyEvent(description: string, change: Partial<PolicyData> = {}) {
  return defineEvent({
    stream: 'CATALOG',
    version: 1,
    description,
    partnerVisible: false,
    dataSchema: policyDataSchema,
    example: {
      subject: { policyId: exampleIds.policy },
      data: {
        policyId: exampleIds.policy,
        code: 'STANDARD-10',
        name: 'Ten percent of everything',
        status: 'active',
        version: 1,
        type: 'percentage',
        ...change,
      },
    },
  });
}

function partnerEvent(description: string, change: Partial<PartnerData> = {}) {
  return defineEvent({
    stream: 'CATALOG',
    version: 1,
    description,
    partnerVisible: false,
    dataSchema: partnerDataSchema,
    example: {
      subject: { partnerId: exampleIds.partner },
      data: {
        partnerId: exampleIds.partner,
        name: 'Northwind Reviews',
        tier: 'silver',
        status: 'active',
        paymentHold: false,
        referralCode: 'SUMMER24',
        ...change,
      },
    },
  });
}

function productEvent(description: string, change: Partial<ProductData> = {}) {
  return defineEvent({
    stream: 'CATALOG',
    version: 1,
    description,
    partnerVisible: false,
    dataSchema: productDataSchema,
    example: {
      subject: { productId: exampleIds.product },
      data: {
        productId: exampleIds.product,
        sku: 'TENT-2P',
        name: 'Two-person tent',
        category: 'outdoor',
        price: 129.9,
        currency: 'USD',
        status: 'active',
        ...change,
      },
    },
  });
}

export const catalogChangeEvents = {
  'policy.created': policyEvent('A policy was created.'),
  'policy.updated': policyEvent('A policy changed; a change of terms is a new version.', {
    version: 2,
    changed: ['rate'],
  }),
  'partner.created': partnerEvent('A partner joined.'),
  'partner.updated': partnerEvent('A partner, or one of its referral codes, changed.', {
    changed: ['paymentHold'],
  }),
  'partner.tier_changed': defineEvent({
    stream: 'CATALOG',
    version: 1,
    description: "A partner's tier changed.",
    partnerVisible: true,
    dataSchema: z.object({
      partnerId: idSchema,
      previousTier: z.enum(PARTNER_EVENT_TIERS),
      tier: z.enum(PARTNER_EVENT_TIERS),
      reason: z.string().nullish(),
    }),
    example: {
      subject: { partnerId: exampleIds.partner },
      data: {
        partnerId: exampleIds.partner,
        previousTier: 'silver',
        tier: 'gold',
        reason: 'Strong earnings and conversion rate',
      },
    },
  }),
  'product.created': productEvent('A product was added.'),
  'product.updated': productEvent('A product changed.', { price: 119.9, changed: ['price'] }),
  'setting.changed': defineEvent({
    stream: 'CATALOG',
    version: 1,
    description: 'A setting that changes results got another value; readers fetch it again.',
    partnerVisible: false,
    dataSchema: z.object({ key: z.string(), version: z.int().min(1) }),
    example: { subject: { key: 'reporting_tz' }, data: { key: 'reporting_tz', version: 2 } },
  }),
};
