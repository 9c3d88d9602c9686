import { AppError, validationError, versionMismatch } from '@tributary/http-kit';
import { errors } from '../errors.ts';
import type { RouteDeps } from '../routes-context.ts';
import { checkUrl } from '../ssrf/check-url.ts';
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

/** The URL in its normal form. @throws 400 when webhooks must not go there */
export function allowedUrl(text: string, { addressPolicy }: RouteDeps): string {
  const check = checkUrl(text, addressPolicy);
  if (check.outcome === 'allowed') return check.url.href;
  throw validationError([{ path: 'url', message: check.reason }]);
}

/** A partner's own by default; staff have to name one, and a partner may name no other. */
export function partnerOf(asked: string | undefined, own: string | undefined): string {
  if (own === undefined) {
    if (asked === undefined) throw validationError([{ path: 'partnerId', message: 'is required' }]);
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
