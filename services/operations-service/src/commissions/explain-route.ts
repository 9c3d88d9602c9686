import { idParams, moneyAnswer, ok, success, timestamp, type ServiceApp } from '@tributary/http-kit';
import { z } from 'zod';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { commissionNotFound } from './answer-outcome.ts';
import { explainCommission } from './explain.ts';

const anything = z.record(z.string(), z.unknown());

const explanationSchema = z.object({
  commission: anything,
  decision: anything.nullable(),
  attribution: anything.nullable(),
  changes: z.array(
    z.object({
      /** Another one than the explained for its claw-backs: each made a commission of its own. */
      commissionId: z.uuid(),
      clawedBack: moneyAnswer.nullable(),
      entityType: z.string(),
      action: z.string(),
      actor: z.string(),
      changes: z.array(z.object({ field: z.string(), oldValue: z.unknown(), newValue: z.unknown() })),
      reason: z.string().nullable(),
      at: timestamp,
    }),
  ),
  sentences: z.object({
    partner: z.string(),
    policy: z.array(z.string()),
    amount: z.array(z.string()),
    changes: z.array(z.string()),
  }),
});

export function registerExplain(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'GET',
    url: '/operations/commissions/:id/explain',
    schema: { params: idParams, response: { 200: success(explanationSchema) } },
    config: {
      operationId: 'explainCommission',
      summary: 'Why this partner, this policy version and this amount, and every change since',
      description:
        'Claw-backs of the commission stand among its changes, with the amount that each took (clawedBack, null for other ' +
        'changes) and the commission that it made (commissionId).',
      scope: 'operations:read',
      errors: [errors.COMMISSION_NOT_FOUND],
    },
    async handler(request) {
      const explanation = await explainCommission(deps.db, request.identity.programId, request.params.id);
      if (explanation === undefined) throw commissionNotFound(request.params.id);
      const { commission, decision, attribution, changes, sentences } = explanation;
      return ok({
        commission,
        sentences,
        changes: [...changes].map((change) => ({ ...change, changes: [...change.changes] })),
        decision: decision === null ? null : { ...decision },
        attribution: attribution === null ? null : { ...attribution },
      });
    },
  });
}
