import {
  cancelConversion,
  confirmConversion,
  refundConversion,
  type RecordConversionOutcome,
  type RefundOutcome,
  type SettleOutcome,
} from '@tributary/commissions';
import {
  AppError,
  commonErrors,
  idParams,
  positiveMoney,
  reasonFields,
  requestContext,
  sendJsonText,
  success,
  successText,
  validationError,
  type ServiceApp,
} from '@tributary/http-kit';
import { z } from 'zod';
import type { TrackingDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { postConversion } from './post-conversion.ts';
import { postedConversion } from './posted-conversion.ts';
import { refundedSchema, settledSchema } from './wire-schemas.ts';

const ORDER = { orderId: 'SO-10482', currency: 'USD', referralCode: 'HARBOUR' };
const LINES = [
  { sku: 'TENT-DUO', amount: 449 },
  { sku: 'BIKE-HELMET', amount: 89.95, quantity: 2 },
];
const ORDERS = [
  { ...ORDER, sku: 'TENT-DUO', orderAmount: 449 },
  { ...ORDER, lines: LINES, confirmed: true },
];

const settled = success(settledSchema);
const scope = 'conversions:write';

/** What shops' back ends do: post, confirm, cancel and refund conversions. */
export function conversionWriteRoutes(app: ServiceApp, deps: TrackingDeps): void {
  app.route({
    method: 'POST',
    url: '/tracking/conversion',
    schema: { body: postedConversion, response: { 201: settled, 200: settled } },
    config: {
      operationId: 'recordConversion',
      summary: 'Record an order and credit the partners who led to it; repeating it answers the first',
      scope,
      errors: [errors.CONVERSION_CONTRADICTED],
      bodyExamples: ORDERS,
    },
    handler: async (request, reply) => {
      const context = requestContext(request, deps.clock());
      const { status, text } = recordedAnswer(await postConversion(deps, context, request.body));
      return sendJsonText(reply.code(status), text);
    },
  });
  app.route({
    method: 'POST',
    url: '/tracking/conversions/:id/confirm',
    schema: { params: idParams, response: { 200: settled } },
    config: {
      operationId: 'confirmConversion',
      summary: 'Confirm a conversion: its commission is created',
      scope,
      errors: [errors.CONVERSION_NOT_FOUND, errors.CONVERSION_NOT_PENDING],
    },
    handler: async (request, reply) => {
      const commands = { ...deps, policies: deps.catalog.policies };
      const context = requestContext(request, deps.clock());
      return sendJsonText(reply, settledText(await confirmConversion(commands, context, request.params.id)));
    },
  });
  app.route({
    method: 'POST',
    url: '/tracking/conversions/:id/cancel',
    schema: { params: idParams, body: z.strictObject(reasonFields), response: { 200: settled } },
    config: {
      operationId: 'cancelConversion',
      summary: 'Cancel a conversion and its commissions',
      scope,
      errors: [errors.CONVERSION_NOT_FOUND, errors.CONVERSION_ENDED, errors.COMMISSION_ALREADY_PAID],
    },
    handler: async (request, reply) => {
      const input = { conversionId: request.params.id, ...request.body };
      return sendJsonText(
        reply,
        settledText(await cancelConversion(deps, requestContext(request, deps.clock()), input)),
      );
    },
  });
  refundRoute(app, deps);
}

const refund = z.strictObject({
  refundAmount: positiveMoney,
  /** The shop's own: repeating a refund under it changes nothing. */
  refundId: z.string().trim().min(1).max(200),
  ...reasonFields,
});

function refundRoute(app: ServiceApp, deps: TrackingDeps): void {
  app.route({
    method: 'POST',
    url: '/tracking/conversions/:id/refund',
    schema: { params: idParams, body: refund, response: { 200: success(refundedSchema) } },
    config: {
      operationId: 'refundConversionByShop',
      summary: 'Record a refund that the shop has made; paid commissions are clawed back',
      scope,
      errors: [
        errors.CONVERSION_NOT_FOUND,
        errors.CONVERSION_ENDED,
        errors.REFUND_EXCEEDS_REMAINING,
        errors.REFUND_ID_REUSED,
      ],
    },
    handler: async (request, reply) => {
      const { refundAmount, refundId, ...why } = request.body;
      const input = { conversionId: request.params.id, amount: refundAmount, shopRefundId: refundId, ...why };
      const context = requestContext(request, deps.clock());
      return sendJsonText(reply, refundText(await refundConversion(deps, context, input)));
    },
  });
}

type Settled = { readonly conversions: string; readonly commissions: string };

const bodyText = ({ conversions, commissions }: Settled): string =>
  successText(`{"conversions":${conversions},"commissions":${commissions}}`);

function contended(): AppError {
  return new AppError(
    commonErrors.CONCURRENT_CHANGE,
    'The order is being changed by others right now; try again',
  );
}

const notFound = (): AppError => new AppError(errors.CONVERSION_NOT_FOUND, 'There is no such conversion');

function refused(outcome: {
  readonly code: keyof typeof errors;
  readonly detail: string;
  readonly status: string;
  readonly allowed: readonly string[];
}): AppError {
  const members = { currentStatus: outcome.status, allowedStatuses: outcome.allowed };
  return new AppError(errors[outcome.code], outcome.detail, { members });
}

function recordedAnswer(outcome: RecordConversionOutcome): { status: 200 | 201; text: string } {
  switch (outcome.outcome) {
    case 'recorded':
      return { status: 201, text: bodyText(outcome) };
    case 'repeated':
      return { status: 200, text: bodyText(outcome) };
    case 'conflict': {
      const field = [{ path: outcome.field, message: outcome.detail }];
      throw new AppError(errors.CONVERSION_CONTRADICTED, outcome.detail, { errors: field });
    }
    case 'contended':
      throw contended();
  }
}

function settledText(outcome: SettleOutcome): string {
  switch (outcome.outcome) {
    case 'done':
      return bodyText(outcome);
    case 'not_found':
      throw notFound();
    case 'refused':
      throw refused(outcome);
    case 'contended':
      throw contended();
  }
}

function refundText(outcome: RefundOutcome): string {
  switch (outcome.outcome) {
    case 'done':
    case 'repeated':
      return successText(outcome.result);
    case 'not_found':
      throw notFound();
    case 'refused':
      throw refused(outcome);
    case 'invalid':
      throw validationError([{ path: outcome.field, message: outcome.message }]);
    case 'refund_id_reused':
      throw new AppError(errors.REFUND_ID_REUSED, outcome.detail);
    case 'contended':
      throw contended();
  }
}
