import { createBonus } from '@tributary/commissions';
import {
  AppError,
  commissionSchema,
  currencyCode,
  idField,
  moneyFaults,
  positiveMoney,
  reasonFields,
  requestContext,
  sendJsonText,
  success,
  successText,
  versionEtag,
  type ServiceApp,
} from '@tributary/http-kit';
import { z } from 'zod';
import { namingRules } from '../changes/naming-rules.ts';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { invalidField } from './answer-outcome.ts';

const bonusBody = z.strictObject({
  partnerId: idField,
  amount: positiveMoney,
  currency: currencyCode,
  ...reasonFields,
});

export function registerBonus(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'POST',
    url: '/operations/commissions',
    schema: { body: bonusBody, response: { 201: success(commissionSchema) } },
    config: {
      operationId: 'createCommission',
      summary: 'Create a confirmed commission by hand, of kind bonus',
      scope: 'operations:write',
      errors: [errors.PARTNER_NOT_FOUND],
    },
    errorHandler: namingRules(bonusBody.partial(), async ({ currency, amount }) =>
      currency === undefined ? [] : moneyFaults(currency, { amount }),
    ),
    async handler(request, reply) {
      const outcome = await createBonus(deps, requestContext(request, deps.clock()), request.body);
      switch (outcome.outcome) {
        case 'done':
          deps.commissionMetrics.created.inc({ status: 'confirmed', policy_type: 'none' });
          deps.commissionMetrics.amount.observe({ policy_type: 'none' }, request.body.amount);
          reply.code(201).header('etag', versionEtag(1));
          return sendJsonText(reply, successText(outcome.commission));
        case 'partner_not_found':
          throw new AppError(errors.PARTNER_NOT_FOUND, `There is no partner ${request.body.partnerId}`);
        case 'invalid':
          throw invalidField(outcome);
      }
    },
  });
}
