import { AppError, idField, ok, success, validationError, type ServiceApp } from '@tributary/http-kit';
import { CLICK_SOURCES, CLICK_STATUSES } from '@tributary/schema';
import { z } from 'zod';
import type { TrackingDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { visitorOf } from '../redirects/visitor-cookie.ts';
import { recordClick } from './record-click.ts';

const short = z.string().trim().min(1).max(200);
const address = z.url({ protocol: /^https?$/ }).max(2_048);

const body = z.strictObject({
  referralCode: z.string().trim().min(1).max(50),
  productId: idField.optional(),
  subId: short.optional(),
  landingUrl: address.optional(),
  referrer: z.string().max(2_048).optional(),
  source: z.enum(CLICK_SOURCES).optional(),
  utm: z
    .strictObject({ source: short.optional(), medium: short.optional(), campaign: short.optional() })
    .optional(),
  /** The visitor, for who comes without our cookie. */
  sessionId: short.optional(),
  fingerprint: z.string().min(1).max(500).optional(),
});

const recorded = z.object({ clickId: z.uuid(), status: z.enum(CLICK_STATUSES) });

/** POST /tracking/click: answered with its final status once it is committed. */
export function recordClickRoute(app: ServiceApp, deps: TrackingDeps): void {
  app.route({
    method: 'POST',
    url: '/tracking/click',
    schema: { body, response: { 201: success(recorded) } },
    config: {
      operationId: 'recordClick',
      summary: "Record a click on a partner's link",
      scope: 'public',
      rateClass: 'public',
      idempotency: false,
      errors: [errors.REFERRAL_CODE_NOT_FOUND],
    },
    handler: async ({ body: { sessionId, ...click }, identity, cookies }, reply) => {
      const outcome = await recordClick(deps, {
        ...click,
        programId: identity.programId,
        visitor: visitorOf(cookies) ?? sessionId,
        ipAddress: identity.ip,
        userAgent: identity.userAgent,
        isRateLimited: false,
      });
      switch (outcome.outcome) {
        case 'recorded':
          return reply.code(201).send(ok({ clickId: outcome.clickId, status: outcome.status }));
        case 'unknown_code':
          throw new AppError(
            errors.REFERRAL_CODE_NOT_FOUND,
            `There is no referral code ${click.referralCode}`,
          );
        case 'unknown_product':
          throw validationError([{ path: 'productId', message: 'is not a product of this programme' }]);
      }
    },
  });
}
