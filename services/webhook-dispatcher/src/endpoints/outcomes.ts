import { AppError, toAppError, validationError, versionMismatch } from '@tributary/http-kit';
import { errors } from '../errors.ts';
import type { ChangeEndpointOutcome } from './change-endpoint.ts';
import { MAX_ENDPOINTS_PER_PARTNER } from './create-endpoint.ts';
import type { CreateEndpointOutcome } from './create-endpoint.ts';
import type { Endpoint } from './endpoint-wire.ts';

export function endpointNotFound(id: string): AppError {
  return new AppError(errors.WEBHOOK_ENDPOINT_NOT_FOUND, `There is no webhook endpoint ${id}`);
}

export function endpointDisabled(): AppError {
  return new AppError(
    errors.WEBHOOK_ENDPOINT_DISABLED,
    'Switch the endpoint on before delivering to it again',
  );
}

export const normalUrl = (text: string): string => new URL(text).href;

const PARTNER_MISSING = { path: 'partnerId', message: 'is required' } as const;

/**
 * For a route that attaches what its schema found wrong: names it together with the partner that is missing, which depends on
 * who asks and is no matter of the schema. @throws 400
 */
export function assertWellAsked(request: Parameters<typeof toAppError>[1], own: string | undefined): void {
  const { body, validationError: found } = request;
  const isMissing =
    own === undefined && typeof body === 'object' && body !== null && !Object.hasOwn(body, 'partnerId');
  const invalid = found && toAppError(found, request);
  if (invalid === undefined) return;
  if (!isMissing) throw invalid;
  throw validationError([...(invalid.extra.errors ?? []), PARTNER_MISSING]);
}

/** A partner's own by default; staff have to name one, and a partner may name no other. */
export function partnerOf(asked: string | undefined, own: string | undefined): string {
  if (own === undefined) {
    if (asked === undefined) throw validationError([PARTNER_MISSING]);
    return asked;
  }
  if (asked !== undefined && asked !== own) throw partnerNotFound(asked);
  return own;
}

function partnerNotFound(partnerId: string): AppError {
  return new AppError(errors.PARTNER_NOT_FOUND, `There is no partner ${partnerId}`);
}

export function createdOrThrow(
  outcome: CreateEndpointOutcome,
  partnerId: string,
): Endpoint & { secret: string } {
  switch (outcome.outcome) {
    case 'created':
      return { ...outcome.endpoint, secret: outcome.secret };
    case 'partner_not_found':
      throw partnerNotFound(partnerId);
    case 'too_many':
      throw new AppError(
        errors.WEBHOOK_ENDPOINT_LIMIT,
        `A partner may have ${MAX_ENDPOINTS_PER_PARTNER} webhook endpoints`,
      );
  }
}

export function doneOrThrow(outcome: ChangeEndpointOutcome, id: string): Endpoint {
  switch (outcome.outcome) {
    case 'done':
      return outcome.endpoint;
    case 'not_found':
      throw endpointNotFound(id);
    case 'version_mismatch':
      throw versionMismatch();
  }
}
