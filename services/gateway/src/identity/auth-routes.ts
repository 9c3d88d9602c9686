import { AppError, commonErrors, ok, requestContext, success, type ServiceApp } from '@tributary/http-kit';
import { DEFAULT_PROGRAM, USER_ROLES } from '@tributary/schema';
import { z } from 'zod';
import { errors } from '../errors.ts';
import { bearerToken } from './authenticate.ts';
import { logIn, refreshSession, type Login, type LoginDeps } from './login.ts';
import { closeSession, findActiveUser } from './sessions-store.ts';

const userSchema = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  role: z.enum(USER_ROLES),
  partnerId: z.string().nullable(),
});

const grantSchema = z.object({
  accessToken: z.string(),
  refreshToken: z.string(),
  expiresIn: z.int().meta({ description: 'Seconds that the access token is good for' }),
  user: userSchema,
});

const meSchema = z.object({
  kind: z.enum(['user', 'api_key']),
  id: z.string(),
  name: z.string(),
  email: z.string().nullable(),
  role: z.enum(USER_ROLES).nullable(),
  partnerId: z.string().nullable(),
  scopes: z.array(z.string()),
});

const refreshTokenField = z.string().min(1).max(200);

/** Logging in and out. Their answers are secrets, so that none of them is kept for an `Idempotency-Key`. */
export function registerAuthRoutes(app: ServiceApp, deps: LoginDeps): void {
  app.route({
    method: 'POST',
    url: '/auth/login',
    schema: {
      body: z.strictObject({
        email: z.string().trim().min(3).max(254),
        password: z.string().min(1).max(1_000),
      }),
      response: { 200: success(grantSchema) },
    },
    config: {
      operationId: 'login',
      summary: 'Log in with e-mail address and password',
      scope: 'public',
      rateClass: 'login',
      idempotency: false,
      errors: [errors.LOGIN_UNAVAILABLE],
    },
    async handler(request) {
      const login = await logIn(deps, { ...request.body, address: request.identity.ip });
      switch (login.outcome) {
        case 'granted':
          return ok(login.grant);
        case 'wrong':
          throw new AppError(commonErrors.UNAUTHENTICATED, 'The e-mail address or the password is wrong');
        case 'limited':
          throw tooManyFailures(login);
        case 'unavailable':
          throw new AppError(errors.LOGIN_UNAVAILABLE, 'Try again shortly', {
            headers: { 'retry-after': '5' },
          });
      }
    },
  });

  app.route({
    method: 'POST',
    url: '/auth/refresh',
    schema: {
      body: z.strictObject({ refreshToken: refreshTokenField }),
      response: { 200: success(grantSchema) },
    },
    config: {
      operationId: 'refreshSession',
      summary: 'Trade a refresh token for new tokens, once',
      scope: 'public',
      rateClass: 'login',
      idempotency: false,
    },
    async handler(request) {
      const grant = await refreshSession(deps, request.body.refreshToken);
      if (grant === undefined) {
        throw new AppError(commonErrors.UNAUTHENTICATED, 'The refresh token is not valid; log in again');
      }
      return ok(grant);
    },
  });

  registerSessionRoutes(app, deps);
}

function registerSessionRoutes(app: ServiceApp, deps: LoginDeps): void {
  app.route({
    method: 'POST',
    url: '/auth/logout',
    schema: {
      body: z.strictObject({ refreshToken: refreshTokenField.optional() }).nullish(),
      response: { 200: success(z.null()) },
    },
    config: {
      operationId: 'logout',
      summary: 'End the session of the refresh token, or of the access token that was sent',
      scope: 'public',
      rateClass: 'login',
      idempotency: false,
    },
    async handler(request) {
      const { headers, body } = request;
      const accessToken = bearerToken(headers.authorization ?? '');
      const familyId = accessToken && deps.tokens.verify(accessToken)?.sessionId;
      await closeSession(
        deps.db,
        DEFAULT_PROGRAM,
        { familyId, refreshToken: body?.refreshToken },
        requestContext(request).now,
      );
      return { ...ok(null), message: 'Logged out' };
    },
  });

  app.route({
    method: 'GET',
    url: '/auth/me',
    schema: { response: { 200: success(meSchema) } },
    config: {
      operationId: 'getMe',
      summary: 'Who the credentials speak for, and what they allow',
      scope: 'authenticated',
      partnerAccess: 'own',
    },
    async handler(request) {
      const { kind, id, name, scopes, partnerId = null, programId } = request.identity;
      const rights = { scopes: [...scopes] };
      if (kind !== 'user') {
        return ok({ kind: 'api_key' as const, id, name, email: null, role: null, partnerId, ...rights });
      }
      const user = await findActiveUser(deps.db, programId, id);
      if (user === undefined)
        throw new AppError(commonErrors.UNAUTHENTICATED, 'The account is gone or disabled');
      const { programId: _program, ...profile } = user;
      return ok({ kind: 'user' as const, ...profile, ...rights });
    },
  });
}

/** Its headers speak of the failures, where those of the door would speak of all requests from the address. */
function tooManyFailures({ limit, retryAfterMs }: Extract<Login, { outcome: 'limited' }>): AppError {
  const detail = `Too many failed logins; try again in ${describeWait(retryAfterMs)}`;
  const seconds = String(Math.ceil(retryAfterMs / 1000));
  return new AppError(commonErrors.RATE_LIMITED, detail, {
    members: { limit },
    headers: {
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': seconds,
      'retry-after': seconds,
    },
  });
}

function describeWait(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  return minutes <= 1 ? 'a minute' : `${minutes} minutes`;
}
