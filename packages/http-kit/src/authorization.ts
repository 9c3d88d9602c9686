import type { FastifyRequest } from 'fastify';
import { AppError, commonErrors } from './errors.ts';
import { IDENTITY_HEADER } from './identity.ts';
import type { Identity, IdentityVerifier } from './identity.ts';
import type { RouteDeclaration } from './route-config.ts';

/** Establishes who is calling and whether the route is open to them. */
export function authorize(request: FastifyRequest, verify: IdentityVerifier): void {
  const { config } = request.routeOptions;
  if (config.internal === true || request.is404) return;
  const identity = identityOf(request, verify);
  request.identity = identity;
  assertAllowed(config, identity);
}

function identityOf(request: FastifyRequest, verify: IdentityVerifier): Identity {
  const header = request.headers[IDENTITY_HEADER];
  const identity = typeof header === 'string' ? verify(header) : undefined;
  if (identity === undefined) {
    throw new AppError(
      commonErrors.UNAUTHENTICATED,
      'This service answers requests that come through the gateway',
    );
  }
  return identity;
}

/** @throws 401 for nobody where somebody is needed, 403 where the caller lacks the scope or is a partner */
export function assertAllowed(route: RouteDeclaration, identity: Identity): void {
  const { scope } = route;
  if (scope === 'public') return;
  if (identity.kind === 'public')
    throw new AppError(commonErrors.UNAUTHENTICATED, 'Authentication is required');
  if (scope === 'authenticated') return;
  if (![scope ?? []].flat().some((one) => identity.scopes.includes(one))) {
    throw new AppError(commonErrors.FORBIDDEN, `The scope ${namedScope(scope) ?? 'of this route'} is needed`);
  }
  if (identity.partnerId !== undefined && route.partnerAccess !== 'own') {
    throw new AppError(commonErrors.FORBIDDEN, 'Partners have no access to this');
  }
}

/** `operations:write or payments:write` where any of several will do. */
export function namedScope(scope: RouteDeclaration['scope']): string | undefined {
  return scope === undefined ? undefined : [scope].flat().join(' or ');
}

/**
 * The partner whose rows the caller is confined to; undefined for staff, who see all. A handler puts it into the WHERE
 * of what it reads, so that another partner's row is simply not found (404).
 */
export function ownPartnerOnly(identity: Pick<Identity, 'partnerId'>): string | undefined {
  return identity.partnerId;
}

/**
 * The partner to filter by when the caller may also name one. A partner that names another gets `undefined` rows: the
 * answer is `{ none: true }`, and lists then are empty.
 */
export function partnerFilter(
  identity: Identity,
  asked: string | undefined,
): { readonly partnerId: string | undefined; readonly none: boolean } {
  const own = ownPartnerOnly(identity);
  if (own === undefined) return { partnerId: asked, none: false };
  return { partnerId: own, none: asked !== undefined && asked !== own };
}
