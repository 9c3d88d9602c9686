import { changeCommission, type CommandContext, type CommissionCommand } from '@tributary/commissions';
import {
  AppError,
  commissionSchema,
  commonErrors,
  expectedVersion,
  idParams,
  positiveMoney,
  money,
  reasonFields,
  requestContext,
  success,
  versionEtag,
  sendJsonText,
  successText,
  type ServiceApp,
} from '@tributary/http-kit';
import { z } from 'zod';
import type { OperationsDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { commissionNotFound, contended, invalidField, REFUSALS, refused, stale } from './answer-outcome.ts';
import { clawBack } from './claw-back.ts';

const reasonBody = z.strictObject(reasonFields);
const adjustBody = z.strictObject({ newAmount: money, ...reasonFields });

/** A method of payment and its reference, as the finance system names them. */
export const paymentFields = {
  paymentMethod: z.string().trim().min(1).max(100),
  paymentReference: z.string().trim().min(1).max(200),
};

const payBody = z.strictObject(paymentFields);
const clawBackBody = z.strictObject({ amount: positiveMoney.optional(), ...reasonFields });

/** The actions on one commission: each one statement with entry, audit row and event. */
export function registerCommissionActions(app: ServiceApp, deps: OperationsDeps): void {
  registerAdjust(app, deps);
  for (const action of ['confirm', 'cancel', 'hold', 'release'] as const) registerReasoned(app, deps, action);
  registerPay(app, deps);
  registerClawBack(app, deps);
}

function registerAdjust(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'POST',
    url: '/operations/commissions/:id/adjust',
    schema: { params: idParams, body: adjustBody, response: { 200: success(commissionSchema) } },
    config: {
      operationId: 'adjustCommission',
      summary: 'Give an unpaid commission another amount',
      scope: 'operations:write',
      errors: [errors.COMMISSION_NOT_FOUND, commonErrors.VERSION_MISMATCH, ...REFUSALS.adjust],
    },
    async handler(request, reply) {
      const done = await act(deps, {
        context: requestContext(request, deps.clock()),
        commissionId: request.params.id,
        command: { action: 'adjust', ...request.body },
        expectedVersion: expectedVersion(request),
      });
      reply.header('etag', versionEtag(done.version));
      return sendJsonText(reply, successText(done.commission));
    },
  });
}

const SUMMARIES = {
  confirm: 'Confirm a pending commission before its hold has passed',
  cancel: 'Cancel an unpaid commission, for fraud or a violation of policy',
  hold: 'Put a pending commission under review: batch confirmation passes it by',
  release: 'End the review of a commission',
} as const;

function registerReasoned(app: ServiceApp, deps: OperationsDeps, action: keyof typeof SUMMARIES): void {
  app.route({
    method: 'POST',
    url: `/operations/commissions/:id/${action}`,
    schema: { params: idParams, body: reasonBody, response: { 200: success(commissionSchema) } },
    config: {
      operationId: `${action}Commission`,
      summary: SUMMARIES[action],
      scope: 'operations:write',
      errors: [errors.COMMISSION_NOT_FOUND, commonErrors.VERSION_MISMATCH, ...REFUSALS[action]],
    },
    async handler(request, reply) {
      const done = await act(deps, {
        context: requestContext(request, deps.clock()),
        commissionId: request.params.id,
        command: { action, ...request.body },
        expectedVersion: expectedVersion(request),
      });
      reply.header('etag', versionEtag(done.version));
      return sendJsonText(reply, successText(done.commission));
    },
  });
}

function registerPay(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'POST',
    url: '/operations/commissions/:id/pay',
    schema: { params: idParams, body: payBody, response: { 200: success(commissionSchema) } },
    config: {
      operationId: 'payCommission',
      summary: 'Record that a confirmed commission was paid; it never changes again',
      scope: 'payments:write',
      errors: [errors.COMMISSION_NOT_FOUND, commonErrors.VERSION_MISMATCH, ...REFUSALS.pay],
    },
    async handler(request, reply) {
      const context = requestContext(request, deps.clock());
      const { pausePayments } = await deps.settings.current(context.programId);
      if (pausePayments) throw new AppError(errors.PAYMENTS_PAUSED, 'The setting pausePayments is on');
      const done = await act(deps, {
        context,
        commissionId: request.params.id,
        command: { action: 'pay', ...request.body },
        expectedVersion: expectedVersion(request),
      });
      reply.header('etag', versionEtag(done.version));
      return sendJsonText(reply, successText(done.commission));
    },
  });
}

function registerClawBack(app: ServiceApp, deps: OperationsDeps): void {
  app.route({
    method: 'POST',
    url: '/operations/commissions/:id/clawback',
    schema: { params: idParams, body: clawBackBody, response: { 201: success(commissionSchema) } },
    config: {
      operationId: 'clawBackCommission',
      summary: 'Take back part or all of a paid commission by a new one of negative amount',
      scope: 'payments:write',
      errors: [errors.COMMISSION_NOT_FOUND, commonErrors.VERSION_MISMATCH, ...REFUSALS.clawback],
    },
    async handler(request, reply) {
      const text = await clawBack(deps, requestContext(request, deps.clock()), {
        commissionId: request.params.id,
        ...request.body,
        expectedVersion: expectedVersion(request),
      });
      reply.code(201).header('etag', versionEtag(1));
      return sendJsonText(reply, successText(text));
    },
  });
}

interface Action {
  readonly context: CommandContext;
  readonly commissionId: string;
  readonly command: CommissionCommand;
  readonly expectedVersion: number | undefined;
}

async function act(
  deps: OperationsDeps,
  { context, ...input }: Action,
): Promise<{ commission: string; version: number }> {
  const outcome = await changeCommission(deps, context, input);
  deps.commissionMetrics.transitions.inc({ action: input.command.action, outcome: outcome.outcome });
  switch (outcome.outcome) {
    case 'done':
      return outcome;
    case 'not_found':
      throw commissionNotFound(input.commissionId);
    case 'refused':
      throw refused(outcome);
    case 'invalid':
      throw invalidField(outcome);
    case 'stale':
      throw stale(outcome);
    case 'contended':
      throw contended();
  }
}
