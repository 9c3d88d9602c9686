export {
  list,
  listMeta,
  listMetaSchema,
  listText,
  ok,
  sendJsonText,
  success,
  successText,
  successWithMeta,
  timestamp,
  TOTAL_CAP,
} from './answers.ts';
export type { Counted, ListMeta } from './answers.ts';
export { buildHttpApp, buildServiceApp } from './app.ts';
export type { HttpAppOptions, ServiceApp, ServiceAppOptions } from './app.ts';
export { assertAllowed, ownPartnerOnly, partnerFilter } from './authorization.ts';
export { commissionSchema } from './commission-answer.ts';
export { jobDetailSchema, jobSchema } from './job-answer.ts';
export { requestContext } from './context.ts';
export type { CommandContext, RequestActor } from './context.ts';
export { dateRangeQuery, resolveDateRange, withOrderedDates } from './date-range.ts';
export type { DateRange, DateRangeOptions } from './date-range.ts';
export { sendProblem, toAppError } from './error-handler.ts';
export { AppError, commonErrors, defineErrors, validationError } from './errors.ts';
export type { ErrorCatalogue, ErrorExtra, ErrorSpec, FieldError } from './errors.ts';
export {
  currencyCode,
  hasDecimals,
  idField,
  idParams,
  MAX_AMOUNT,
  money,
  moneyAnswer,
  moneyFaults,
  positiveMoney,
  reason,
  reasonFields,
} from './fields.ts';
export { DRAINING_HEADER } from './health-routes.ts';
export { noteBodyHash, rememberAnswer } from './idempotency.ts';
export type { IdempotencyContext } from './idempotency-context.ts';
export {
  createIdentityVerifier,
  deriveIdentityKey,
  IDENTITY_HEADER,
  signIdentity,
  verifyIdentity,
} from './identity.ts';
export type { Identity, IdentityKey, IdentityVerifier, SigningContext } from './identity.ts';
export { principalOf } from './observation.ts';
export { decodeCursor, encodeCursor, pageQuery, sortOrder } from './page-query.ts';
export type { SortOrder } from './page-query.ts';
export { PROBLEM_CONTENT_TYPE, problemType, toProblem } from './problem.ts';
export type { Problem } from './problem.ts';
export { queryAmount, queryBoolean, queryInteger } from './query-fields.ts';
export { REQUEST_ID_HEADER, requestIdOf } from './request-id.ts';
export type { RateClass, RouteDeclaration } from './route-config.ts';
export { ROLE_SCOPES, SCOPES } from './scopes.ts';
export type { Scope } from './scopes.ts';
export { databaseProblem } from './sql-errors.ts';
export { isTimeZone, startOfDay } from './start-of-day.ts';
export { assertVersion, expectedVersion, versionEtag, versionMismatch } from './versions.ts';
export { findUnstorable } from './unstorable.ts';
export { fieldOf, RequestInvalidError } from './validation.ts';
