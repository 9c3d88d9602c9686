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
  expectedVersion,
  idParams,
  positiveMoney,
  reasonFields,
  rememberAnswer,
  requestContext,
  sendJsonText,
  success,
  successText,
  validationError,
  versionEtag,
  versionMismatch,
  type ServiceApp,
} from '@tributary/http-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { TrackingDeps } from '../deps.ts';
import { errors } from '../errors.ts';
import { postConversion } from './post-conversion.ts';
import { postedConversionAt } from './posted-conversion.ts';
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
const VERSIONED = 'ETag and If-Match are the version of the conversion.';

/** What shops' back ends do: post, confirm, cancel and refund conversions. */
export function conversionWriteRoutes(app: ServiceApp, deps: TrackingDeps): void {
  app.route({
    method: 'POST',
    url: '/tracking/conversion',
    schema: { body: postedConversionAt(deps.clock), response: { 201: settled, 200: settled } },
    config: {
      operationId: 'recordConversion',
      summary: 'Record an order and credit the partners who led to it; repeating it answers the first',
      scope,
      errors: [errors.CONVERSION_CONTRADICTED],
      bodyExamples: ORDERS,
    },
    handler: async (request, reply) => {
      const context = requestContext(request, deps.clock());
      const outcome = await postConversion(deps, context, request.body);
      const text = recordedText(outcome);
      if (outcome.outcome === 'repeated') return sendRepeated(deps, request, reply, text);
      return sendJsonText(reply.code(201), text);
    },
  });
  settleRoutes(app, deps);
  refundRoute(app, deps);
}

/** Shops confirm and cancel as their own orders go: they may say why, and need not. */
const perhapsWhy = z.strictObject({ ...reasonFields, reason: reasonFields.reason.optional() }).nullish();

/** What history says of a cancellation that came without a reason. */
const CANCELLED = 'The order was cancelled.';

const WHYS_TO_CONFIRM = [{}, { reason: 'Delivered' }];
const WHYS_TO_CANCEL = [{}, { reason: 'Never paid for', reasonCode: 'order_cancelled' }];

function settleRoutes(app: ServiceApp, deps: TrackingDeps): void {
  app.route({
    method: 'POST',
    url: '/tracking/conversions/:id/confirm',
    schema: { params: idParams, body: perhapsWhy, response: { 200: settled } },
    config: {
      operationId: 'confirmConversion',
      summary: 'Confirm a conversion: its commission is created',
      description: VERSIONED,
      bodyExamples: WHYS_TO_CONFIRM,
      scope,
      errors: [errors.CONVERSION_NOT_FOUND, errors.CONVERSION_NOT_PENDING, commonErrors.VERSION_MISMATCH],
    },
    handler: async (request, reply) => {
      const commands = { ...deps, policies: deps.catalog.policies };
      const conversionId = request.params.id;
      const input = { conversionId, expectedVersion: expectedVersion(request), ...request.body };
      const outcome = await confirmConversion(commands, requestContext(request, deps.clock()), input);
      return sendSettled(reply, outcome);
    },
  });
  app.route({
    method: 'POST',
    url: '/tracking/conversions/:id/cancel',
    schema: { params: idParams, body: perhapsWhy, response: { 200: settled } },
    config: {
      operationId: 'cancelConversion',
      summary: 'Cancel a conversion and its commissions',
      description: `${VERSIONED} Without a reason "${CANCELLED}" is recorded.`,
      bodyExamples: WHYS_TO_CANCEL,
      scope,
      errors: [
        errors.CONVERSION_NOT_FOUND,
        errors.CONVERSION_ENDED,
        errors.COMMISSION_ALREADY_PAID,
        commonErrors.VERSION_MISMATCH,
      ],
    },
    handler: async (request, reply) => {
      const conversionId = request.params.id;
      const { reason = CANCELLED, reasonCode } = request.body ?? {};
      const input = { conversionId, expectedVersion: expectedVersion(request), reason, reasonCode };
      const outcome = await cancelConversion(deps, requestContext(request, deps.clock()), input);
      return sendSettled(reply, outcome);
    },
  });
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
      description: VERSIONED,
      scope,
      errors: [
        errors.CONVERSION_NOT_FOUND,
        errors.CONVERSION_ENDED,
        errors.REFUND_EXCEEDS_REMAINING,
        errors.REFUND_ID_REUSED,
        commonErrors.VERSION_MISMATCH,
      ],
    },
    handler: async (request, reply) => {
      const { refundAmount, refundId, ...why } = request.body;
      const outcome = await refundConversion(deps, requestContext(request, deps.clock()), {
        conversionId: request.params.id,
        amount: refundAmount,
        shopRefundId: refundId,
        expectedVersion: expectedVersion(request),
        ...why,
      });
      const refunded = refundOf(outcome);
      reply.header('etag', versionEtag(refunded.version));
      const text = successText(refunded.result);
      return refunded.outcome === 'repeated'
        ? sendRepeated(deps, request, reply, text)
        : sendJsonText(reply, text);
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

/** Answers what had been done before: nothing was written now that could have kept the answer under the caller's key. */
async function sendRepeated(
  { db }: Pick<TrackingDeps, 'db'>,
  request: FastifyRequest,
  reply: FastifyReply,
  text: string,
): Promise<FastifyReply> {
  if (request.idempotency !== null)
    await rememberAnswer(db, request, { status: 200, body: JSON.parse(text) as object });
  return sendJsonText(reply, text);
}

function recordedText(outcome: RecordConversionOutcome): string {
  switch (outcome.outcome) {
    case 'recorded':
    case 'repeated':
      return bodyText(outcome);
    case 'conflict': {
      const field = [{ path: outcome.field, message: outcome.detail }];
      throw new AppError(errors.CONVERSION_CONTRADICTED, outcome.detail, { errors: field });
    }
    case 'contended':
      throw contended();
  }
}

const stale = ({ version }: { readonly version: number }): AppError =>
  versionMismatch(`The conversion is at version ${version}`);

function sendSettled(reply: FastifyReply, outcome: SettleOutcome): FastifyReply {
  switch (outcome.outcome) {
    case 'done':
      return sendJsonText(reply.header('etag', versionEtag(outcome.version)), bodyText(outcome));
    case 'stale':
      throw stale(outcome);
    case 'not_found':
      throw notFound();
    case 'refused':
      throw refused(outcome);
    case 'contended':
      throw contended();
  }
}

function refundOf(outcome: RefundOutcome): Extract<RefundOutcome, { outcome: 'done' | 'repeated' }> {
  switch (outcome.outcome) {
    case 'done':
    case 'repeated':
      return outcome;
    case 'stale':
      throw stale(outcome);
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
