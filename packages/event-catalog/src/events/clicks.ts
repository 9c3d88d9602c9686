import { z } from 'zod';

import { defineEvent } from '../definition.ts';
import { idSchema, instantSchema } from '../envelope.ts';
import { exampleIds } from './example-ids.ts';

const CLICK_EVENT_STATUSES = ['valid', 'duplicate', 'bot', 'internal', 'rate_limited', 'invalid'] as const;
const CLICK_EVENT_SOURCES = ['web', 'mobile', 'app', 'email', 'social', 'unknown'] as const;

const recordedClickSchema = z.object({
  clickId: idSchema,
  partnerId: idSchema.nullable(),
  productId: idSchema.nullable(),
  referralCode: z.string(),
  subId: z.string().nullable(),
  source: z.enum(CLICK_EVENT_SOURCES),
  status: z.enum(CLICK_EVENT_STATUSES),
  clickedAt: instantSchema,
});

/** A click as the redirect saw it, hashed and anonymised already, so that it can be stored without asking anything again. */
const spilledClickSchema = z.object({
  clickId: idSchema,
  referralCode: z.string(),
  partnerId: idSchema.nullable(),
  productId: idSchema.nullable(),
  subId: z.string().nullable(),
  landingUrl: z.string().nullable(),
  referrer: z.string().nullable(),
  utm: z.object({
    source: z.string().nullable(),
    medium: z.string().nullable(),
    campaign: z.string().nullable(),
  }),
  source: z.enum(CLICK_EVENT_SOURCES),
  visitorHash: z.string().nullable(),
  fingerprintHash: z.string().nullable(),
  ipAnonymized: z.string().nullable(),
  userAgent: z.string().nullable(),
  isBot: z.boolean(),
  isInternal: z.boolean(),
  isRateLimited: z.boolean(),
  clickedAt: instantSchema,
});

export const clickEvents = {
  'click.recorded': defineEvent({
    stream: 'CLICKS',
    version: 1,
    description: 'Clicks were stored; one event for all clicks of one statement.',
    partnerVisible: false,
    dataSchema: z.object({ clicks: z.array(recordedClickSchema).min(1) }),
    example: {
      subject: {},
      data: {
        clicks: [
          {
            clickId: exampleIds.click,
            partnerId: exampleIds.partner,
            productId: null,
            referralCode: 'SUMMER24',
            subId: 'newsletter-7',
            source: 'web',
            status: 'valid',
            clickedAt: '2026-03-02T09:15:00.000Z',
          },
        ],
      },
    },
  }),
  'click.spilled': defineEvent({
    stream: 'CLICKS',
    version: 1,
    description:
      'A redirect was served while Postgres was away; the click waits here until it can be stored.',
    partnerVisible: false,
    dataSchema: spilledClickSchema,
    example: {
      subject: { clickId: exampleIds.click },
      data: {
        clickId: exampleIds.click,
        referralCode: 'SUMMER24',
        partnerId: exampleIds.partner,
        productId: null,
        subId: null,
        landingUrl: 'https://shop.example/summer',
        referrer: 'https://blog.example/review',
        utm: { source: 'blog', medium: 'referral', campaign: null },
        source: 'web',
        visitorHash: 'c0ffee',
        fingerprintHash: null,
        ipAnonymized: '203.0.113.0',
        userAgent: 'Mozilla/5.0',
        isBot: false,
        isInternal: false,
        isRateLimited: false,
        clickedAt: '2026-03-02T09:15:00.000Z',
      },
    },
  }),
};
