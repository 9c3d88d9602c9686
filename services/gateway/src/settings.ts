import { ConfigError } from '@tributary/runtime';
import type { GatewaySettings } from './app.ts';
import type { GatewayConfig } from './config.ts';
import type { ExternalIssuer } from './identity/external-identities.ts';

/** What of the environment concerns the app itself. */
export function settingsFrom(config: GatewayConfig): GatewaySettings {
  return {
    upstreams: config.UPSTREAMS,
    identitySecret: config.IDENTITY_SECRET,
    jwtKeys: config.JWT_SECRETS,
    accessTokenSeconds: config.ACCESS_TOKEN_SECONDS,
    refreshTokenDays: config.REFRESH_TOKEN_DAYS,
    limits: {
      public: config.RATE_LIMIT_PUBLIC,
      admin: config.RATE_LIMIT_ADMIN,
      partner: config.RATE_LIMIT_PARTNER,
      apiKey: config.RATE_LIMIT_API_KEY,
    },
    loginLimit: config.RATE_LIMIT_LOGIN,
    upstream: {
      connections: config.UPSTREAM_CONNECTIONS,
      connectTimeoutMs: config.UPSTREAM_CONNECT_TIMEOUT_MS,
      headersTimeoutMs: config.UPSTREAM_HEADERS_TIMEOUT_MS,
      bodyTimeoutMs: config.UPSTREAM_BODY_TIMEOUT_MS,
    },
    patienceMs: config.UPSTREAM_PATIENCE_MS,
    maxInFlight: config.UPSTREAM_MAX_IN_FLIGHT,
    corsOrigins: config.CORS_ORIGINS,
    trustedProxies: config.TRUSTED_PROXIES,
    metricsToken: config.METRICS_TOKEN,
    externalIssuer: externalIssuer(config),
  };
}

/** @throws {ConfigError} when it is half configured: people would be locked out without anybody being told why */
function externalIssuer(config: GatewayConfig): ExternalIssuer | undefined {
  const { OIDC_ISSUER, OIDC_JWKS_URL, OIDC_AUDIENCE, OIDC_ROLE_MAP } = config;
  if (OIDC_ISSUER === undefined) return undefined;
  const missing = Object.entries({ OIDC_JWKS_URL, OIDC_AUDIENCE, OIDC_ROLE_MAP })
    .filter(([, value]) => value === undefined)
    .map(([name]) => `${name} is missing, which OIDC_ISSUER asks for`);
  if (OIDC_JWKS_URL === undefined || OIDC_AUDIENCE === undefined || OIDC_ROLE_MAP === undefined)
    throw new ConfigError(missing);
  return {
    issuer: OIDC_ISSUER,
    jwksUrl: new URL(OIDC_JWKS_URL),
    audience: OIDC_AUDIENCE,
    roleClaim: config.OIDC_ROLE_CLAIM,
    roles: OIDC_ROLE_MAP,
  };
}
