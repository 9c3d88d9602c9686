import { refundConversion } from '@tributary/commissions';
import {
  AppError,
  commissionSchema,
  commonErrors,
  expectedVersion,
  idField,
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
import { contended, invalidField, refused, stale } from '../commissions/answer-outcome.ts';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';

const refundBody = z.strictObject({ conversionId: idField, refundAmount: positiveMoney, ...reasonFields });

const refundSchema = z.object({
  conversion: z.record(z.string(), z.unknown()),
  /** The conversion's earning as the refund left it; null where it has none yet. */
  commission: commissionSchema.nullable(),
  clawbacks: z.array(commissionSchema),
});

/** An operator's refund; a shop reports its own on the conversion's route. */
export function registerRefunds(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'POST',
    url: '/operations/refunds',
    schema: { body: refundBody, response: { 200: success(refundSchema) } },
    config: {
      operationId: 'refundConversion',
      summary: "Refund part or all of a conversion's line; its unpaid commissions shrink by the same share",
      description: 'ETag and If-Match are the version of the conversion.',
      scope: 'operations:write',
      errors: [
        errors.CONVERSION_NOT_FOUND,
        errors.CONVERSION_ENDED,
        errors.COMMISSION_ALREADY_PAID,
        errors.REFUND_EXCEEDS_REMAINING,
        commonErrors.VERSION_MISMATCH,
      ],
    },
    async handler(request, reply) {
      const { conversionId, refundAmount, ...why } = request.body;
      const version = expectedVersion(request);
      const input = { conversionId, amount: refundAmount, ...why, expectedVersion: version };
      const outcome = await refundConversion(deps, requestContext(request, deps.clock()), input);
      deps.commissionMetrics.transitions.inc({ action: 'refund', outcome: outcome.outcome });
      switch (outcome.outcome) {
        case 'done':
        case 'repeated':
          reply.header('etag', versionEtag(outcome.version));
          return sendJsonText(reply, successText(outcome.result));
        case 'stale':
          throw stale(outcome);
        case 'not_found':
          throw new AppError(errors.CONVERSION_NOT_FOUND, `There is no conversion ${conversionId}`);
        case 'refused':
          throw refused(outcome);
        case 'invalid':
          throw invalidField(outcome);
        case 'refund_id_reused':
        case 'contended':
          throw contended();
      }
    },
  });
}
